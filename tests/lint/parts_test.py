"""What ./test makes of its parts' results: which tests an instrumented build runs, what counts as failed, whose floor holds."""
import contextlib
import io
import json
import os
import pathlib
import re
import sys
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/parts"))
import coverage  # noqa: E402
import report  # noqa: E402
import selection  # noqa: E402

TESTS = [{"name": "stt", "suite": ["prot:unit"]}, {"name": "ring-bench", "suite": ["prot:process"]},
         {"name": "crash", "suite": ["prot:process"]}, {"name": "pulse", "suite": ["prot:e2e"]}]


class Selection(unittest.TestCase):
    def test_suites_and_names_are_chosen_and_patterns_left_out(self):
        self.assertEqual(selection.choose(TESTS, {"unit", "process", "pulse"}, ["*-bench"]), ["crash", "pulse", "stt"])

    def test_a_pattern_that_means_no_test_is_a_mistake(self):
        with self.assertRaisesRegex(SystemExit, "no test is called old-*"):
            selection.choose(TESTS, {"unit"}, ["old-*"])

    def test_lines_are_of_one_tree_and_say_why(self):
        text = "# comment\n\ncoverage *-bench measures\nasan crash aborts by itself\n"
        self.assertEqual(selection.read_left_out(text, "asan"), ["crash"])
        with self.assertRaisesRegex(SystemExit, "left_out.txt:1"):
            selection.read_left_out("asan crash\n", "asan")


    def test_a_pattern_of_a_suite_leaves_nothing_out_that_is_chosen(self):
        self.assertEqual(selection.choose(TESTS, {"unit", "pulse"}, ["suite:e2e", "suite:models"]), ["pulse", "stt"])

    def test_what_is_not_chosen_wants_a_reason(self):
        wanted = selection.wanted_by(["run_part() {\n  choose_tests tsan unit\n}\n", "  choose_tests tsan crash\n  choose_tests off unit\n"])
        self.assertEqual(wanted, {"tsan": {"unit", "crash"}, "off": {"unit"}})

        def of(*patterns):
            return [words.split()[-1] for words in selection.unexplained(TESTS, "tsan", wanted["tsan"], list(patterns))]
        self.assertEqual(of(), ["ring-bench", "pulse"])
        self.assertEqual(of("*-bench"), ["pulse"])
        self.assertEqual(of("suite:process", "suite:e2e"), [])
        self.assertEqual(of("*-bench", "pulse", "suite:unit"), ["unit"])  # it runs them all

    def test_a_line_of_all_trees_is_of_each(self):
        self.assertEqual(selection.read_left_out("* suite:lint of no program\nasan a why\n", "asan"), ["suite:lint", "a"])

    def test_off_switches_off_all_that_can_be(self):
        features = re.findall(r"^option\('(\w+)', type: 'feature'", (ROOT / "meson_options.txt").read_text(encoding="utf-8"), re.M)
        off = (ROOT / "tests/parts/off.sh").read_text(encoding="utf-8")
        self.assertEqual([f for f in features if f"-D{f}=disabled" not in off], [])
        self.assertIn("heap_profile", features)


