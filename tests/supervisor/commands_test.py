"""The flags of the commands that ask a running supervisor, with fixture stages."""
import json
import os
import signal
import subprocess
import time
import unittest

from instance import Instance, wait_for


class Commands(unittest.TestCase):
    def test_several_parts_at_once_and_none_when_one_is_unknown(self):
        with Instance() as prot:
            prot.up()
            self.assertEqual(prot.run("restart", "stt", "nobody").returncode, 4)
            self.assertEqual(prot.stage("stt")["generation"], 1)
            self.assertEqual(prot.run("restart", "stt", "brain", "--wait").returncode, 0)
            self.assertEqual([prot.stage(s)["generation"] for s in ("stt", "brain")], [2, 2])
            self.assertEqual(prot.run("stop", "stt", "tts").returncode, 0)
            self.assertEqual([prot.stage(s)["state"] for s in ("stt", "tts")], ["down", "down"])
            self.assertEqual(prot.run("restart", "stt").returncode, 0)  # starts what was stopped
            self.assertEqual(prot.run("start", "tts").returncode, 0)
            self.assertEqual(prot.status()["state"], "ready")

    def test_without_waiting_it_returns_before_ready(self):
        with Instance() as prot:
            prot.up()
            pid = prot.stage("stt")["pid"]
            self.assertEqual(prot.run("restart", "stt", "--no-wait").returncode, 0)
            after = prot.stage("stt")
            self.assertNotEqual(after["pid"], pid)
            self.assertEqual(after["generation"], 2)

    def used(self, prot, ring):
        return next(r for r in prot.status()["rings"] if r["name"] == ring)["used_bytes"]

    def test_a_restart_waits_until_the_input_is_worked_off(self):
        with Instance(turns=3) as prot:
            go = prot.folder / "go"
            prot.order(take_after=go)
            prot.up()
            wait_for("turns", lambda: self.used(prot, "turns") > 0)
            restart = prot.spawn("restart", "memory", "stt", "--drain")
            wait_for("stt had nothing to do", lambda: prot.stage("stt")["generation"] == 2)
            self.assertEqual(prot.stage("memory")["generation"], 1)
            self.assertIsNone(restart.poll())
            go.touch()
            self.assertEqual(restart.wait(10), 0)
            self.assertEqual(prot.stage("memory")["generation"], 2)
            self.assertEqual(prot.stage("memory")["state"], "ready")
            self.assertEqual(self.used(prot, "turns"), 0)  # by the old one: of the second process, nothing is sent
            self.assertEqual(prot.run("stop", "memory").returncode, 0)
            self.assertEqual(prot.run("restart", "memory", "--drain").returncode, 0)  # starts what was stopped

    def test_a_restart_that_never_gets_its_turn_is_none(self):
        with Instance(turns=1) as prot:
            prot.up()
            wait_for("turns", lambda: self.used(prot, "turns") > 0)
            before = prot.stage("memory")["pid"]
            done = prot.run("restart", "memory", "--drain", "--timeout", "0.3")
            self.assertEqual((done.returncode, done.stderr), (
                5, "prot: memory is not restarted: after 0.3 s it has not worked off what is in turns\n"))
            waiting = prot.spawn("restart", "memory", "--drain")
            gone = prot.spawn("restart", "memory", "--drain")
            wait_for("it waits", lambda: "socket" in str([os.readlink(f) for f in os.scandir(f"/proc/{gone.pid}/fd")]))
            gone.kill()  # its wait ends with it
            self.assertEqual(prot.stage("memory")["pid"], before)
            self.assertEqual(prot.run("stop", "memory").returncode, 0)
            self.assertEqual((waiting.wait(5), waiting.stderr.read()), (1, "prot: memory is stopped\n"))
            self.assertEqual(prot.stage("memory")["state"], "down")
            self.assertEqual(prot.run("restart", "memory", "--timeout", "1").returncode, 2)  # without --drain

    def test_status_says_degraded_and_why(self):
        with Instance() as prot:
            prot.up()
            self.assertEqual(prot.run("status").returncode, 0)
            self.assertEqual(prot.run("stop", "stt").returncode, 0)
            done = prot.run("status", "-v")
            self.assertEqual(done.returncode, 6)
            self.assertIn("sandbox: ", done.stdout)
            self.assertEqual(prot.run("status", "--json").returncode, 6)

    def test_status_tells_where_the_time_of_the_last_turn_went(self):
        with Instance(turn_log="brain") as prot:
            prot.up()
            turn = json.loads(prot.run("status", "--json").stdout)["turns"][0]
            self.assertEqual((turn["turn"], turn["model"], turn["audible_ns"]), (7, "fixture-model", 2_500_000_000))
            self.assertEqual(turn["steps"], [{"step": "transcript", "ms": 700, "added_ms": 700},
                                             {"step": "audible", "ms": 1500, "added_ms": 800}])
            told = prot.run("status", "-v").stdout
            self.assertIn("turn 7, ms from the end of speech (fixture-model):\n", told)
            self.assertIn("  audible          1500    +800\n", told)

    def test_status_is_told_again_until_nobody_reads_or_nothing_runs(self):
        with Instance() as prot:
            prot.up()
            watch = prot.spawn("status", "--watch", "--json")
            for _ in range(2):
                self.assertEqual(json.loads(watch.stdout.readline())["state"], "ready")
            self.assertEqual(prot.run("down").returncode, 0)
            self.assertNotEqual(watch.wait(5), 0)

    def test_waiting_for_the_end(self):
        with Instance(deaf="memory") as prot:
            self.assertEqual(prot.run("wait", "down").returncode, 0)  # nothing runs
            prot.up()
            self.assertEqual(prot.run("wait", "down", "-t", "0.2").returncode, 5)
            supervisor = prot.supervisor()
            waiting = prot.spawn("wait", "down")
            done = prot.run("down", "--timeout", "0.3")
            self.assertEqual((done.returncode, done.stderr.splitlines()[-1]),
                             (5, "prot: it is not down yet; the stop goes on (see: prot status)"))
            self.assertIsNone(waiting.poll())
            began = time.monotonic()
            self.assertIn(prot.run("down", "--now", "--timeout", "0.3").returncode, (0, 7))
            self.assertLess(time.monotonic() - began, 8)
            self.assertEqual(waiting.wait(5), 0)
            wait_for("gone", lambda: not os.path.exists(f"/proc/{supervisor}"), 5)

    def test_a_start_that_fails_waits_for_no_joiner(self):
        with Instance(slow="memory") as prot:
            up = prot.spawn("up", "-d", *prot.settings)
            wait_for("up", lambda: (s := prot.status()) and all(x["pid"] for x in s["stages"]))
            joiner = prot.spawn("--join", prot.name, program=prot.stages / "prot-stt")
            wait_for("it has the place", lambda: prot.stage("stt")["state"] == "held")
            while up.poll() is None:
                stages = (prot.status() or {"stages": []})["stages"]
                pid = next((s["pid"] for s in stages if s["name"] == "memory"), 0)
                if pid:
                    os.kill(pid, signal.SIGKILL)
                try:
                    up.wait(0.1)
                except subprocess.TimeoutExpired:
                    pass
            self.assertEqual(up.returncode, 1, up.stderr.read())
            joiner.wait(5)

    def test_a_killed_supervisor_is_down(self):
        with Instance() as prot:
            prot.up()
            waiting = prot.spawn("wait", "down")
            wait_for("it waits", lambda: os.listdir(f"/proc/{waiting.pid}/fd"))
            os.kill(prot.supervisor(), signal.SIGKILL)
            self.assertEqual(waiting.wait(5), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
