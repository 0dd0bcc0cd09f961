"""clang-tidy over several sources as one must find what it finds in each alone, in every folder. Skipped without clang-tidy."""
import json
import pathlib
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import check_clang  # noqa: E402
import check_includes  # noqa: E402

CLEAN = "namespace prot {\nint %s() { return 1; }\n}  // namespace prot\n"
MOVED = """#include <utility>
namespace prot {
struct Thing {
  Thing(Thing&&) noexcept;
  int use() const;
};
void take(Thing thing);
int used_again(Thing thing) {
  take(std::move(thing));
  return thing.use();
}
}  // namespace prot
"""


class Counting(check_clang.Tidy):
    runs = 0

    def _findings(self, *arguments):
        self.runs += 1
        return super()._findings(*arguments)


class Batches(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name).resolve()
        shutil.copy(ROOT / ".clang-tidy", self.root)
        (self.root / "stt").mkdir()

    def write(self, name, text, folder="stt"):
        path = self.root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def check(self, *sources):
        (self.root / "compile_commands.json").write_text(json.dumps([
            {"directory": str(self.root), "file": str(source), "command": f"clang++-14 -std=c++20 -c {source}"}
            for source in sources]))
        commands = {s: {"command": f"clang++-14 -std=c++20 -o {s.name}.o -c {s}"} for s in sources}
        self.tidy = Counting(self.root, self.root, commands)
        found = {}
        for batch in self.tidy.batches(sources):
            found |= self.tidy.check(batch)
        return found

    def test_what_is_clean_takes_one_run(self):
        found = self.check(*(self.write(f"{name}.cpp", CLEAN % name) for name in ("a", "b", "c")))
        self.assertEqual((set(found.values()), self.tidy.runs), ({""}, 1))

    def test_a_mistake_is_told_of_its_source_alone(self):
        good, moved = self.write("a.cpp", CLEAN % "a"), self.write("b.cpp", MOVED)
        named = self.write("c.cpp", "namespace prot {\nstruct bad_name {};\n}  // namespace prot\n")
        found = self.check(good, moved, named)
        self.assertEqual(found[good], "")
        self.assertIn("bugprone-use-after-move", found[moved])
        self.assertIn("readability-identifier-naming", found[named])

    def test_a_mistake_in_a_header_is_told(self):
        self.write("a.hpp", "#pragma once\nnamespace prot {\nstruct bad_name {};\n}  // namespace prot\n")
        found = self.check(self.write("a.cpp", '#include "a.hpp"\n' + CLEAN % "a"), self.write("b.cpp", CLEAN % "b"))
        self.assertIn("stt/a.hpp:3", found[self.root / "stt/a.cpp"])
        self.assertEqual(found[self.root / "stt/b.cpp"], "")

    def test_a_mistake_is_told_in_every_folder_and_its_headers(self):
        sources = []
        for number, folder in enumerate(check_includes.MAY_INCLUDE):
            named = "namespace prot {\nstruct bad_%s_%d {};\n}  // namespace prot\n"
            self.write(f"header{number}.hpp", "#pragma once\n" + named % ("header", number), folder)
            include = f'#include "header{number}.hpp"\n'
            sources.append(self.write(f"source{number}.cpp", include + named % ("source", number), folder))
        self.check(sources[0])  # makes what it needs
        said = self.tidy._findings(*self.tidy._unit(sources), self.tidy.as_one)
        for number, folder in enumerate(check_includes.MAY_INCLUDE):
            self.assertIn(f"bad_header_{number}", said, folder)
            self.assertIn(f"bad_source_{number}", said, folder)

    def test_a_folder_that_is_not_looked_into_is_told(self):
        source = self.write("a.cpp", CLEAN % "a", "unknown")
        found = self.check(source, self.write("b.cpp", CLEAN % "b"))
        self.assertIn(".clang-tidy does not name its folder", found[source])
        self.assertEqual(found[self.root / "stt/b.cpp"], "")

    def test_a_source_that_is_at_odds_with_others_is_checked_alone(self):
        helper = "namespace prot {\nnamespace {\nint helper() { return 1; }\n}  // namespace\n}  // namespace prot\n"
        same = helper + CLEAN
        found = self.check(self.write("a.cpp", same % "a"), self.write("b.cpp", same % "b"),
                           self.write("c.cpp", CLEAN % "c"))
        self.assertEqual((set(found.values()), len(found), self.tidy.runs), ({""}, 3, 3))  # all, a and c, b

    def test_two_programs_are_no_one_source(self):
        program = "int main() { return 0; }\n"
        (self.root / "stt/one").mkdir()
        found = self.check(self.write("main.cpp", program), self.write("one/main.cpp", program))
        self.assertEqual((set(found.values()), self.tidy.runs), ({""}, 2))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2) if check_clang.tool("clang-tidy") else 77)
