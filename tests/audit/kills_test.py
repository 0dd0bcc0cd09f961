"""A thousand kills of the six stages (F19): nobody is left a zombie, and the supervisor holds what it held before."""
import contextlib
import os
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "supervisor"))
from instance import STAGES, Instance, children_of, wait_for  # noqa: E402

KILLS = 1000


def zombies(pid):
    found = []
    for child in children_of(pid):
        with contextlib.suppress(OSError):
            if pathlib.Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                found.append(child)
    return found


class Kills(unittest.TestCase):
    def test_a_thousand_kills_leave_no_zombie_and_no_descriptor(self):
        with Instance() as prot:
            prot.up()
            supervisor = prot.supervisor()
            files = lambda: len(os.listdir(f"/proc/{supervisor}/fd"))  # noqa: E731
            before = files(), sorted(prot.segments()), sorted(p.name for p in prot.runtime.iterdir())
            killed = 0
            while killed < KILLS:
                for stage in prot.status()["stages"]:
                    with contextlib.suppress(ProcessLookupError):
                        if stage["pid"]:
                            os.kill(stage["pid"], signal.SIGKILL)
                            killed += 1
                # By hand, so that nobody waits for a back-off.
                done = prot.run("restart", *STAGES)
                self.assertEqual(done.returncode, 0, done.stderr)
            print(f"{killed} kills")
            self.assertEqual(prot.supervisor(), supervisor)
            wait_for("six children", lambda: len(children_of(supervisor)) == len(STAGES))
            self.assertEqual(zombies(supervisor), [])
            wait_for("as many descriptors as before", lambda: files() <= before[0])
            self.assertEqual((sorted(prot.segments()), sorted(p.name for p in prot.runtime.iterdir())), before[1:])


if __name__ == "__main__":
    unittest.main(verbosity=2)
