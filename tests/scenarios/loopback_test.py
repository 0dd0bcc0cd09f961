"""The loopback services themselves, by plain sockets: what they answer, do wrong on purpose, and record."""
import http.client
import json
import pathlib
import socket
import sys
import threading
import time
import unittest
import wave
import io

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from loopback.chat_service import ChatService  # noqa: E402
from loopback.faults import KINDS, WORDS, make_fault  # noqa: E402
from loopback.http_server import Loop, body_of  # noqa: E402
from loopback.script import Answer, Script, Tool, grows  # noqa: E402
from loopback.transcription_service import TranscriptionService, Utterance, form_of  # noqa: E402

TIMEOUT = 10


def question(text: str, **more) -> dict:
    return {"model": "loopback", "stream": True, "messages": [{"role": "user", "content": text}], **more}


class Service(unittest.TestCase):
    def setUp(self):
        self.told: list[str] = []
        self.closed = threading.Event()
        self.loop = Loop()
        self.service = self.make()
        self.loop.call(self.service.server.start())

    def tearDown(self):
        self.loop.call(self.service.server.stop())
        self.loop.stop()

    def tell(self, kind, _record):
        self.told.append(kind)
        if kind == "closed":
            self.closed.set()

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.service.server.port), TIMEOUT)
        self.addCleanup(connection.close)
        return connection

    def send(self, connection: socket.socket, path: str, body: bytes, content_type="application/json") -> None:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n"
                           f"Content-Type: {content_type}"
                           f"\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    def everything(self, connection: socket.socket) -> bytes:
        out = b""
        while data := connection.recv(65536):
            out += data
        return out


