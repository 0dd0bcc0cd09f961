"""prot chat and prot say: on a pseudo terminal, through a pipe, over restarts of brain; and what a raw client of chat.sock
may do to it. The real brain and memory, and a language model that says what the test wants when it wants."""
import contextlib
import http.server
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import threading
import time
import unittest

from instance import PROT, Instance, alive, wait_for

PROGRAMS = pathlib.Path(os.environ["PROGRAMS"])
LIMIT = 20  # seconds, for what takes none


class Model(http.server.ThreadingHTTPServer):
    """Answers "You said: ..." at once; while `hold` is set, only its beginning."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked = []  # the messages of each request
        self.hold = threading.Event()
        self.go = threading.Event()
        self.hung_up = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def last(self):
        return self.asked[-1][-1]["content"].rsplit("\n\n", 1)[-1]

    def close(self):
        self.go.set()
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # noqa: N802
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(request["messages"])
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if self.server.last() == "what time is it in Korea?":
                function = {"name": request["tools"][0]["function"]["name"], "arguments": '{"time_zone":"Asia/Seoul"}'}
                self.event({"delta": {"content": "Let me see.", "tool_calls": [{"index": 0, "id": "c", "function": function}]},
                            "finish_reason": "tool_calls"})
                return
            self.piece("You said: ")
            if self.server.hold.is_set():
                while not self.server.go.is_set():
                    if select.select([self.connection], [], [], 0.01)[0] and not self.connection.recv(1):
                        self.server.hung_up.set()
                        return
            self.piece(self.server.last() + ".", "stop")
            self.wfile.write(b"data: [DONE]\n\n")

    def piece(self, text, end=None):
        self.event({"delta": {"content": text}, "finish_reason": end})

    def event(self, choice):
        self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_):
        pass


class Chat:
    """prot chat on a pseudo terminal."""

    def __init__(self, prot, *arguments):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execve(PROT, [str(PROT), "chat", *arguments], {**prot.environment, "TERM": "xterm"})
        self.said = ""
        self.code = None

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        os.close(self.terminal)
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def until(self, pattern):
        deadline = time.monotonic() + LIMIT
        while not (match := re.search(pattern, self.said)):
            if not select.select([self.terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"{pattern!r} did not come:\n{self.said}")
            self.said += os.read(self.terminal, 65536).decode(errors="replace")
        self.said = self.said[match.end():]
        return match

    def type(self, text):
        os.write(self.terminal, text.encode())

    def talk(self, text, answer):
        self.until("you: ")
        self.type(text + "\r")
        self.until(re.escape(f"prot: You said: {answer}."))

    def ends(self):
        with contextlib.suppress(OSError):  # the terminal is hung up
            while os.read(self.terminal, 65536):
                pass
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code


class WithBrain(unittest.TestCase):
    def setUp(self):
        self.model = Model()
        self.addCleanup(self.model.close)
        settings = []
        for setting in (f"brain.url=http://127.0.0.1:{self.model.server_port}/v1", "llm.enabled=false", "memory.store=ram",
                        "memory.extraction=false", "general.language=en"):
            settings += ["--set", setting]
        self.prot = self.enterContext(Instance(stages=["capture", "stt", "tts", "player"], settings=settings))
        for stage in ("brain", "memory"):
            (self.prot.stages / f"prot-{stage}").symlink_to(PROGRAMS / stage / f"prot-{stage}")
        self.prot.up()


class Terminal(WithBrain):
    def test_lines_are_edited_and_found_again(self):
        history = self.prot.state / "said/chat_history"
        with Chat(self.prot) as chat:
            chat.until("Ctrl-C stops a reply, Ctrl-D ends")
            chat.talk("hxi\x1b[D\x7f", "hi")  # left, rub out
            chat.talk("한국\x7f어", "한어")  # a whole syllable
            chat.talk("\x1b[A\x1b[A", "hi")  # twice up
            chat.until("you: ")
            chat.type("\r  \r")  # nothing is sent
            chat.talk("end", "end")
            chat.until("you: ")
            chat.type("\x04")
            self.assertEqual(chat.ends(), 0)
        self.assertEqual(len(self.model.asked), 4)
        self.assertEqual(len(self.model.asked[-1]), 8)  # persona, three turns, the question
        self.assertEqual(history.stat().st_mode & 0o777, 0o600)
        self.assertEqual([line for line in history.read_text().splitlines() if line.strip()], ["hi", "한어", "hi", "end"])
        with Chat(self.prot) as chat:
            chat.talk("\x1b[A\x1b[A\x1b[A", "한어")  # of the last time
            self.assertEqual(len(self.model.asked[-1]), 2)  # another conversation

    def test_ctrl_c_stops_the_reply_and_not_the_program(self):
        with Chat(self.prot) as chat:
            self.model.hold.set()
            chat.until("you: ")
            chat.type("a story\r")
            chat.until("prot: You said: ")
            chat.type("\x03")
            chat.until("-- interrupted")
            self.assertTrue(self.model.hung_up.wait(LIMIT))  # nothing is computed for nobody
            self.model.hold.clear()
            chat.until("you: ")
            chat.type("half a que\x03")
            chat.talk("whole", "whole")
            self.assertEqual([m["content"] for m in self.model.asked[-1]][2:3], ["You said:  [interrupted]"])
            chat.until("you: ")
            chat.type("\x04")
            self.assertEqual(chat.ends(), 0)

    def test_a_brain_that_does_not_listen_does_not_hold_the_terminal(self):
        with Chat(self.prot) as chat:
            chat.talk("hi", "hi")
            chat.until("you: ")
            # Its watchdog first, or a slow machine has brain ended for hanging.
            stopped = [self.prot.supervisor(), self.prot.stage("brain")["pid"]]
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            try:
                chat.type("anybody?\r")
                chat.until("prot: ")
                chat.type("\x03")
                time.sleep(0)  # lets it go first; two at once are one to the kernel
                wait_for("the first was taken", lambda: not pending(chat.pid, signal.SIGINT), 5)
                chat.type("\x03")
                chat.until("you: ")
            finally:
                for pid in reversed(stopped):
                    os.kill(pid, signal.SIGCONT)
            chat.type("\x04")
            self.assertEqual(chat.ends(), 0)

    def test_the_conversation_goes_on_over_restarts_of_brain(self):
        with Chat(self.prot) as chat:
            chat.talk("my name is Ada", "my name is Ada")
            self.assertEqual(self.prot.run("restart", "brain").returncode, 0)
            chat.talk("again", "again")
            self.assertEqual([m["role"] for m in self.model.asked[-1]], ["system", "user", "assistant", "user"])
            self.assertEqual(self.model.asked[-1][1]["content"], "my name is Ada")
            self.model.hold.set()
            chat.until("you: ")
            chat.type("in the middle\r")
            chat.until("prot: You said: ")
            os.kill(self.prot.stage("brain")["pid"], signal.SIGKILL)
            self.model.hold.clear()  # not before: it would be said to its end meanwhile
            chat.until("the conversation was restarted; the reply from its start")
            chat.until(re.escape("You said: in the middle."))
            chat.until("you: ")
            self.prot.run("down")
            chat.type("nobody there\r")
            self.assertEqual(chat.ends(), 3)


class ByPipe(WithBrain):
    def pipe(self, data):
        return subprocess.run([PROT, "chat"], env=self.prot.environment, input=data, capture_output=True, timeout=60)

    def test_a_pipe_is_read_line_by_line(self):
        done = self.pipe("one\n\n  \n둘".encode())
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(done.stdout.decode(), "You said: one.\nYou said: 둘.\n")
        self.assertEqual(len(self.model.asked[-1]), 4)

    def test_bad_lines_are_told_and_the_next_ones_answered(self):
        done = self.pipe(b"x" * 10_000_000 + b"\ncaf\xc3\n\x1b[31mred\x00\nlast\n")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.decode(), "prot: a line is longer than 32 KiB and was not sent\n")
        lines = done.stdout.decode().splitlines()
        self.assertEqual(len(lines), 3)
        self.assertEqual((lines[0], lines[2]), ("You said: caf\N{REPLACEMENT CHARACTER}.", "You said: last."))

    def test_say(self):
        done = self.prot.run("say", "Hello", "there")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "You said: Hello there.\n", ""))
        done = self.prot.run("say", " ")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "", "prot: the message is empty\n"))
        done = self.prot.run("say", "x" * 40_000)
        self.assertEqual((done.returncode, done.stderr), (1, "prot: the message is longer than 32 KiB\n"))
        self.assertEqual(self.prot.run("say").returncode, 2)
        self.prot.run("down")
        self.assertEqual(self.prot.run("say", "hi").returncode, 3)

    def test_a_tool_is_used_on_the_way(self):
        done = self.prot.run("say", "what time is it in Korea?")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^Let me see\. You said: \{\"time_zone\":\"Asia/Seoul\",\"datetime\":\"\d{4}-")
        asked = self.model.asked[-1]
        self.assertEqual([m["role"] for m in asked], ["system", "user", "assistant", "tool"])
        self.assertEqual(asked[2]["tool_calls"][0]["id"], asked[3]["tool_call_id"])
        self.assertRegex(asked[1]["content"], r"(?s)^\[datetime: .*timezone: .*channel: text.*\]\n")

    def test_a_line_of_10_mb_costs_brain_one_error_and_no_memory(self):
        brain = self.prot.stage("brain")["pid"]
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.prot.runtime / "chat.sock"))
            answers = client.makefile("r", encoding="utf-8")
            client.sendall(b'{"type":"hello"}\n')
            self.assertEqual(json.loads(answers.readline())["type"], "hello")
            before = resident_kib(brain)
            client.sendall(b'{"type":"message","content":"' + b"x" * 10_000_000 + b'"}\n')
            self.assertEqual(json.loads(answers.readline())["message"], "the line is longer than 256 KiB and was not read")
            client.sendall(b'{"type":"message","content":"hi"}\n')
            self.assertEqual(json.loads(answers.readline())["type"], "chunk")
            # AddressSanitizer's allocator keeps what it has had once.
            self.assertLess(resident_kib(brain) - before, 8192 if "ASAN_OPTIONS" in os.environ else 4096)


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def pending(pid, number):
    """Was the signal sent and not taken yet?"""
    if not alive(pid):
        return False
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    mask = int(re.search(r"ShdPnd:\s+(\w+)", status)[1], 16) | int(re.search(r"SigPnd:\s+(\w+)", status)[1], 16)
    return bool(mask >> (number - 1) & 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