class Report(unittest.TestCase):
    def of(self, results, status="0", *failures, closing=""):
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder) / "log"
            if results is not None:
                log.write_text("".join(json.dumps({"name": n, "result": r}) + "\n" for n, r in results))
            said = io.StringIO()
            with mock.patch.object(sys, "argv", ["report.py", status, str(log), str(log.with_name("none")), "--", *failures]), \
                    mock.patch.dict(os.environ, {"CLOSING_LINE": closing, "FAILURES": ""}), contextlib.redirect_stdout(said):
                code = report.main()
        return code, said.getvalue().splitlines()

    def test_skipped_tests_are_named_and_not_counted(self):
        self.assertEqual(self.of([("a", "OK"), ("b", "SKIP"), ("c", "EXPECTEDFAIL")]), (0, ["skipped: b", "2 passed, 0 failed"]))

    def test_every_way_to_fail_counts(self):
        results = [("a", "OK"), ("b", "FAIL"), ("c", "TIMEOUT"), ("d", "ERROR"), ("e", "UNEXPECTEDPASS"), ("f", "INTERRUPT")]
        code, lines = self.of(results, "1")
        self.assertEqual((code, lines[-1]), (1, "1 passed, 5 failed"))

    def test_a_run_without_tests_has_failed(self):
        self.assertEqual(self.of(None), (1, ["no test was run", "0 passed, 0 failed"]))
        self.assertEqual(self.of([("a", "SKIP")])[0], 1)

    def test_meson_itself_may_fail(self):
        self.assertEqual(self.of([("a", "OK")], "2")[1][-1], "1 passed, 1 failed")

    def test_a_failure_of_the_part_counts_and_the_closing_line_comes_before_the_last(self):
        code, lines = self.of([("a", "OK")], "0", "", "coverage: web is at 80.0 %", closing="coverage: lines 84.0 %")
        self.assertEqual((code, lines), (1, ["found: coverage: web is at 80.0 %", "coverage: lines 84.0 %", "1 passed, 1 failed"]))

    def test_what_failed_is_kept_with_its_telling_lines(self):
        log = ["04:44:01.018 ERROR [PROT] voice first: it is broken"] * 40
        output = "\n".join(["start", "case 3: expected 4, was 5"] + [f"line {i}" for i in range(50)] + ["", "last words", *log])
        with tempfile.TemporaryDirectory() as folder:
            path, kept = pathlib.Path(folder) / "log", pathlib.Path(folder) / "kept"
            path.write_text(json.dumps({"name": "a", "result": "OK", "stdout": "an error that was expected"}) + "\n" +
                           json.dumps({"name": "b", "result": "FAIL", "duration": 7.2, "stdout": output}) + "\n")
            for _ in range(2):  # one file for all parts
                with mock.patch.object(sys, "argv", ["report.py", "1", str(path), "--", "a race"]), \
                        mock.patch.dict(os.environ, {"FAILURES": str(kept)}), contextlib.redirect_stdout(io.StringIO()):
                    self.assertEqual(report.main(), 1)
            lines = kept.read_text().splitlines()
        self.assertEqual(lines[:3], ["failed: b: FAIL after 7 s", "    case 3: expected 4, was 5", "    line 36"])
        self.assertEqual(lines[16:19], ["    last words", "found: a race", "failed: b: FAIL after 7 s"])

    def test_a_log_that_is_all_that_was_said_is_kept(self):
        line = "04:44:01.018 ERROR [PROT] voice first: it is broken"
        self.assertEqual(report.digest({"name": "a", "result": "FAIL", "stderr": line}), f"failed: a: FAIL after 0 s\n    {line}\n")


class Coverage(unittest.TestCase):
    def test_lines_are_counted_by_folder(self):
        def line(number, count, **more):
            return {"line_number": number, "count": count, **more}
        folders, missing = coverage.lines_of({"files": [
            {"file": "core/json/json.cpp", "lines": [line(1, 3), line(2, 0), line(3, 0), line(9, 0, **{"gcovr/noncode": True})]},
            {"file": "stt/stage.cpp", "lines": [line(5, 1)]}]})
        self.assertEqual(folders, {"core/json": [1, 3], "stt": [1, 1], "all": [2, 4]})
        self.assertEqual(missing, {"core/json/json.cpp": [2, 3]})
        self.assertEqual(coverage.ranges([2, 3, 7, 9, 10, 11]), "2-3,7,9-11")

    def test_a_folder_below_its_floor_without_one_or_gone_fails(self):
        folders = {"all": [90, 100], "stt": [8, 10], "web": [82, 90]}
        self.assertEqual(coverage.judge(folders, {"stt": 80, "web": 85}), [])
        self.assertEqual(len(coverage.judge(folders, {"stt": 81, "web": 85})), 1)
        self.assertEqual(len(coverage.judge(folders, {"stt": 80})), 1)
        self.assertEqual(len(coverage.judge(folders, {"stt": 80, "web": 85, "old": 85})), 1)
        self.assertEqual(len(coverage.judge({"all": [84, 100]}, {})), 1)

    def test_a_floor_below_85_needs_a_reason(self):
        self.assertEqual(coverage.read_floors("# all\nstt 85\nweb 80 needs a browser\n"), ({"stt": 85.0, "web": 80.0}, []))
        self.assertEqual(len(coverage.read_floors("web 80\n")[1]), 1)

    def test_counts_find_their_object_whatever_the_checkout(self):
        with tempfile.TemporaryDirectory() as name:
            counts, build = pathlib.Path(name) / "counts", pathlib.Path(name) / "build/coverage"
            counts.mkdir()
            (build / "core/a.p").mkdir(parents=True)
            (build / "core/a.p/a.cpp.gcno").touch()
            (counts / "#elsewhere#build#coverage#core#a.p#a.cpp.gcda").write_bytes(b"counts")
            (counts / "#elsewhere#build#coverage#core#a.p#gone.cpp.gcda").write_bytes(b"counts")
            self.assertEqual(coverage.fetch(counts, build), 1)
            self.assertEqual((build / "core/a.p/a.cpp.gcda").read_bytes(), b"counts")


if __name__ == "__main__":
    unittest.main(verbosity=2)
