"""Every death that nobody asked for leaves a report; prot crash list and show read them, running or not."""
import json
import os
import signal
import statistics
import unittest

from instance import ALONE, STAGES, Instance, wait_for


def reports(prot):
    return sorted((prot.state / "crashes").glob("crash-*.json"))


def crashes(prot):
    done = prot.run("crash", "list", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Reports(unittest.TestCase):
    def test_a_kill_from_outside(self):
        with Instance() as prot:
            prot.up()
            old = prot.stage("tts")
            os.kill(old["pid"], signal.SIGKILL)
            (file,) = wait_for("a report", lambda: reports(prot))
            self.assertRegex(file.name, r"^crash-tts-1-[0-9a-f]{12}\.json$")
            self.assertEqual(file.stat().st_mode & 0o777, 0o600)
            report = json.loads(file.read_text())
            self.assertEqual((report["stage"], report["pid"], report["generation"], report["signal"], report["core"]),
                             ("tts", old["pid"], 1, signal.SIGKILL, False))
            self.assertEqual(report["what"], "was killed by SIGKILL")
            self.assertRegex(report["decision"], r"^restarted after \d+ ms$")  # it had not been ready for long
            self.assertTrue(report["was_ready"])
            self.assertGreaterEqual(report["uptime_ms"], 0)
            self.assertRegex(report["build_id"], r"^[0-9a-f]{16,}$")
            self.assertEqual([r["name"] for r in report["rings"]], ["speech", "pcm"])
            self.assertTrue(any("ready (generation 1)" in line["msg"] for line in report["log"]))
            self.assertFalse(any("generation 2" in line["msg"] for line in report["log"]))
            self.assertIn(f"crash report: prot crash show tts-1-{report['run']}", prot.log())

    def test_a_segmentation_fault_has_a_backtrace_with_names(self):
        with Instance(segv="stt") as prot:
            prot.up()
            wait_for("it crashed", lambda: reports(prot))
            newest = json.loads(prot.run("crash", "show", "--json").stdout)
            self.assertEqual((newest["stage"], newest["signal_name"]), ("stt", "SIGSEGV"))
            self.assertGreater(len(newest["backtrace"]), 3)
            self.assertTrue(newest["backtrace"][0]["module"].endswith("fixture-stage"))
            errors = [line["msg"] for line in newest["log"] if line["level"] == "error"]
            self.assertRegex(errors[0], r"^crash: SIGSEGV \(code 1\) at 0x0, thread \d+$")
            shown = prot.run("crash", "show", newest["id"])
            self.assertEqual(shown.returncode, 0)
            self.assertRegex(shown.stdout, r"stt was killed by SIGSEGV")
            self.assertRegex(shown.stdout, r"#0 +.*FixtureStage::read_through.*\(fixture-stage\+0x[0-9a-f]+\)")
            self.assertRegex(shown.stdout, r"main.*\(fixture-stage\+0x")
            self.assertIn("Last lines", shown.stdout)
            prot.order(segv="")
            prot.run("down", "--now")

    def test_the_frame_in_hand_is_named_without_its_content(self):
        with Instance(turns=5, store=1, poison=3) as prot:
            prot.up()
            wait_for("twice", lambda: len(reports(prot)) >= 2, 20)
            for file in reports(prot):
                text = file.read_text()
                report = json.loads(text)
                self.assertEqual((report["signal_name"], report["frame"]["ring"], report["frame"]["sequence"]),
                                 ("SIGABRT", "turns", 2))
                self.assertGreater(report["frame"]["size"], len("poison"))
                for content in ("poison", "remember me"):
                    self.assertNotIn(content, text)

    def test_what_was_asked_for_is_no_crash(self):
        with Instance() as prot:
            prot.up()
            prot.run("restart", "stt")
            prot.run("stop", "tts")
            prot.run("start", "tts")
            prot.run("down")
            self.assertEqual(reports(prot), [])
            self.assertEqual(crashes(prot), [])
            self.assertEqual(prot.run("crash", "show").returncode, 1)

    def test_a_start_that_fails_is_reported_with_its_exit_code(self):
        with Instance(fail="stt") as prot:
            self.assertEqual(prot.run("up", "-d", *ALONE).returncode, 1)
            found = crashes(prot)
            self.assertEqual([c["stage"] for c in found], ["stt"] * 3)
            report = json.loads(reports(prot)[0].read_text())
            self.assertEqual((report["exit_code"], report["was_ready"]), (1, False))
            self.assertIn("fixture: told to fail", [line["msg"] for line in report["log"]])

    def test_list_is_newest_first_and_needs_no_instance(self):
        with Instance() as prot:
            prot.up()
            for stage in ("stt", "tts", "player"):
                count = len(reports(prot))
                os.kill(prot.stage(stage)["pid"], signal.SIGKILL)
                wait_for("reported", lambda n=count: len(reports(prot)) > n)
            prot.run("down", "--now")
            self.assertEqual([c["stage"] for c in crashes(prot)], ["player", "tts", "stt"])
            table = prot.run("crash", "list").stdout.splitlines()
            self.assertEqual(table[0].split(), ["ID", "WHEN", "STAGE", "WHAT", "UPTIME"])
            self.assertRegex(table[1], r"^player-1-\w{12} +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +player +was killed by SIGKILL +\d+ m?s$")
            self.assertIn("player was killed by SIGKILL", prot.run("crash", "show").stdout)
            ident = crashes(prot)[-1]["id"]
            self.assertIn("stt was killed by SIGKILL", prot.run("crash", "show", ident).stdout)
            done = prot.run("crash", "show", "nobody-1")
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1))
            (prot.state / "crashes/crash-broken-1.json").write_text("{")
            self.assertEqual(len(crashes(prot)), 3)

    def test_a_folder_that_cannot_be_written_is_said_once_and_nobody_stays_down(self):
        with Instance() as prot:
            prot.state.mkdir(parents=True)
            (prot.state / "crashes").write_text("in the way")
            prot.up()
            for generation in (2, 3):
                os.kill(prot.stage("stt")["pid"], signal.SIGKILL)
                wait_for("back", lambda g=generation: (s := prot.stage("stt"))["state"] == "ready" and s["generation"] == g)
            self.assertEqual(sum("no crash report" in line for line in prot.log()), 1)


class Price(unittest.TestCase):
    def test_a_restart_does_not_wait_for_the_report(self):
        """A report that knows of the restart was written after it."""
        with Instance() as prot:
            prot.up()
            wait_for("healthy", lambda: min(time_since_ready(s) for s in prot.status()["stages"]) > 2100)
            for stage in STAGES:
                os.kill(prot.stage(stage)["pid"], signal.SIGKILL)
            wait_for("reports", lambda: len(reports(prot)) == len(STAGES))
            for file in reports(prot):
                self.assertEqual(json.loads(file.read_text())["decision"], "restarted at once", file)
            lines = [json.loads(line) for line in prot.run("logs", "--json", "-n", "5000").stdout.splitlines()]
            at = {(r["stage"], r["msg"]): r["mono_ns"] for r in lines}
            takes = [(at["supervisor", f"crash report: prot crash show {c['id']}"]
                      - at["supervisor", f"{c['stage']} ended: -9"]) / 1e6 for c in crashes(prot)]
            print(f"from death to written report: median {statistics.median(takes):.2f} ms")


def time_since_ready(stage):
    return stage["uptime_ms"] - stage["ready_ms"]


if __name__ == "__main__":
    unittest.main(verbosity=2)
