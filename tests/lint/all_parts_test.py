"""./test --all and ./test --coverage with a false ./test, Meson and gcovr below them: what counts, what is told."""
import json
import os
import pathlib
import re
import stat
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ROOT / "tests/parts"
WORDS = 'setup_name=test; . "$ROOT/tools/setup/lib.sh"; . "$ROOT/tools/setup/build.sh"; . "$ROOT/tests/parts/lib.sh"\n'
WELL = 'echo "[4/4] tests"; echo "5 passed, 0 failed"'


def lists():
    """name -> the entries of a list of all.sh"""
    text = (PARTS / "all.sh").read_text(encoding="utf-8")
    return {name: re.findall(r'^  "(.*)"$', body, re.M) for name, body in re.findall(r"^(\w+)=\(\n(.*?)^\)", text, re.M | re.S)}


class Shell(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="prot-parts-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def program(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/usr/bin/env bash\n" + text + "\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def run_shell(self, script, where, **more):
        # Not what the run that this test is part of was told: its failures are no one's but these examples'.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TEST_") and k not in ("FAILURES", "CI", "FUZZ_SECONDS")}
        environment |= {"ROOT": str(ROOT), "XDG_CACHE_HOME": str(self.folder), "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        return subprocess.run(["bash", "-euo", "pipefail", "-c", WORDS + script], cwd=where, env=environment | more, text=True,
                              capture_output=True, check=False, timeout=60)


class All(Shell):
    def all(self, before="", minutes="600", **cases):
        """The end of ./test --all when ./test does so for these parts; main: the ordinary tests."""
        words = "".join(f"  {'' if part == 'main' else '--' + part}*) {text} ;;\n" for part, text in cases.items() if part != "main")
        self.program("test", f'case "${{1:-}}" in\n{words}  "") {cases.get("main", WELL)} ;;\n  *) {WELL} ;;\nesac')
        done = self.run_shell(f'catch_signals; trap close EXIT; . "$ROOT/tests/parts/all.sh"; {before}\nrun_part', self.folder,
                              TEST_MINUTES=minutes)
        return done.returncode, done.stdout.splitlines()

    def test_all_that_passes_is_counted(self):
        count = 1 + len(lists()["parts"]) + len(lists()["trials"])
        code, lines = self.all()
        self.assertEqual((code, lines[-1]), (0, f"{5 * count} passed, 0 failed"))

    def test_a_part_that_does_not_build_or_says_nothing_counts_be_it_a_trial_or_not(self):
        parts = ("clang", "coverage", "asan", "tsan", "fuzz")
        for words in ("echo '0 passed, 1 failed'; exit 1", "echo broken; exit 1", "echo '0 passed, 0 failed'", "exit 0",
                      "echo '7 passed, 0 failed'; exit 1"):
            code, lines = self.all(**dict.fromkeys(parts, words))
            self.assertEqual((code, lines[-1].split(", ")[1]), (1, f"{len(parts)} failed"), words)
            for part in parts:
                self.assertTrue(any(line.startswith(f"failed in ./test --{part}") for line in lines), lines)

    def test_what_fails_in_a_trial_counts(self):
        code, lines = self.all(asan="echo 'failed: a'; echo '7 passed, 2 failed'; exit 1")
        self.assertEqual((code, lines[-1].split(", ")[1]), (1, "2 failed"))
        self.assertIn("failed in ./test --asan: 2 failed", lines)

    def test_what_passed_alone_is_told_at_the_end(self):
        code, lines = self.all(tsan="echo 'failed, then passed alone: prot:unit / web'; echo '7 passed, 0 failed'")
        self.assertEqual(code, 0)
        self.assertIn("failed, then passed alone, in ./test --tsan: prot:unit / web", lines[-9:])

    def test_the_names_of_what_failed_stand_before_the_last_line(self):
        _, lines = self.all(main='printf "failed: a: FAIL after 7 s\\n    words\\n" >>"$FAILURES"; echo "5 passed, 1 failed"; exit 1',
                            coverage='echo "found: a floor" >>"$FAILURES"; echo "5 passed, 1 failed"; exit 1')
        self.assertEqual(lines[-3:-1], ["failed: a: FAIL after 7 s", "found: a floor"])

    def test_only_a_trial_is_tried_again(self):
        self.all(main=f'echo "main ${{TEST_TRIAL:-}}" >>seen; {WELL}', asan=f'echo "asan ${{TEST_TRIAL:-}}" >>seen; {WELL}')
        self.assertEqual((self.folder / "seen").read_text(), "main \nasan 1\n")

    def test_a_trial_that_hangs_counts_and_one_that_still_compiles_is_told(self):
        ended = "echo '0 passed, 1 failed'; exit 124"  # as by timeout
        code, lines = self.all(tsan=f"echo '[4/4] tests'; {ended}")
        self.assertEqual((code, lines[-1].split(", ")[1]), (1, "1 failed"))
        self.assertTrue(any(re.match(r"failed in ./test --tsan: no end within \d+ s", line) for line in lines), lines)
        code, lines = self.all(tsan=f"echo '[3/4] building'; {ended}")
        self.assertEqual(code, 0)
        self.assertTrue(any(line.startswith("not proven: ./test --tsan: still building") for line in lines), lines)

    def test_what_the_clock_leaves_out_is_told_and_no_failure(self):
        code, lines = self.all(minutes="40")  # the plan alone is longer
        self.assertEqual(code, 0)
        for part in ("coverage", "asan", "tsan"):
            self.assertIn(f"not proven: ./test --{part}: left out, it would not end within 40 min", lines[-9:])

    def test_a_part_left_out_while_half_the_time_is_there_has_a_wrong_figure(self):
        code, lines = self.all(before='parts=("clang 70")', minutes="75")
        self.assertEqual((code, lines[-1].split(", ")[1]), (1, "1 failed"))
        self.assertTrue(any(line.startswith("failed in ./test --clang: left out") for line in lines), lines)

    def test_what_is_never_in_it_is_told_why(self):
        _, lines = self.all()
        for part in ("mutations", "peers"):
            self.assertTrue(any(line.startswith(f"never in --all: ./test --{part}, which ") for line in lines[-9:]), lines)

    def test_no_part_is_forgotten(self):
        there = {p.stem for p in PARTS.glob("*.sh") if "\nrun_part()" in p.read_text(encoding="utf-8")} - {"all"}
        told = [re.split("[ =]", entry)[0] for name in ("parts", "trials", "elsewhere") for entry in lists()[name]]
        self.assertEqual(sorted(told), sorted(there))

    def test_the_plan_fits_the_time_of_continuous_integration(self):
        minutes = re.search(r"^main_minutes=(\d+)$", (PARTS / "all.sh").read_text(encoding="utf-8"), re.M)[1]
        planned = int(minutes) + sum(int(entry.split()[1]) for name in ("parts", "trials") for entry in lists()[name])
        self.assertLessEqual(planned, int(re.search(r"TEST_MINUTES:-(\d+)", (ROOT / ".ci/run").read_text(encoding="utf-8"))[1]))


class SecondTry(Shell):
    """run_tests with a false meson, whose tests fail as often as FAILS says: name=times."""
    MESON = r"""
python3 - "$@" <<'PY'
import json, pathlib, sys
folder = pathlib.Path("build/meson-logs")
names = [a for a in sys.argv[1:] if a in ("a", "b")]
fails = json.loads((folder / "fails").read_text())
with (folder / "calls").open("a") as calls: print(*sys.argv[1:], file=calls)
lines = []
for name in names:
    fails[name] = fails.get(name, 0) - 1
    lines.append({"name": f"prot:unit / {name}", "result": "FAIL" if fails[name] >= 0 else "OK"})
(folder / "fails").write_text(json.dumps(fails))
(folder / "testlog.json").write_text("".join(json.dumps(l) + "\n" for l in lines))
sys.exit(any(l["result"] == "FAIL" for l in lines))
PY
"""

    def of(self, trial="1", before="", **fails):
        (self.folder / "build/meson-logs").mkdir(parents=True, exist_ok=True)
        (self.folder / "build/meson-logs/fails").write_text(json.dumps(fails))
        self.program("bin/meson", self.MESON)
        (self.folder / "tests").unlink(missing_ok=True)
        (self.folder / "tests").symlink_to(ROOT / "tests")
        done = self.run_shell(f"{before}\nrun_tests -t 5 a b; report", self.folder, TEST_TRIAL=trial)
        return done.returncode, done.stdout.splitlines()

    def test_what_fails_once_is_told_and_passes(self):
        code, lines = self.of(a=1)
        self.assertEqual((code, lines[-2:]), (0, ["failed, then passed alone: prot:unit / a", "2 passed, 0 failed"]))
        calls = (self.folder / "build/meson-logs/calls").read_text().splitlines()
        self.assertTrue(calls[1].endswith("--num-processes 1 -t 5 a"), calls)

    def test_what_fails_twice_counts(self):
        code, lines = self.of(a=2, b=1)
        self.assertEqual((code, lines[-3:]), (1, ["failed, then passed alone: prot:unit / b", "failed: prot:unit / a",
                                                  "1 passed, 1 failed"]))

    def test_by_hand_nothing_is_tried_again(self):
        code, lines = self.of(trial="", a=1)
        self.assertEqual((code, lines[-1]), (1, "1 passed, 1 failed"))

    def test_who_is_not_root_is_told_what_that_does_not_prove(self):
        for user, told in (("1000", 1), ("0", 0)):
            self.program("bin/id", f"echo {user}")
            done = self.run_shell("tell_unproven", self.folder)
            self.assertEqual(done.stdout.count("not proven: that no case which the audit names was skipped"), told)
        self.assertIn("\n  tell_unproven\n", (ROOT / "test").read_text(encoding="utf-8"))

    def test_too_many_are_no_accident(self):
        code, lines = self.of(before="most_again=1", a=1, b=1)
        self.assertEqual((code, lines[-1]), (1, "0 passed, 2 failed"))


class Coverage(Shell):
    """coverage.sh up to its report, with one count of one object."""

    def of(self, gcovr, floors="stt 85\n", result="OK"):
        self.program("bin/gcovr", gcovr)
        (self.folder / "floors").write_text(floors)
        (self.folder / "build").mkdir(exist_ok=True)
        (self.folder / "build/a.gcno").touch()
        done = self.run_shell(f"""
. "$ROOT/tests/parts/coverage.sh"
counts=$FOLDER/counts build_dir=$FOLDER/build
set_up() {{ :; }}; configure_fast() {{ :; }}; choose_tests() {{ :; }}; build_tree() {{ :; }}; open_to_all() {{ :; }}
python3() {{ [[ $1 != */coverage.py ]] || set -- "${{@:1:3}}" "$FOLDER/floors"; env python3 "$@"; }}
run_tests() {{
  touch "$counts/#x#build#coverage#a.gcda"
  echo '{{"name": "t", "result": "{result}"}}' >"$FOLDER/log"
  results=("$FOLDER/log")
  [ {result} = OK ] || test_status=1
}}
trap close EXIT
run_part""", ROOT, FOLDER=str(self.folder))
        return done.returncode, done.stdout.splitlines()

    @staticmethod
    def gcovr(share):
        lines = [{"line_number": n, "count": int(n <= share)} for n in range(1, 101)]
        report = json.dumps({"files": [{"file": "stt/a.cpp", "lines": lines}]})
        return f"while [ \"$1\" != --json ]; do shift; done; cat >\"$2\" <<'END'\n{report}\nEND"

    def test_a_share_above_its_floor_passes(self):
        code, lines = self.of(self.gcovr(90))
        self.assertEqual((code, lines[-2:]), (0, ["coverage: lines 90.0 %", "1 passed, 0 failed"]))

    def test_a_share_that_cannot_be_counted_has_failed(self):
        for name, gcovr, floors in (("gcovr", "exit 64", "stt 85\n"), ("its answer", self.gcovr(90) + "\n: >\"$2\"", "stt 85\n"),
                                    ("nothing of prot", "while [ \"$1\" != --json ]; do shift; done; echo '{\"files\": []}' >\"$2\"", ""),
                                    ("a floor", self.gcovr(90), "stt many\n"), ("half a floor", self.gcovr(90), "stt\n")):
            code, lines = self.of(gcovr, floors)
            self.assertEqual((code, lines[-1]), (1, "1 passed, 1 failed"), name)
            self.assertTrue(any(line.startswith("found: coverage: the lines could not be counted") for line in lines), (name, lines))

    def test_a_share_below_its_floor_counts_also_where_a_test_failed(self):
        code, lines = self.of(self.gcovr(80), result="FAIL")
        self.assertEqual((code, lines[-1]), (1, "0 passed, 2 failed"))
        self.assertIn("stt is at 80.0 %, its floor is 85.0 %", next(line for line in lines if line.startswith("found: ")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
