"""tools/remembered.py, and the checks that use it: who passed is known, who has changed is looked at, who failed fails again."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
import remembered  # noqa: E402
from remembered import Remembered  # noqa: E402


class Memory(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="prot-remembered-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        environment = mock.patch.dict(os.environ, {"XDG_CACHE_HOME": str(self.root / "cache")})
        environment.start()
        self.addCleanup(environment.stop)

    def test_a_good_answer_is_known_by_all_that_it_depends_on(self):
        first = Remembered("a", b"version 1")
        first.add([first.key(b"one", b"two")])
        later = Remembered("a", b"version 1")
        self.assertTrue(later.has(later.key(b"one", b"two")))
        for other, parts in ((later, (b"one", b"tw")), (later, (b"onetwo",)), (Remembered("a", b"version 2"), (b"one", b"two")),
                             (Remembered("b", b"version 1"), (b"one", b"two"))):
            self.assertFalse(other.has(other.key(*parts)))

    def test_it_does_not_grow(self):
        with mock.patch.object(remembered, "KEPT", 3):
            kept = Remembered("a")
            for number in range(5):
                kept.add([kept.key(bytes([number]))])
        kept = Remembered("a")
        self.assertEqual([kept.has(kept.key(bytes([number]))) for number in range(5)], [False, False, True, True, True])
        self.assertEqual([p.name for p in (self.root / "cache/prot/checked").iterdir()], ["a"])

    @unittest.skipIf(shutil.which("clang-format-14") is None, "clang-format-14 is not installed")
    def test_a_file_that_is_badly_formatted_fails_again_and_again(self):
        tree = self.root / "tree"
        (tree / "core").mkdir(parents=True)
        (tree / ".clang-format").write_text("BasedOnStyle: Google\n", encoding="utf-8")
        (tree / "core/good.cpp").write_text("int a;\n", encoding="utf-8")
        self.assertEqual(self.check(tree).returncode, 0)
        (tree / "core/bad.cpp").write_text("int   b;\n", encoding="utf-8")
        for _ in range(2):
            done = self.check(tree)
            self.assertEqual(done.returncode, 1)
            self.assertIn("bad.cpp", done.stdout)
        (tree / "core/bad.cpp").write_text("int b;\n", encoding="utf-8")
        self.assertEqual(self.check(tree).returncode, 0)
        (tree / "core/good.cpp").write_text("int  a;\n", encoding="utf-8")  # it was good
        self.assertEqual(self.check(tree).returncode, 1)

    @staticmethod
    def check(tree):
        return subprocess.run([sys.executable, TOOLS / "check_format.py", tree], capture_output=True, text=True, check=False)


if __name__ == "__main__":
    unittest.main(verbosity=2)
