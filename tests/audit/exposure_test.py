"""What a running prot shows to other users of the machine and to the network (SECURITY.md), and to whoever watches it
(doc/audit.md), with all of the real programs."""
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import sys
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
for other in ("supervisor", "web"):
    sys.path.insert(0, str(FOLDER.parent / other))
import exposition  # noqa: E402
from database_test import BINARIES, SETTINGS  # noqa: E402
from instance import STAGES, children_of, wait_for  # noqa: E402
from web_instance import WebInstance, wait_for_web  # noqa: E402

PYTHON = "/usr/bin/python3"  # one that every user may run
NOBODY = 65534
LIMIT = 30
OWN = {"capture.source": "null", "player.sink": "null", "stt.engine": "null", "tts.voice_en": "tone", "tts.voice_ko": "tone",
       "capture.detector": "energy", "capture.turn_model": "silence", "brain.url": "http://127.0.0.1:9/v1"}
LISTENING = "0A"
KEY = "sk-nobody-but-stt-and-tts"


def everybody(pid):
    found = [pid]
    for child in children_of(pid):
        found += everybody(child)
    return found


def listening(pids):
    """(program, address) of every TCP and UDP socket of these processes that waits for somebody."""
    inodes = {}
    for pid in pids:
        for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = os.readlink(link)
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes[target[8:-1]] = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    found = set()
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for line in pathlib.Path(f"/proc/net/{kind}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and (fields[3] == LISTENING or (kind.startswith("udp") and fields[2].endswith(":0000"))):
                found.add((inodes[fields[9]], kind, fields[1]))
    return found


class Exposure(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        settings = list(SETTINGS)
        for key, value in OWN.items():
            settings += ["--set", f"{key}={value}"]
        cls.prot = cls.enterClassContext(WebInstance(real=STAGES, settings=settings))
        cls.prot.environment["ELEVENLABS_API_KEY"] = KEY
        cls.prot.up()
        wait_for("all of it runs", lambda: all(s["state"] == "ready" for s in cls.prot.status()["stages"]), LIMIT)
        cls.prot.run("say", "Hello")  # the model is not there: a line of the log, a message of the queue
        wait_for_web("its message is kept", lambda: cls.prot.page("/diagnostics")["db_pool_size"] > 0, LIMIT)

    def test_nobody_listens_on_the_network_but_web_on_loopback(self):
        found = listening(everybody(self.prot.supervisor()))
        self.assertEqual(found, {("prot-web", "tcp", f"0100007F:{self.prot.port:04X}")})

    def test_everything_that_is_kept_belongs_to_its_user_alone(self):
        open_ones = []
        for root in (self.prot.runtime, self.prot.state):
            for path in root.rglob("*"):
                info = path.lstat()
                if stat.S_ISLNK(info.st_mode) or "/db" in str(path.relative_to(root.parent)):
                    continue  # PostgreSQL keeps its own house: its door is looked at below
                if info.st_mode & 0o077 and not (stat.S_ISDIR(info.st_mode) and info.st_mode & 0o077 == 0o011):
                    open_ones.append(f"{path} {info.st_mode & 0o777:o}")
        open_ones += [f"{s} {os.stat(s).st_mode & 0o777:o}" for s in self.prot.segments() if os.stat(s).st_mode & 0o077]
        self.assertEqual(open_ones, [])
        self.assertGreaterEqual(len(self.prot.segments()), 11)
        for house in (self.prot.runtime / "db", self.prot.state / "db"):
            self.assertEqual(house.resolve().stat().st_mode & 0o777, 0o700, house)

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs another user")
    def test_another_user_reaches_no_socket_and_no_shared_memory(self):
        sockets = [p for p in self.prot.runtime.rglob("*") if p.is_socket()]
        self.assertGreaterEqual({p.name for p in sockets}, {"control.sock", "chat.sock", "memory.sock", "web.sock"})
        database = [p for p in (self.prot.runtime / "db").resolve().glob(".s.PGSQL.*") if p.is_socket()]
        self.assertEqual(len(database), 1)
        sockets += database
        for folder in (self.prot.folder, self.prot.folder / "run", self.prot.folder / "run/prot", self.prot.runtime):
            folder.chmod(0o711)  # even if it could get that far
        script = ("import socket, sys\n"
                  "for path in sys.argv[1:]:\n"
                  "    try:\n"
                  "        if path.startswith('/dev/shm'):\n"
                  "            open(path, 'rb')\n"
                  "        else:\n"
                  "            socket.socket(socket.AF_UNIX).connect(path)\n"
                  "        print('reached', path)\n"
                  "    except PermissionError:\n"
                  "        pass\n"
                  "print('tried', len(sys.argv) - 1)\n")
        targets = [*map(str, sockets), *self.prot.segments()]
        done = subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", PYTHON, "-c",
                               script, *targets], capture_output=True, text=True, timeout=LIMIT, cwd="/")
        self.assertEqual((done.stdout, done.stderr), (f"tried {len(targets)}\n", ""))

    def test_the_database_has_no_key_and_no_way_to_new_privileges(self):
        process = pathlib.Path(f"/proc/{self.prot.pids()['db']}")
        self.assertRegex((process / "status").read_text(), r"NoNewPrivs:\s1\n")
        self.assertNotIn(KEY.encode(), (process / "environ").read_bytes())

    def test_what_the_audit_says_to_watch_is_there_to_be_watched(self):
        """From the start on: what is absent until it happens raises no alarm when it does."""
        text = (FOLDER.parents[1] / "doc/audit.md").read_text(encoding="utf-8")
        table = text[text.index("## What to watch"):text.index("## Risks that remain")]
        named = set(re.findall(r"`([^`]+)`", "".join(row.split("|")[1] for row in table.splitlines() if row.startswith("| `"))))
        for risk in re.findall(r"^Risk: .*$", text, re.M):
            self.assertRegex(risk, r"Watch\b", "a risk that nobody is told how to watch")
            named |= set(re.findall(r"`((?:prot_|[a-z]+\.)[a-z_]+)`", risk))
        self.assertGreaterEqual(len(re.findall(r"^Risk: ", text, re.M)), 22)  # one of each finding
        shown = exposition.parse(self.prot.answer("/metrics")[2])
        readings = {f"{labels['stage']}.{labels['name']}" for labels in map(dict, shown["prot_stage_reading"][1])}
        spoken = "prot_last_turn_step_seconds"  # behind the first spoken turn; nobody speaks here
        self.assertIn(f'"{spoken}"', (FOLDER.parents[1] / "web/metrics.cpp").read_text())
        self.assertEqual(named - set(shown) - readings - {spoken}, set())
        self.assertGreater(len(named), 35)

    def test_the_owner_does_reach_them(self):
        """Else the test above would prove nothing."""
        for name in ("control.sock", "chat.sock", "memory.sock", "web.sock"):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(self.prot.runtime / name))
        with open(self.prot.segments()[0], "rb") as segment:
            self.assertTrue(segment.read(8))


if __name__ == "__main__":
    if not BINARIES:
        print("PostgreSQL, or its system user, is not there")
        sys.exit(77)
    unittest.main(verbosity=2)
