"""writable_globals.py sees what can be written in an object file, however large, and takes no other's word for a constant."""
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "audit"))
import writable_globals  # noqa: E402

SOURCE = """namespace prot {
int kBig[50000];
int small = 1;
extern const int table[2];
const int table[2] = {1, 2};
int* where = &small;
thread_local int own;
int count() { static int calls = 0; return ++calls + own; }
}
"""


class Symbols(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.root / "one.cpp").write_text(SOURCE)
        self.object = self.root / "folder_one.cpp.o"
        subprocess.run([*shlex.split(os.environ.get("CXX", "c++")), "-c", "-o", self.object, self.root / "one.cpp"], check=True)

    def test_everything_that_can_be_written_is_found_and_nothing_else(self):
        found = writable_globals.writable([self.object])
        names = subprocess.run(["c++filt", *found], capture_output=True, text=True, check=True).stdout.splitlines()
        self.assertEqual(sorted(names), ["prot::count()::calls", "prot::kBig", "prot::own", "prot::small", "prot::where"])

    def test_a_constant_of_another_source_excuses_nobody(self):
        own, other, header = pathlib.Path("core/one.cpp"), pathlib.Path("core/two.cpp"), pathlib.Path("core/two.hpp")
        excused = lambda *where: writable_globals.is_constant("prot::kBig", self.object, {"kBig": list(where)})
        self.assertEqual([excused(own), excused(header), excused(other), excused()], [True, True, False, False])


if __name__ == "__main__":
    unittest.main(verbosity=2)
