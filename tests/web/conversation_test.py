"""/chat and /events with the real brain and memory, over deaths of brain and of prot-web."""
import contextlib
import os
import signal
import unittest

from web_instance import LIMIT, Events, WebInstance, WebSocket, wait_for_web

from chat_test import Model  # of tests/supervisor


class Chat(unittest.TestCase):
    def setUp(self):
        self.model = Model()
        self.addCleanup(self.model.close)
        settings = []
        for setting in (f"brain.url=http://127.0.0.1:{self.model.server_port}/v1", "llm.enabled=false", "memory.store=ram",
                        "memory.extraction=false", "general.language=en"):
            settings += ["--set", setting]
        self.prot = self.enterContext(WebInstance(real=["brain", "memory"], settings=settings))
        self.prot.up_and_ready()

    def test_messages_of_the_original_are_answered_each_client_in_its_own_conversation(self):
        with WebSocket(self.prot.port, "/chat") as one, WebSocket(self.prot.port, "/chat") as two:
            self.assertEqual((one.status, two.status), (101, 101))
            one.send(type="message", content="안녕")
            types, done = one.reply()
            self.assertEqual((types[0], types[-1]), ("chunk", "done"))
            self.assertEqual((done["content"], done["interrupted"]), ("You said: 안녕.", False))
            two.send(type="message", content="hi")
            other = two.reply()[1]
            self.assertEqual(other["content"], "You said: hi.")
            self.assertNotEqual(done["conversation"], other["conversation"])
            one.send(type="message", content="again")
            self.assertEqual(one.reply()[1]["conversation"], done["conversation"])
            self.assertEqual(len(self.model.asked[-1]), 4)  # persona, the first turn, the question
            one.send(type="nonsense")
            self.assertEqual(one.reply()[1]["type"], "error")

    def test_messages_that_are_too_long_and_clients_that_are_too_many_are_turned_away(self):
        with contextlib.ExitStack() as held:
            clients = [held.enter_context(WebSocket(self.prot.port, "/chat")) for _ in range(16)]
            self.assertEqual({client.status for client in clients}, {101})
            with WebSocket(self.prot.port, "/chat") as more:
                self.assertEqual(more.status, 503)
            clients[0].send(type="message", content="x" * 70_000)
            with self.assertRaisesRegex(ConnectionError, "1009"):
                clients[0].receive()
            clients[1].send(type="message", content="hi")
            self.assertEqual(clients[1].reply()[1]["content"], "You said: hi.")

    def test_a_page_of_another_origin_gets_no_conversation(self):
        with WebSocket(self.prot.port, "/chat", origin="http://evil.example") as other:
            self.assertEqual(other.status, 403)
        with WebSocket(self.prot.port, "/chat", origin=f"http://localhost:{self.prot.port}") as own:
            self.assertEqual(own.status, 101)

    def test_stop_ends_the_reply_and_a_brain_that_dies_in_it_answers_after_all(self):
        with WebSocket(self.prot.port, "/chat") as chat:
            self.model.hold.set()
            chat.send(type="message", content="a long story")
            self.assertEqual(chat.receive()["type"], "chunk")
            chat.send(type="stop")
            self.assertTrue(chat.reply()[1]["interrupted"])
            self.assertTrue(self.model.hung_up.wait(LIMIT))
            self.model.hung_up.clear()
            chat.send(type="message", content="another")
            self.assertEqual(chat.receive()["type"], "chunk")
            os.kill(self.prot.pids()["brain"], signal.SIGKILL)
            self.assertTrue(self.model.hung_up.wait(LIMIT))  # in the middle of it
            self.model.go.set()
            types, done = chat.reply()
            self.assertIn("restart", types)
            self.assertEqual(done["content"], "You said: another.")

    def test_a_web_that_dies_leaves_the_reply_under_way_to_be_finished(self):
        brain = self.prot.pids()["brain"]
        with WebSocket(self.prot.port, "/chat") as chat:
            chat.send(type="message", content="hello")
            chat.reply()
            web = self.prot.pids()["web"]
            os.kill(web, signal.SIGKILL)
            with self.assertRaises(ConnectionError):
                chat.receive()
        wait_for_web("another prot-web", lambda: self.prot.pids()["web"] not in (0, web) and self.prot.answer("/health"))
        with WebSocket(self.prot.port, "/chat") as chat:
            chat.send(type="message", content="and again")
            self.assertEqual(chat.reply()[1]["content"], "You said: and again.")
        self.assertEqual(self.prot.pids()["brain"], brain)

    def test_events_tell_what_happens_also_after_a_restart_of_brain(self):
        with Events(self.prot.port) as events, Events(self.prot.port) as others:
            self.assertTrue(events.head[0].startswith("HTTP/1.1 200"))
            self.assertIn("Content-Type: text/event-stream", events.head)
            for listener in (events, others):
                self.assertEqual(listener.until("snapshot")["state"], "idle")
                listener.until("connected")
            os.kill(self.prot.pids()["brain"], signal.SIGKILL)
            for listener in (events, others):
                self.assertEqual(listener.until("connected"), {"type": "connected"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
