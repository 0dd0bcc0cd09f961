"""Nothing that was accepted is lost, whatever dies: text turns under load while memory, brain, the database and the
supervisor are killed at random, and a conversation while the database is away. Stages that hear and speak are fixtures."""
import contextlib
import http.server
import json
import os
import pathlib
import random
import re
import signal
import socket
import string
import subprocess
import sys
import threading
import time
import uuid

HERE = pathlib.Path(__file__).resolve()
KILLED = ("memory", "brain", "db", "supervisor")
WEIGHTS = (4, 4, 3, 1)  # the last begins everything anew
OUTAGE_SECONDS = 0  # 0: as the part says


def word_of(number):
    """A name that no other number has, and that is like none."""
    return "".join(random.Random(number).choices(string.ascii_lowercase, k=9)).capitalize()


def text_of(number):
    return f"My item{number} is {word_of(number)}."


class Model(http.server.ThreadingHTTPServer):
    """Answers turns; learns from "My itemN is X." and counts how often it was paid for that."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.lock = threading.Lock()
        self.asked = {}  # number -> times
        self.stored = None  # asks the database whether an answer about that number is stored
        self.paid_twice = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def learn(self, question):
        numbers = [int(n) for n in re.findall(r"(?m)^User: My item(\d+) is", question)]
        with self.lock:
            again = [n for n in numbers if self.asked.get(n)]
            for n in numbers:
                self.asked[n] = self.asked.get(n, 0) + 1
        if again and self.stored:
            self.paid_twice += sum(self.stored(n) for n in again)
        return [{"subject": "user", "predicate": f"item{n}", "object": word_of(n),
                 "statement": f"The user's item{n} is {word_of(n)}."} for n in numbers]


class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # noqa: N802
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        words = request["messages"][-1]["content"]
        if "response_format" in request:
            content = json.dumps({"facts": self.server.learn(words), "entities": []})
            return self.answer("application/json", json.dumps({"choices": [{"message": {"content": content}}]}))
        event = {"choices": [{"delta": {"content": "I see."}, "finish_reason": "stop"}]}
        return self.answer("text/event-stream", f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n")

    def answer(self, kind, body):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(200)
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class Talker(threading.Thread):
    """Says one thing after the other in a conversation of its own. What is done was accepted; until then it is said again
    under the same id, over restarts of brain and of all of prot."""

    def __init__(self, rig, first, step, pause):
        super().__init__(daemon=True)
        self.rig, self.number, self.step, self.pause = rig, first, step, pause
        self.accepted, self.unknown = [], []
        self.conversation = uuid.uuid4().hex
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            number, name = self.number, uuid.uuid4().hex
            self.number += self.step
            while not self.stopping.is_set():
                with contextlib.suppress(OSError, ValueError):
                    if self.say(number, name):
                        self.accepted.append(number)
                        break
                time.sleep(0.02)
            else:
                self.unknown.append(number)
            time.sleep(self.pause)

    def say(self, number, name):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(str(self.rig.prot.runtime / "chat.sock"))
            message = {"type": "message", "content": text_of(number), "id": name, "conversation": self.conversation}
            client.sendall(json.dumps(message).encode() + b"\n")
            for line in client.makefile("r", encoding="utf-8"):
                if json.loads(line)["type"] in ("done", "error"):
                    return json.loads(line)["type"] == "done"
        return False


class Rig:
    def __init__(self, build):
        os.environ.update(PROT=str(build / "supervisor/prot"), FIXTURE_STAGE=str(build / "tests/supervisor/fixture-stage"))
        sys.path.insert(0, str(HERE.parents[2] / "supervisor"))
        from database_test import BINARIES, SETTINGS
        from instance import Instance
        self.binaries = pathlib.Path(BINARIES[-1])
        self.model = Model()
        self.model.stored = self.stored
        settings = list(SETTINGS)
        for setting in (f"brain.url=http://127.0.0.1:{self.model.server_port}/v1", "memory.extraction_idle_s=0.2",
                        "general.language=en"):
            settings += ["--set", setting]
        self.prot = Instance(stages=["capture", "stt", "tts", "player"], settings=settings)
        for stage in ("brain", "memory"):
            (self.prot.stages / f"prot-{stage}").symlink_to(build / stage / f"prot-{stage}")
        self.refused = []  # why `prot up` did not start what a kill had ended

    def __enter__(self):
        self.prot.__enter__()
        self.prot.up()
        return self

    def __exit__(self, *error):
        self.prot.__exit__(*error)
        self.model.shutdown()
        self.model.server_close()

    def sql(self, query):
        return subprocess.run([self.binaries / "psql", "-h", self.prot.runtime / "db", "-U", "prot", "-d", "prot", "-Atc", query],
                              capture_output=True, text=True, timeout=20, check=True).stdout.strip()

    def until(self, what, condition, seconds):
        end = time.monotonic() + seconds
        why = "it is not so"
        while time.monotonic() < end:
            try:
                if condition():
                    return
            except Exception as error:
                why = str(error)
            time.sleep(0.1)
        raise RuntimeError(f"not within {seconds} s: {what}: {why}")

    def stored(self, number):
        """Has memory the answer about it? The database may be down just now."""
        query = ("SELECT count(*) FROM message m JOIN memory_job j ON j.conversation_id = m.conversation_id AND m.seq BETWEEN "
                 f"j.first_seq AND j.last_seq WHERE m.text = '{text_of(number)}' AND (j.state = 'done' OR j.kind = 'apply')")
        for _ in range(100):
            with contextlib.suppress(subprocess.SubprocessError):
                return int(self.sql(query)) > 0
            time.sleep(0.1)
        return False

    def kill(self, name):
        if name == "supervisor":
            pid = self.prot.supervisor()
            os.kill(pid, signal.SIGKILL)
            self.until("the supervisor is gone", lambda: not pathlib.Path(f"/proc/{pid}").exists() or b"Z" in
                       pathlib.Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1][:3], 5)
            self.start_again()
            return
        with contextlib.suppress(ProcessLookupError):
            pid = self.prot.stage(name)["pid"]
            if pid > 0:
                os.kill(pid, signal.SIGKILL)

    def counter(self, stage, name):
        return self.prot.stage(stage)["counters"][name]

    def start_again(self):
        """What killed ones have left must keep nothing from starting, at the first try."""
        done = self.prot.run("up", "-d", *self.prot.settings)
        if done.returncode != 0:
            self.refused.append(" | ".join(done.stderr.strip().splitlines()[-3:]))
            self.until("it is up again", self.prot.up, 60)

    def settle(self, seconds):
        """Everything is stored and learnt."""
        def settled():
            jobs = self.sql("SELECT kind, state, count(*), max(attempts), min(run_after), max(lease_until) FROM memory_job "
                            "WHERE state IN ('ready', 'leased') GROUP BY 1, 2")
            files = [str(file) for file in (self.prot.state / "spool").rglob("*.spool")]
            if jobs or files:
                raise RuntimeError(f"{jobs} {files} {self.prot.log('memory')[-5:]}")
            return True

        self.until("all jobs are done", settled, seconds)


def numbers_in(rows):
    return [int(match[1]) for match in re.finditer(r"My item(\d+) is", rows)]


def row(part, what, value, unit, bar=None, **more):
    made = {"part": part, "what": what, "value": value, "unit": unit, **more}
    if bar is not None:
        made.update(bar=bar, met=value <= bar)
    return made


def check(rig, part, talkers):
    accepted = [number for talker in talkers for number in talker.accepted]
    unknown = {number for talker in talkers for number in talker.unknown}
    there = numbers_in(rig.sql("SELECT text FROM message WHERE role = 'user' ORDER BY conversation_id, seq"))
    order = [numbers_in(rig.sql(f"SELECT text FROM message WHERE role = 'user' AND conversation_id = '{talker.conversation}' "
                                "ORDER BY seq")) for talker in talkers]
    learnt = set(rig.sql("SELECT object FROM fact WHERE status = 'active'").splitlines())
    expected = {word_of(number) for number in there}
    yield row(part, "accepted turns", len(accepted), "")
    yield row(part, "accepted turns lost", len(set(accepted) - set(there)), "", 0)
    yield row(part, "turns that nobody said", len(set(there) - set(accepted) - unknown), "", 0)
    yield row(part, "duplicates", len(there) - len(set(there)), "", 0)
    yield row(part, "turns out of order", sum(numbers != sorted(numbers) for numbers in order), "", 0)
    yield row(part, "facts that an undisturbed run would have, missing", len(expected - learnt), "", 0)
    yield row(part, "facts that it would not have", len(learnt - expected), "", 0)
    yield row(part, "model paid again for a stored answer", rig.model.paid_twice, "", 0)
    yield row(part, "model calls about a turn", sum(rig.model.asked.values()) / max(len(there), 1), "")


def measure(build, quick):
    """Random SIGKILLs under load."""
    kills = 12 if quick else 200
    dice = random.Random(8)
    with Rig(build) as rig:
        talkers = [Talker(rig, first, 2, 0.1) for first in (1, 2)]
        for talker in talkers:
            talker.start()
        done = dict.fromkeys(KILLED, 0)
        for _ in range(kills):
            time.sleep(dice.uniform(0.05, 0.9))
            name = dice.choices(KILLED, WEIGHTS)[0]
            rig.kill(name)
            done[name] += 1
        rig.until("everybody answers again", lambda: all(s["state"] == "ready" for s in rig.prot.status()["stages"]), 60)
        before = [len(talker.accepted) for talker in talkers]
        rig.until("everybody is heard again", lambda: all(len(t.accepted) > n for t, n in zip(talkers, before)), 60)
        for talker in talkers:
            talker.stopping.set()
            talker.join()
        rig.settle(180)
        for name, count in done.items():
            yield row("kills", f"SIGKILLs of {name}", count, "")
        yield row("kills", "prot up refused after a kill", len(rig.refused), "", 0, why=rig.refused)
        yield from check(rig, "kills", talkers)


def measure_outage(build, quick):
    """The database away in a conversation, replayed in order; ten minutes unless quick, or as long as --seconds says."""
    seconds = OUTAGE_SECONDS or (6 if quick else 600)
    with Rig(build) as rig:
        talker = Talker(rig, 1, 1, 0.05)
        talker.start()
        rig.until("it talks", lambda: len(talker.accepted) > 5, 30)
        rig.prot.run("stop", "db")
        told = False
        before = len(talker.accepted)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.5)
            stats = rig.prot.run("memory", "stats", "--json").stdout
            told = told or '"away"' in stats
        spooled = json.loads(rig.prot.run("memory", "stats", "--json").stdout)["spooled"]
        turns = len(talker.accepted) - before
        talker.stopping.set()
        talker.join()
        rig.prot.run("start", "db")
        rig.until("the database is back", lambda: rig.sql("SELECT 1") == "1", 30)
        began = time.monotonic()
        rig.until("the spool is empty", lambda: not list((rig.prot.state / "spool").rglob("*.spool")), 60)
        took = time.monotonic() - began
        replay = rig.counter("memory", "replay_ms")
        rig.settle(180 + turns // 10)
        yield row("outage", "the database was away", seconds, "s")
        yield row("outage", "turns meanwhile", turns, "")
        yield row("outage", "records in the spool", spooled, "")
        yield row("outage", "memory stats told it (1: yes)", int(told), "")
        yield row("outage", "replay of 1,000 turns", replay / max(turns, 1), "s",
                  1.0 if turns >= 1000 else None)
        yield row("outage", "until the spool was empty, connecting included", took, "s")
        yield from check(rig, "outage", [talker])