class Chat(Service):
    def make(self):
        return ChatService(self.tell)

    def script(self, *answers: Answer) -> None:
        self.loop.run(self.service.reset, Script(list(answers)))

    def ask(self, body: dict) -> bytes:
        connection = self.connect()
        self.send(connection, "/v1/chat/completions", json.dumps(body).encode())
        return self.everything(connection)

    def events(self, raw: bytes) -> list[dict]:
        lines = [line.strip() for line in body_of(raw).replace(b"\r\n", b"\n").split(b"\n")]
        return [json.loads(line[5:]) for line in lines if line.startswith(b"data:") and b"[DONE]" not in line]

    def text(self, raw: bytes) -> str:
        deltas = [e["choices"][0]["delta"] for e in self.events(raw) if e.get("choices")]
        return "".join(d.get("content") or "" for d in deltas)

    def test_an_answer_is_streamed_word_by_word(self):
        self.script(Answer(text="Paris it is."))
        raw = self.ask(question("France?", stream_options={"include_usage": True}))
        self.assertEqual(self.text(raw), "Paris it is.")
        events = self.events(raw)
        self.assertEqual([e["choices"][0]["delta"].get("content") for e in events[1:4]], ["Paris", " it", " is."])
        self.assertEqual(events[-2]["choices"][0]["finish_reason"], "stop")
        self.assertEqual(events[-1]["usage"]["completion_tokens"], 3)
        self.assertTrue(body_of(raw).endswith(b"data: [DONE]\n\n"))

    def test_a_request_is_recorded_and_its_secret_is_not(self):
        self.script(Answer(text="Yes."))
        self.ask(question("Well?"))
        record, = self.loop.run(self.service.requests)
        self.assertEqual(record.body["messages"][0]["content"], "Well?")
        self.assertEqual(record.headers["authorization"], "***")
        self.assertNotIn("secret", str(record))
        self.assertLessEqual(record.received, record.first_byte)
        self.assertLessEqual(record.first_byte, record.last_byte)
        self.assertEqual((record.sent, record.status, record.closed_early, record.done), ("Yes.", 200, False, True))
        self.assertEqual(self.told, ["request", "answered"])

    def test_a_warm_up_uses_no_answer(self):
        self.script(Answer(text="Yes."))
        self.ask(question("Well?", max_tokens=1))
        self.assertEqual(self.text(self.ask(question("Well?"))), "Yes.")
        self.assertEqual(len(self.loop.run(self.service.requests)), 1)

    def test_a_tool_is_called_in_two_pieces(self):
        self.script(Answer(text="Wait.", tools=[Tool("look", '{"at": "it"}')]))
        deltas = [e["choices"][0]["delta"] for e in self.events(self.ask(question("Look!")))]
        calls = [c for d in deltas for c in d.get("tool_calls", [])]
        self.assertEqual("".join(c["function"]["arguments"] for c in calls), '{"at": "it"}')
        self.assertEqual((calls[0]["id"], calls[0]["function"]["name"]), ("call_0", "look"))
        self.assertNotIn("id", calls[1])

    def test_a_peer_that_goes_is_noticed(self):
        self.script(Answer(text="one two three", pace_ms=5000))
        connection = self.connect()
        self.send(connection, "/v1/chat/completions", json.dumps(question("Count.")).encode())
        connection.recv(100)
        connection.close()
        self.assertTrue(self.closed.wait(TIMEOUT))
        record, = self.loop.run(self.service.requests)
        self.assertTrue(record.closed_early)
        self.assertLess(len(record.sent), len("one two three"))

    def test_drop_resets_every_connection(self):
        self.script(Answer(text="one two", pace_ms=60000))
        connection = self.connect()
        self.send(connection, "/v1/chat/completions", json.dumps(question("Count.")).encode())
        connection.recv(100)
        self.assertEqual(self.loop.run(self.service.server.drop), 1)
        with self.assertRaises(ConnectionResetError):
            self.everything(connection)

    def test_an_answer_that_the_script_lacks_is_told(self):
        self.script()
        self.assertIn(b" 400 ", self.ask(question("[12:00]\n\nAnd now?")))
        self.assertEqual(self.loop.run(lambda: self.service.script.exhausted), ["And now?"])

    def test_a_connection_serves_two_requests(self):
        self.script(Answer(text="One."), Answer(text="Two."))
        connection = http.client.HTTPConnection("127.0.0.1", self.service.server.port, timeout=TIMEOUT)
        self.addCleanup(connection.close)
        for asked, wanted in (("first", "One."), ("second", "Two.")):
            connection.request("POST", "/v1/chat/completions", json.dumps(question(asked, stream=False)),
                               {"Content-Type": "application/json"})
            reply = json.loads(connection.getresponse().read())
            self.assertEqual(reply["choices"][0]["message"]["content"], wanted)
        self.assertEqual(self.service.server.connections, 1)

    # -- faults -------------------------------------------------------------------------------------------------
    def with_fault(self, **fault) -> bytes:
        self.script(Answer(text="one two three", fault=make_fault(fault)))
        return self.ask(question("Count."))

    def test_statuses_come_with_their_retry_after(self):
        for status, retry_after, header in ((401, "", None), (403, "", None), (400, "", None), (422, "", None),
                                            (429, "2", b"Retry-After: 2"), (429, "300ms", b"Retry-After-Ms: 300"),
                                            (429, "date", b"GMT\r\n"), (500, "", None), (503, "", None),
                                            (529, "", None)):
            raw = self.with_fault(kind="status", status=status, retry_after=retry_after)
            self.assertTrue(raw.startswith(f"HTTP/1.1 {status} ".encode()), raw)
            self.assertEqual(json.loads(body_of(raw))["error"]["code"], status)
            if header:
                self.assertIn(header, raw)
            else:
                self.assertNotIn(b"Retry-After", raw)

    def test_a_fault_befalls_so_many_requests(self):
        self.script(Answer(text="Paris.", fault=make_fault({"kind": "status", "status": 503, "times": 2})))
        self.assertIn(b" 503 ", self.ask(question("France?")))
        self.assertIn(b" 503 ", self.ask(question("France?")))
        self.assertEqual(self.text(self.ask(question("France?"))), "Paris.")

    def test_it_hangs_after_so_many_pieces(self):
        for after, seen in ((0, ""), (2, "one two")):
            self.script(Answer(text="one two three", fault=make_fault({"kind": "hang", "after": after})))
            connection = self.connect()
            connection.settimeout(0.3)
            self.send(connection, "/v1/chat/completions", json.dumps(question("Count.")).encode())
            raw = b""
            with self.assertRaises(TimeoutError):
                while True:
                    raw += connection.recv(65536)
            self.assertTrue(raw.startswith(b"HTTP/1.1 200"))
            self.assertEqual(self.text(raw), seen)

    def test_a_reset_loses_the_connection(self):
        self.script(Answer(text="one two three", fault=make_fault({"kind": "reset", "after": 1})))
        connection = self.connect()
        self.send(connection, "/v1/chat/completions", json.dumps(question("Count.")).encode())
        with self.assertRaises(ConnectionResetError):
            self.everything(connection)

    def test_an_end_without_a_terminal_event(self):
        raw = self.with_fault(kind="eof", after=2)
        self.assertEqual(self.text(raw), "one two")
        self.assertNotIn(b"[DONE]", raw)
        self.assertTrue(raw.endswith(b"0\r\n\r\n"))

    def test_an_error_event_in_the_middle(self):
        raw = self.with_fault(kind="error_event", after=2)
        self.assertEqual(self.text(raw), "one two")
        self.assertEqual(self.events(raw)[-1]["error"]["code"], 503)

    def test_delays(self):
        for kind in ("delay_headers", "delay_first"):
            self.script(Answer(text="one", fault=make_fault({"kind": kind, "ms": 200})))
            connection = self.connect()
            begin = time.monotonic()
            self.send(connection, "/v1/chat/completions", json.dumps(question("Count.")).encode())
            connection.recv(12)
            headers = time.monotonic() - begin
            self.assertIn(b"[DONE]", self.everything(connection))
            self.assertGreaterEqual(time.monotonic() - begin, 0.2)
            if kind == "delay_headers":
                self.assertGreaterEqual(headers, 0.2)

    def test_bodies_that_are_no_stream(self):
        raw = self.with_fault(kind="empty_body")
        self.assertIn(b"HTTP/1.1 200 OK", raw)
        self.assertEqual(body_of(raw), b"")
        self.assertIn("error", json.loads(body_of(self.with_fault(kind="json_body"))))

    def test_streams_that_look_odd_and_are_right(self):
        for kind in ("small_writes", "crlf", "pings", "unknown_event", "unknown_field", "huge_line"):
            raw = self.with_fault(kind=kind)
            self.assertEqual(self.text(raw), "one two three", kind)
            self.assertIn(b"[DONE]", raw, kind)
            if kind == "huge_line":
                self.assertGreater(max(map(len, body_of(raw).split(b"\n"))), 1 << 20)
            if kind == "crlf":
                self.assertEqual(body_of(raw).count(b"\n"), body_of(raw).count(b"\r\n"))
            if kind == "pings":
                self.assertIn(b": ping", raw)

    def test_bytes_that_are_no_text(self):
        raw = self.with_fault(kind="invalid_utf8")
        with self.assertRaises(UnicodeDecodeError):
            body_of(raw).decode()
        self.script(Answer(text="a 😀 b", fault=make_fault({"kind": "split_surrogates"})))
        raw = self.ask(question("Smile."))
        self.assertIn(b'"\\ude00', body_of(raw))
        self.assertNotIn(b"\\ud83d\\ude00", body_of(raw))
        self.assertEqual(self.text(raw).encode("utf-16", "surrogatepass").decode("utf-16"), "a 😀 b")

    def test_every_fault_is_described_and_tried(self):
        self.assertEqual(set(KINDS), set(WORDS))
        with self.assertRaisesRegex(ValueError, "no fault has the kind 'fire'"):
            make_fault({"kind": "fire"})
        with self.assertRaisesRegex(ValueError, "has no option 'ms'"):
            make_fault({"kind": "hang", "ms": 3})


