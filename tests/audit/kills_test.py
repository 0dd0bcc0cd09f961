"""A thousand kills of the real programs (F19): nobody is left a zombie, and nothing is left of them: no process, segment,
socket, file or descriptor."""
import contextlib
import os
import pathlib
import signal
import sys
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
for other in ("supervisor", "web"):
    sys.path.insert(0, str(FOLDER.parent / other))
from instance import STAGES, children_of, wait_for  # noqa: E402
from web_instance import WebInstance  # noqa: E402

INSTRUMENTED = any(name.endswith("SAN_OPTIONS") or name.startswith("GCOV_") for name in os.environ)  # such programs take seconds to start
KILLS = 200 if INSTRUMENTED else 1000
BOUNDED = {"log", "crashes"}  # folders: rotated; the newest so many reports
CRASH_REPORTS = 50
LIMIT = 20  # s, for what takes none
OWN = {"capture.source": "null", "capture.detector": "energy", "capture.turn_model": "silence", "player.sink": "null",
       "stt.engine": "null", "tts.voice_en": "tone", "tts.voice_ko": "tone", "general.language": "en", "memory.store": "ram",
       "memory.extraction": "false", "llm.enabled": "false", "brain.url": "http://127.0.0.1:9/v1"}


def is_zombie(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    return False


def processes_of(name):
    """Whoever was started by this instance, by its environment, also what has lost its parent."""
    found = set()
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"PROT_INSTANCE={name}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.add(int(process.name))
    return found


def kill_all(prot):
    killed = 0
    for stage in prot.status()["stages"]:
        with contextlib.suppress(ProcessLookupError):
            if stage["pid"]:
                os.kill(stage["pid"], signal.SIGKILL)
                killed += 1
    return killed


class Kills(unittest.TestCase):
    """In the first half every fifth round is the supervisor's, and with it goes everybody: the next one finds what they left."""

    def test_a_thousand_kills_leave_no_zombie_and_no_descriptor(self):
        settings = [part for key, value in OWN.items() for part in ("--set", f"{key}={value}")]
        with WebInstance(real=STAGES, settings=settings) as prot:
            self.start(prot)
            before, most = self.holds(prot), self.descriptors(prot)
            killed = rounds = 0
            while killed < KILLS:
                rounds += 1
                if rounds % 5 == 0 and killed < KILLS / 2:
                    children, _ = prot.kill_supervisor()
                    killed += 1 + len(children)
                    wait_for("nobody outlives it", lambda: not processes_of(prot.name), LIMIT)
                    self.start(prot)
                    continue
                killed += kill_all(prot)
                # By hand, so that nobody waits for a back-off.
                done = prot.run("restart", *STAGES, "web")
                self.assertEqual(done.returncode, 0, done.stderr)
            print(f"{killed} kills in {rounds} rounds")
            wait_for("all are ready", lambda: all(s["state"] == "ready" for s in prot.status()["stages"]), LIMIT)
            with contextlib.suppress(AssertionError):
                wait_for("as much as before", lambda: self.holds(prot) == before, LIMIT)
            self.assertEqual(self.holds(prot), before)
            wait_for("no more descriptors than before", lambda: self.descriptors(prot) <= most, LIMIT)
            self.assertLessEqual(len(list((prot.state / "crashes").iterdir())), CRASH_REPORTS)
            self.assertEqual(prot.run("down").returncode, 0)
            wait_for("nobody is left", lambda: not processes_of(prot.name), LIMIT)
            self.assertEqual(prot.segments(), [])
            self.assertEqual({p.name for p in prot.runtime.iterdir()}, {"lock", "brain.turn"})  # for the next brain

    def start(self, prot):
        prot.up()
        wait_for("all are ready", lambda: all(s["state"] == "ready" for s in prot.status()["stages"]), LIMIT)

    def descriptors(self, prot):
        """Descriptors of the supervisor: one more while a client of its goes."""
        return len(os.listdir(f"/proc/{prot.supervisor()}/fd"))

    def holds(self, prot):
        """What an instance has that is not memory: programs, segments by their rings (a run has its own number), files of both
        folders but for those that have a bound of their own."""
        supervisor = prot.supervisor()
        files = sorted(str(p.relative_to(root)) for root in (prot.runtime, prot.state) for p in root.rglob("*")
                       if p.relative_to(root).parts[0] not in BOUNDED)
        return {"programs": len(children_of(supervisor)),
                "segments": sorted(s.rsplit(".", 1)[1] for s in prot.segments()), "files": files,
                "zombies": sum(map(is_zombie, children_of(supervisor))), "processes": len(processes_of(prot.name))}


if __name__ == "__main__":
    unittest.main(verbosity=2)
