"""Rings that their consumer does not empty: real processes, a consumer that is stopped."""
import contextlib
import json
import os
import signal
import unittest

from instance import Instance, wait_for

LIMIT = 20
EXCHANGES = 4000  # 790 KiB of turns' 1 MiB


class Pressure(unittest.TestCase):
    def ring(self, prot, name="turns"):
        return next(r for r in prot.status()["rings"] if r["name"] == name)

    def told(self, prot):
        lines = map(json.loads, prot.run("logs", "--json", "-n", "200", "brain").stdout.splitlines())
        return [line["fields"] for line in lines if line["msg"] == "Queue pressure"]

    def test_a_stopped_consumer_is_told_once_with_what_one_wants_to_know(self):
        prot = Instance(exchanges=EXCHANGES, store=1)
        push = prot.folder / "push"
        prot.order(push_after=push)
        with prot:
            prot.up()
            self.assertEqual(self.ring(prot)["pressure_events"], 0)
            memory = prot.stage("memory")["pid"]
            os.kill(memory, signal.SIGSTOP)
            push.touch()
            wait_for("it is counted", lambda: self.ring(prot)["pressure_events"] == 1, LIMIT)
            [fields] = wait_for("it is told", lambda: self.told(prot), LIMIT)
            self.assertEqual((fields["ring"], fields["producer"], fields["consumer"], fields["capacity"], fields["times"]),
                             ("turns", "brain", "memory", 1 << 20, 1))
            self.assertGreaterEqual(fields["used"], 3 << 18)
            self.assertLess(fields["oldest_ms"], LIMIT * 1000)
            self.assertIn("queue pressure: turns, 1 times; memory does not keep up with brain",
                          prot.run("status", "-v").stdout)
            with contextlib.suppress(ProcessLookupError):  # its watchdog may have been faster
                os.kill(memory, signal.SIGCONT)
            wait_for("it is taken", lambda: self.ring(prot)["used_bytes"] == 0, LIMIT)
            self.assertEqual({r["name"]: r["pressure_events"] for r in prot.status()["rings"] if r["pressure_events"]},
                             {"turns": 1})
            self.assertEqual(len(self.told(prot)), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