class Scripts(unittest.TestCase):
    def test_the_same_question_has_the_same_answer(self):
        script = Script([Answer("one"), Answer("two"), Answer("three", to="Rome")])
        ask = lambda *texts: script.answer_for([{"role": "user", "content": t} for t in texts])  # noqa: E731
        self.assertEqual(ask("What").text, "one")
        self.assertEqual(ask("What is it?").text, "one")  # the same, longer
        self.assertEqual(ask("And Rome?").text, "three")
        self.assertEqual(ask("What is it?").text, "one")  # a retry
        self.assertEqual(ask("Else?").text, "two")
        self.assertIsNone(ask("More?"))
        self.assertEqual(script.exhausted, ["More?"])

    def test_results_of_tools_ask_for_the_next_answer(self):
        script = Script([Answer("look"), Answer("seen")])
        messages = [{"role": "user", "content": "What?"}]
        self.assertEqual(script.answer_for(messages).text, "look")
        messages += [{"role": "assistant", "content": None}, {"role": "tool", "content": "7"}]
        self.assertEqual(script.answer_for(messages).text, "seen")
        self.assertEqual(script.answer_for(messages).text, "seen")

    def test_a_question_grows_by_words_and_loses_its_mark(self):
        self.assertTrue(grows("Tell me.", "Tell me a story."))
        self.assertFalse(grows("", "Tell me"))
        self.assertFalse(grows("Tell me.", "Tell me."))


