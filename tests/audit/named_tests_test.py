"""named_tests.py finds a named test that did not run, and a named case that was left out although its test passed."""
import json
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import named_tests  # noqa: E402

PYTHON_LOG = """test_a (__main__.Kind.test_a) ... ok
test_b (__main__.Kind.test_b)
What it is for. ... skipped 'needs another user'
test_c (__main__.Kind.test_c) ... 3 of them
ok
OK (skipped=1)
"""
LISTED = "[doctest] listing all test case names\none that runs\n"


class Ran(unittest.TestCase):
    def setUp(self):
        self.enterContext(unittest.mock.patch("os.geteuid", return_value=0))
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for folder in ("doc", "build/meson-info", "build/meson-logs"):
            (self.root / folder).mkdir(parents=True)
        program = self.root / "program"
        program.write_text(f"#!/bin/sh\n[ \"$1\" = --list-test-cases ] && printf '{LISTED}'\n")
        program.chmod(0o755)
        self.tests = [self.entry("native", [str(program)]), self.entry("script", ["python3", "script_test.py"], "e2e")]
        self.log = [{"name": "prot:unit / native", "result": "OK", "stdout": "1 skipped"},
                    {"name": "prot:e2e / script", "result": "OK", "stdout": "", "stderr": PYTHON_LOG}]

    def entry(self, name, command, suite="unit"):
        return {"name": name, "cmd": command, "suite": [f"prot:{suite}"], "env": {}, "workdir": None}

    def problems(self, *named, quick=False):
        (self.root / "SECURITY.md").write_text("".join(f"`{one}`\n" for one in named))
        (self.root / "doc/audit.md").write_text("")
        (self.root / "build/meson-info/intro-tests.json").write_text(json.dumps(self.tests))
        (self.root / "build/meson-logs/testlog.json").write_text("".join(json.dumps(row) + "\n" for row in self.log))
        return [line.split(": ", 1)[1] for line in named_tests.check_ran(self.root, self.root / "build", quick)]

    def test_what_ran_is_no_problem(self):
        self.assertEqual(self.problems("native: one that runs", "script: Kind.test_a", "script: Kind.test_c", "native: *"), [])

    def test_who_is_not_root_leaves_out_what_needs_another_user(self):
        with unittest.mock.patch("os.geteuid", return_value=1000):
            self.assertEqual(self.problems("native: one that is skipped", "script: Kind.test_b"), [])

    def test_a_case_that_was_left_out(self):
        self.assertEqual(self.problems("native: one that is skipped", "script: Kind.test_b"),
                         ["names 'one that is skipped' of test 'native', which was left out",
                          "names 'Kind.test_b' of test 'script', which was left out"])

    def test_without_names_in_the_log_each_may_be_the_one_that_was_left_out(self):
        for log in ("..s\nOK (skipped=1)\n", "...\nOK\n"):
            self.log[1]["stderr"] = log
            self.assertEqual(len(self.problems("script: Kind.test_a")), 1)

    def test_a_case_that_the_log_does_not_tell_did_not_run(self):
        self.assertEqual(len(self.problems("script: Kind.test_d")), 1)

    def test_a_test_that_did_not_run_or_failed_is_told_once(self):
        self.log[0]["result"] = "FAIL"
        self.log.pop()
        self.assertEqual(self.problems("native: one that runs", "native: *", "script: Kind.test_a"),
                         ["names test 'native': FAIL", "names test 'script': not run"])
        self.assertEqual(self.problems("native: *", "script: Kind.test_a", quick=True), ["names test 'native': FAIL"])


class Findings(unittest.TestCase):
    def problems(self, change=lambda text: text, names=named_tests.FINDINGS):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "doc").mkdir()
            (root / "tests/mutations").mkdir(parents=True)
            text = "".join(f"### {f} A defect (low; all)\nprot: this.\nStatus: fixed.\nTests: `a: b`,\n`c: d`.\n"
                           f"Mutations: `m-{f}`,\n`n-{f}`.\nEvidence: 3.\nRisk: none known.\n\n" for f in named_tests.FINDINGS)
            (root / "doc/audit.md").write_text(change(text) + "## More\nRisk: `m-F1`\n")
            (root / "tests/mutations/findings.toml").write_text("".join(
                f"[[mutation]]\nname = '{kind}-{f}'\nfinding = '{f}'\n" for f in names for kind in "mn"))
            return named_tests.check_findings(root)

    def test_a_finding_that_has_everything(self):
        self.assertEqual(self.problems(), [])

    def test_what_is_missing(self):
        self.assertEqual(self.problems(lambda text: text.replace("Status: fixed.\n", "", 1)), ["doc/audit.md: F1 has no 'Status'"])
        self.assertEqual(len(self.problems(lambda text: text.replace("### F22", "### F23"))), 8)
        self.assertEqual(self.problems(lambda text: text.replace("`m-F7`", "`m-F8`")),
                         [f"doc/audit.md: F7 and tests/mutations/findings.toml disagree about '{name}'" for name in ("m-F7", "m-F8")])
        self.assertEqual(len(self.problems(names=named_tests.FINDINGS[1:])), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
