"""fuzz.py and long_run.py, with shell scripts in place of the targets: a fault is told and its input named, hours add up.

usage: fuzz_scripts_test.py
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent

# Each takes a moment of the processor, which is what hours are made of.
WORK = "#!/bin/sh\ni=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done\n"
WELL = WORK + """
echo '#2 INITED cov: 11 ft: 12 corp: 1/1b'
echo '#90 DONE   cov: 21 ft: 22 corp: 1/1b'
echo 'Done 90 runs in 1 second(s)'
echo 'stat::number_of_executed_units: 90'
"""
FAULTY = WORK + """
for option in "$@"; do case $option in -artifact_prefix=*) echo bad > "${option#*=}crash-1" ;; esac; done
echo '#3 NEW    cov: 1 ft: 2 corp: 1/1b'
echo 'it does not hold: this'
exit 77
"""
# Its one input comes back as one that takes too long; alone it does what {} says.
STARVED = WORK + """
for option in "$@"; do case $option in -artifact_prefix=*) echo slow > "${{option#*=}}timeout-1"; kept=yes ;; esac; done
if [ -z "$kept" ]; then {}; fi
echo '#3 NEW    cov: 1 ft: 2 corp: 1/1b'
echo 'SUMMARY: libFuzzer: timeout'
exit 70
"""


class Scripts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="prot-fuzz-test-")
        self.addCleanup(folder.cleanup)
        self.build = pathlib.Path(folder.name)
        (self.build / "tests/fuzz").mkdir(parents=True)

    def target(self, name, text):
        path = self.build / f"tests/fuzz/{name}_fuzz"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def run_script(self, name, *options):
        return subprocess.run([sys.executable, HERE / name, "--build", self.build, *options], capture_output=True,
                              text=True, timeout=60, check=False, env=dict(os.environ, TMPDIR=str(self.build)))

    def test_all_is_well(self):
        self.target("a", WELL)
        self.target("b", WELL)
        done = self.run_script("fuzz.py", "--seconds", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("a: 90 inputs, 90 a second, 21 edges, 22 features\n", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "2 passed, 0 failed")

    def test_a_fault_is_told_and_its_input_named(self):
        self.target("a", WELL)
        self.target("b", FAULTY)
        done = self.run_script("fuzz.py", "--seconds", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("it does not hold: this\n", done.stdout)
        self.assertIn(f"kept: {self.build}/faults/b-crash-1\n", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "1 passed, 1 failed")

    def test_an_input_that_only_waited_for_the_processor_is_no_fault(self):
        self.target("a", STARVED.format("exit 0"))
        self.target("b", STARVED.format("exit 77"))
        self.target("c", STARVED.format("kill -XCPU $$"))  # as of one that computes for longer
        done = self.run_script("fuzz.py", "--seconds", "1")
        self.assertEqual(done.stdout.splitlines()[-1], "1 passed, 2 failed")
        self.assertEqual(sorted(path.name for path in (self.build / "faults").iterdir()), ["b-timeout-1", "c-timeout-1"])

    def test_a_target_that_ran_no_input_has_failed(self):
        self.target("a", "#!/bin/sh\nexit 0\n")
        self.assertEqual(self.run_script("fuzz.py", "--seconds", "1").stdout.splitlines()[-1], "0 passed, 1 failed")

    def test_a_target_that_is_not_there_is_named(self):
        self.target("a", WELL)
        for script in ("fuzz.py", "long_run.py"):
            done = self.run_script(script, "--only", "a,b")
            self.assertEqual(done.returncode, 2)
            self.assertIn("there is no target b\n", done.stderr)

    def test_without_targets_nothing_has_passed(self):
        done = self.run_script("fuzz.py")
        self.assertEqual((done.returncode, done.stdout), (1, "0 passed, 0 failed\n"))

    def test_hours_add_up_and_a_fault_stops_nobody(self):
        self.target("a", WELL)
        self.target("b", FAULTY)
        hours = self.build / "long/hours.json"
        most = 0
        for _ in range(2):
            done = self.run_script("long_run.py", "--busy", "--jobs", "2", "--turn", "10",
                                   "--hours", str((most + 0.01) / 3600))
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = json.loads(hours.read_text(encoding="utf-8"))
            most = max(row["seconds"] for row in rows.values())
        done = self.run_script("long_run.py", "--busy", "--only", "a", "--turn", "10", "--hours", str((most + 0.01) / 3600))
        self.assertEqual(done.returncode, 0, done.stderr)
        before, rows = rows, json.loads(hours.read_text(encoding="utf-8"))
        self.assertGreater(rows["a"]["seconds"], most)
        self.assertEqual(rows["b"], before["b"])
        self.assertGreaterEqual(rows["a"]["inputs"], 180)
        self.assertEqual(rows["a"]["faults"], 0)
        self.assertGreaterEqual(rows["b"]["faults"], 2)
        self.assertGreater(rows["a"]["seconds"], 0)
        self.assertIn("it does not hold: this", (self.build / "long/log").read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