class Transcription(Service):
    def make(self):
        return TranscriptionService(self.tell)

    def ask(self, seconds: float, **fields) -> bytes:
        audio = io.BytesIO()
        with wave.open(audio, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(16000)
            writer.writeframes(b"\r\n--x" * int(seconds * 16000 * 2 / 5) + b"\0")
        parts = [(f'name="{k}"', v.encode()) for k, v in fields.items()]
        parts.append(('name="file"; filename="a.wav"\r\nContent-Type: audio/wav', audio.getvalue()))
        body = b"".join(b"--edge-1\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (head.encode(), content)
                        for head, content in parts) + b"--edge-1--\r\n"
        connection = self.connect()
        self.send(connection, "/v1/audio/transcriptions", body, "multipart/form-data; boundary=edge-1")
        return self.everything(connection)

    def say(self, text: str, seconds: float, texts=()) -> None:
        self.loop.run(setattr, self.service, "utterance", Utterance(text, seconds, list(texts)))

    def test_it_understands_what_was_said(self):
        self.say("What is it?", 1.0)
        self.assertEqual(json.loads(body_of(self.ask(1.2, model="m", language="en")))["text"], "What is it?")
        record, = self.loop.run(self.service.requests)
        self.assertEqual([record.body[k] for k in ("model", "language", "shape")], ["m", "en", (16000, 1, 2)])
        self.assertAlmostEqual(record.body["seconds"], 1.2, places=2)

    def test_it_understands_no_more_than_was_sent(self):
        self.say("one two three four five six seven eight", 4.0)
        self.assertEqual(json.loads(body_of(self.ask(2.25)))["text"], "one two three four")

    def test_it_says_what_it_is_told_to(self):
        self.say("ignored", 1.0, ["first", ""])
        self.assertEqual([json.loads(body_of(self.ask(1)))["text"] for _ in range(3)], ["first", "", ""])

    def test_other_forms_of_the_answer(self):
        self.say("Yes.", 0.1)
        self.assertEqual(body_of(self.ask(1, response_format="text")), b"Yes.")
        self.assertIn(b'"transcript.text.done"', body_of(self.ask(1, stream="true")))

    def test_it_fails_so_often(self):
        self.say("Yes.", 0.1)
        self.loop.run(self.service.set_fault, make_fault({"kind": "status", "status": 503, "times": 1}))
        self.assertIn(b" 503 ", self.ask(1))
        self.assertIn(b" 200 ", self.ask(1))

    def test_its_answers_may_be_strange_or_late(self):
        self.say("Yes.", 0.1)
        for fault in ({"kind": "unknown_field"}, {"kind": "huge_line"}, {"kind": "delay_first", "ms": 200}):
            self.loop.run(self.service.set_fault, make_fault(fault))
            asked = time.monotonic()
            body = body_of(self.ask(1))
            self.assertEqual(json.loads(body)["text"], "Yes.")
            self.assertEqual(len(body) > 1 << 20, fault["kind"] == "huge_line")
            self.assertGreaterEqual(time.monotonic() - asked, fault.get("ms", 0) / 1000)

    def test_a_body_that_is_no_form_is_the_clients_mistake(self):
        with self.assertRaises(ValueError):
            form_of("application/json", b"{}")
        connection = self.connect()
        self.send(connection, "/v1/audio/transcriptions", b"{}")
        self.assertEqual(self.everything(connection), b"")
        self.assertIn("ValueError", self.service.server.errors[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
