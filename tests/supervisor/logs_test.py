"""prot logs, prot log-level and the log files: of fixture stages, and of the real ones with a server that repeats
what it is told."""
import contextlib
import http.server
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import threading
import time
import unittest

from instance import STAGES, Instance, wait_for

PROGRAMS = pathlib.Path(os.environ["PROGRAMS"])
LINE = re.compile(r"^\d\d:\d\d:\d\d\.\d{3} (DEBUG|INFO|WARN|ERROR) \[([A-Z]+)\] ([^|]*[^| ])"
                  r"( \|( \w+=\S+)*( [+-]\d+ms)?)?$")
SECRET = "sk-a-secret-that-nobody-may-read"
SENTENCE = "my sister keeps seven llamas in Cuzco"
REPLY = "llamas are fond of barley"


def files(prot):
    return sorted((prot.state / "log").iterdir())


def records(prot, *arguments):
    done = prot.run("logs", "--json", "-n", "5000", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def up(prot):
    """A stage is ready before it says so in its log."""
    prot.up()
    wait_for("its last line", lambda: sum(r["msg"] == "ready (generation 1)" for r in records(prot)) == len(STAGES))


class Lines(unittest.TestCase):
    def test_files_hold_one_object_a_line_and_the_terminal_shows_them_in_order(self):
        with Instance() as prot:
            up(prot)
            running = records(prot)
            text = prot.run("logs", "-n", "5000").stdout.splitlines()
            prot.run("down")
            gone = records(prot)
            for log in files(prot):
                if log.name == "supervisor.err":
                    self.assertEqual(log.read_text(), "")
                    continue
                for line in log.read_text().splitlines():
                    record = json.loads(line)
                    self.assertEqual(record["stage"], log.stem)
                    self.assertRegex(record["ts"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
                    self.assertIn(record["level"], ("debug", "info", "warn", "error"))
                    self.assertGreater(record["mono_ns"], 0)
                    self.assertGreater(record["pid"], 0)
                    self.assertIsInstance(record["msg"], str)
            self.assertEqual({r["stage"] for r in running}, {*STAGES, "supervisor"})
            for lines in (running, gone):
                self.assertEqual([r["ts"] for r in lines], sorted(r["ts"] for r in lines))
            self.assertEqual(gone[:len(running)], running)  # the same from memory and from files
            self.assertGreater(len(gone), len(running))
            self.assertEqual(len(text), len(running))
            for line, record in zip(text, running):
                self.assertRegex(line, LINE)
                self.assertEqual(LINE.match(line)[2], record["stage"].upper())
            stt = next(r for r in running if r["stage"] == "stt" and r["msg"].startswith("ready"))
            self.assertEqual(stt["gen"], 1)
            self.assertNotIn("turn", stt)

    def test_the_newest_lines_and_one_stage(self):
        with Instance() as prot:
            up(prot)
            newest = records(prot)
            self.assertEqual([json.loads(line) for line in prot.run("logs", "--json", "-n", "3").stdout.splitlines()],
                             newest[-3:])
            self.assertEqual({r["stage"] for r in records(prot, "stt")}, {"stt"})
            self.assertEqual({r["stage"] for r in records(prot, "supervisor")}, {"supervisor"})
            self.assertEqual(prot.run("logs", "nobody").returncode, 4)
            prot.run("down")
            self.assertEqual(prot.run("logs", "nobody").returncode, 3)
            self.assertEqual([r["stage"] for r in records(prot, "tts")][0], "tts")

    def test_a_terminal_has_colours_unless_told_not_to(self):
        with Instance() as prot:
            up(prot)
            plain = prot.run("logs", "-n", "1", "supervisor").stdout
            for variables, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
                done = subprocess.run(["script", "-qec", f"{os.environ['PROT']} logs -n 1 supervisor", "/dev/null"], text=True,
                                      env={**prot.environment, **variables}, capture_output=True, timeout=30,
                                      stdin=subprocess.DEVNULL)
                self.assertEqual("\x1b[" in done.stdout, coloured, done.stdout)
                self.assertEqual(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout).strip(), plain.strip())

    def test_a_line_within_a_voice_turn_says_how_long_it_lasts(self):
        with Instance(turn="brain", chatty="stt") as prot:
            prot.up()
            wait_for("a line in the turn", lambda: any("turn_ms" in r for r in records(prot, "stt")))
            last = [r for r in records(prot, "stt") if "turn_ms" in r][-1]
            self.assertEqual(last["turn"], 1)
            self.assertEqual(last["fields"]["number"] > 0, True)
            shown = [line for line in prot.run("logs", "stt").stdout.splitlines() if "chatter" in line][-1]
            self.assertRegex(shown, r" INFO \[STT\] chatter \| number=\d+ \+\d+ms$")


class Follow(unittest.TestCase):
    def test_it_outlives_the_rotation_and_ends_with_prot(self):
        with Instance(flood="stt") as prot:
            prot.up()
            follower = subprocess.Popen([os.environ["PROT"], "logs", "-f", "--json", "-n", "0", "stt"],
                                        env=prot.environment, stdout=subprocess.PIPE, text=True)
            seen = []
            reader = threading.Thread(target=lambda: seen.extend(follower.stdout))
            reader.start()
            wait_for("rotated", lambda: (prot.state / "log/stt.log.1").exists(), 60)
            count = len(seen)
            wait_for("lines after the rotation", lambda: len(seen) > count + 10)
            prot.run("down", "--now")
            self.assertEqual(follower.wait(10), 0)
            reader.join()
            follower.stdout.close()
            self.assertIn("drained", json.loads(seen[-1])["msg"])
            for log in (prot.state / "log").glob("stt.log*"):
                self.assertLessEqual(log.stat().st_size, 10_000_000)
                for line in log.read_text().splitlines():
                    json.loads(line)

    def test_it_ends_when_the_supervisor_is_killed(self):
        with Instance() as prot:
            prot.up()
            follower = prot.spawn("logs", "-f")
            follower.stdout.readline()
            prot.kill_supervisor()
            follower.communicate(timeout=10)
            self.assertEqual(follower.returncode, 0)


class Level(unittest.TestCase):
    def test_it_changes_while_it_runs_for_all_or_for_one_and_back(self):
        with Instance(chatty="stt,tts") as prot:
            prot.up()

            def debug_lines(stage):
                return sum(r["level"] == "debug" for r in records(prot, stage))

            def is_quiet(stage):  # its newest lines are all of another level
                newest = [r["msg"] for r in records(prot, stage)[-4:]]
                return newest == ["chatter"] * 4

            self.assertEqual((debug_lines("stt"), debug_lines("tts")), (0, 0))
            self.assertEqual(prot.run("log-level", "debug", "stt").returncode, 0)
            wait_for("stt says more", lambda: debug_lines("stt") > 0)
            self.assertEqual(debug_lines("tts"), 0)
            self.assertEqual(prot.run("log-level", "debug").returncode, 0)
            wait_for("tts says more", lambda: debug_lines("tts") > 0)
            os.kill(prot.stage("tts")["pid"], signal.SIGKILL)  # its successor begins with the level
            wait_for("its successor too", lambda: any(r["gen"] == 2 and r["level"] == "debug" for r in records(prot, "tts")))
            self.assertEqual(prot.run("log-level", "configured").returncode, 0)
            wait_for("quiet again", lambda: is_quiet("stt") and is_quiet("tts"), 20)
            self.assertEqual(prot.run("log-level", "error", "stt").returncode, 0)
            for arguments, code in ((("loud",), 2), (("debug", "nobody"), 4), ((), 2)):
                self.assertEqual(prot.run("log-level", *arguments).returncode, code, arguments)
            prot.run("down")
            self.assertEqual(prot.run("log-level", "debug").returncode, 3)


class BadDisk(unittest.TestCase):
    def test_a_full_disk_is_said_once_and_costs_no_line_in_the_end(self):
        with Instance(chatty="stt") as prot:
            (prot.state / "log").mkdir(parents=True)
            for stage in ("stt", "tts"):
                (prot.state / f"log/{stage}.log").symlink_to("/dev/full")
            prot.up()
            said = [r for r in records(prot, "supervisor") if "No space left on device" in r["msg"]]
            self.assertEqual(len(said), 1, said)
            self.assertTrue(any("ready" in r["msg"] for r in records(prot, "stt")))  # from memory
            self.assertEqual(prot.status()["state"], "ready")
            self.assertEqual(prot.stage("stt")["restarts"], 0)
            for stage in ("stt", "tts"):
                (prot.state / f"log/{stage}.log").unlink()
            prot.run("restart", "tts")
            wait_for("written again", lambda: any("written again; 0 lines" in r["msg"] for r in records(prot, "supervisor")))
            self.assertIn("ready (generation 1)", (prot.state / "log/stt.log").read_text())

    def test_a_removed_file_comes_back(self):
        with Instance(chatty="stt") as prot:
            prot.up()
            log = prot.state / "log/stt.log"
            log.unlink()
            wait_for("made anew", log.exists)
            wait_for("a line", lambda: log.read_text().endswith("\n"))

    def test_a_folder_that_cannot_be_written_stops_nobody(self):
        with Instance() as prot:
            prot.state.mkdir(parents=True)
            (prot.state / "log").write_text("in the way")
            up = prot.up()
            self.assertIn("ready in", up.stderr)
            self.assertEqual(len([r for r in records(prot, "supervisor") if "Not a directory" in r["msg"]]), 1)
            self.assertEqual(prot.run("restart", "stt").returncode, 0)


class NeverBlocks(unittest.TestCase):
    def test_a_stage_goes_on_while_its_supervisor_is_stopped_and_counts_what_it_lost(self):
        with Instance(flood="stt") as prot:
            prot.up()
            supervisor, stt = prot.supervisor(), prot.stage("stt")["pid"]
            os.kill(supervisor, signal.SIGSTOP)
            try:
                # A stage that blocked would sleep in write() for ever.
                with open(f"/proc/{stt}/fd/2", "wb", buffering=0) as pipe:
                    wait_for("the pipe is full", lambda: not select.select([], [pipe], [], 0)[1], 10)
                before = pathlib.Path(f"/proc/{stt}/schedstat").read_text().split()[0]
                wait_for("it still works", lambda: int(pathlib.Path(f"/proc/{stt}/schedstat").read_text().split()[0])
                         > int(before) + 20_000_000, 10)
            finally:
                os.kill(supervisor, signal.SIGCONT)
            wait_for("counted", lambda: any(re.fullmatch(r"\d+ lines dropped", r["msg"]) for r in records(prot, "stt")), 20)
            self.assertEqual(prot.stage("stt")["pid"], stt)


class Parrot(http.server.BaseHTTPRequestHandler):
    """Answers well, or with errors that quote the request and its key."""
    protocol_version = "HTTP/1.1"
    behaviour = "good"

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        quoted = json.dumps({"error": {"code": "invalid_api_key", "message":
                                       f"wrong key {self.headers.get('authorization')} for {body}"}})
        streams = '"stream":true' in body.replace(" ", "")
        if Parrot.behaviour == "refuse" or not streams:
            return self.answer(401, "application/json", quoted)
        chunks = [quoted] if Parrot.behaviour == "break" else [
            json.dumps({"choices": [{"delta": {"content": REPLY + "."}}]}),
            json.dumps({"choices": [{"delta": {}, "finish_reason": "stop"}]}), "[DONE]"]
        return self.answer(200, "text/event-stream", "".join(f"data: {chunk}\n\n" for chunk in chunks))

    def answer(self, code, kind, text):
        data = text.encode()
        self.send_response(code)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):  # a stage that was ended
            self.wfile.write(data)

    def log_message(self, *_):
        pass


class Content(unittest.TestCase):
    """The real stages, without devices and models."""

    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.settings = []
        for setting in (f"brain.url={url}", "llm.enabled=false", "capture.source=null", "capture.detector=energy",
                        "stt.engine=null", "tts.voice_en=tone", "player.sink=null", "memory.extraction_idle_s=0",
                        "general.language=en"):
            self.settings += ["--set", setting]

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()

    def talk(self, *settings):
        """Everything that a conversation with failures leaves in log files, and what `prot logs` prints."""
        with Instance(stages=[], settings=[*self.settings, *settings]) as prot:
            for stage in STAGES:
                (prot.stages / f"prot-{stage}").symlink_to(PROGRAMS / stage / f"prot-{stage}")
            prot.environment["OPENAI_API_KEY"] = SECRET
            prot.up()
            for Parrot.behaviour in ("good", "refuse", "break"):
                prot.run("say", SENTENCE)
            Parrot.behaviour = "good"
            wait_for("the failures are in the log",
                     lambda: sum("failed" in r["msg"] for r in records(prot, "brain")) >= 2)
            os.kill(prot.stage("memory")["pid"], signal.SIGABRT)  # AddressSanitizer keeps SIGSEGV to itself
            wait_for("a crash report", lambda: list((prot.state / "crashes").glob("*.json")))
            printed = prot.run("logs", "-n", "5000").stdout + prot.run("crash", "show").stdout
            prot.run("down", "--now")
            text = "".join(file.read_text() for folder in ("log", "crashes") for file in (prot.state / folder).iterdir())
            return text, printed

    def test_neither_keys_nor_what_is_said_gets_into_a_log(self):
        text, printed = self.talk("--set", "memory.database_url=postgresql://prot:" + SECRET + "@127.0.0.1:1/nowhere",
                                  "--set", "general.log_level=debug")
        self.assertIn("(invalid_api_key)", text)  # why it failed is there all the same
        for output in (text, printed):
            for hidden in (SECRET, SENTENCE, REPLY, "llamas"):
                self.assertNotIn(hidden, output)

    def test_content_is_there_when_it_was_asked_for_but_never_a_key(self):
        text, printed = self.talk("--set", "memory.store=ram", "--set", "general.log_level=debug",
                                  "--set", "general.log_content=true")
        for output in (text, printed):
            self.assertIn(SENTENCE, output)
            self.assertIn(REPLY, output)
            self.assertNotIn(SECRET, output)

    def test_it_is_not_enough_to_allow_it(self):
        text, _ = self.talk("--set", "memory.store=ram", "--set", "general.log_content=true")
        self.assertNotIn("llamas", text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
