"""tests/mutations/run.py believes a mutation only when nothing but it can have failed its test: on a tree of two programs."""
import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/mutations"))
import run  # noqa: E402

NINJA = """rule copy
  command = cp $in $out
build one: copy {root}/one.sh
build two: copy {root}/two.sh
"""


class Order(unittest.TestCase):
    """The test `both` runs both programs, and Meson knows of `one` alone."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.build = self.folder / "source/build"
        (self.build / "meson-info").mkdir(parents=True)
        for name in ("one", "two"):
            (self.build.parent / f"{name}.sh").write_text("exit 0\n")
            (self.build / name).write_text("exit 0\n")
        (self.build / "build.ninja").write_text(NINJA.format(root=self.build.parent))
        both = {"name": "both", "depends": ["one@exe"], "env": {}, "workdir": None, "timeout": 60,
                "cmd": ["sh", "-c", f"sh {self.build}/one && sh {self.build}/two"]}
        (self.build / "meson-info/intro-tests.json").write_text(json.dumps([both]))
        (self.build / "meson-info/intro-targets.json").write_text(json.dumps([{"id": "one@exe", "filename": [str(self.build / "one")]}]))

    def mutation(self, name, file, new, *programs):
        return run.Mutation(name, "F1", file, "exit 0", new, "both", programs=list(programs))

    def told(self, *mutations):
        one = run.Run(self.build, self.folder)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            one.lane(0, list(mutations))
        return [line.split(" (")[0] for line in said.getvalue().splitlines()], (one.passed, one.failed)

    def test_a_defect_is_caught_and_what_changes_nothing_is_not(self):
        self.assertEqual(self.told(self.mutation("bad", "one.sh", "exit 1"), self.mutation("harmless", "one.sh", "exit 0 # as before")),
                         (["caught: F1 bad", "NOT CAUGHT: F1 harmless"], (1, 1)))

    def test_what_was_made_of_the_defect_before_fails_nobody_elses_test(self):
        self.assertEqual(self.told(self.mutation("bad", "two.sh", "exit 1", "two"), self.mutation("harmless", "one.sh", "exit 0 # as before"),
                                   self.mutation("bad-again", "two.sh", "exit 2", "two")),
                         (["caught: F1 bad", "NOT CAUGHT: F1 harmless", "caught: F1 bad-again"], (2, 1)))

    def test_what_does_not_build_proves_nothing_and_is_made_again(self):
        (self.build / "build.ninja").write_text(NINJA.format(root=self.build.parent).replace("cp $in", "grep -q exit $in && cp $in"))
        self.assertEqual(self.told(self.mutation("broken", "two.sh", "nothing", "two"), self.mutation("harmless", "one.sh", "exit 0 # as before")),
                         (["NOT CAUGHT: F1 broken", "NOT CAUGHT: F1 harmless"], (0, 2)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
