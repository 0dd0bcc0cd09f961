"""The include checker must be able to fail: one case for each of its rules."""
import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import check_includes  # noqa: E402


class CheckIncludes(unittest.TestCase):
    def problems(self, path: str, *lines: str) -> list[str]:
        return check_includes.check_file(path, "\n".join(lines) + "\n")

    def test_a_stage_may_include_its_own_headers_and_core(self):
        self.assertEqual(self.problems("stt/stt_stage.cpp", '#include "stt_stage.hpp"', '#include "wire/frame.hpp"'), [])

    def test_a_stage_may_not_include_another_stage(self):
        self.assertEqual(len(self.problems("tts/a.cpp", '#include "stt/stt_stage.hpp"')), 1)

    def test_no_way_up_the_tree(self):
        self.assertEqual(len(self.problems("tts/a.cpp", '#include "../stt/stt_stage.hpp"')), 1)

    def test_a_source_is_not_included(self):
        self.assertEqual(len(self.problems("tts/a.cpp", '#include "worker.cpp"')), 1)

    def test_core_may_not_include_upwards(self):
        self.assertEqual(len(self.problems("core/ipc/a.cpp", '#include "stage/stage.hpp"')), 1)

    def test_a_wrapped_library_belongs_to_its_wrapper(self):
        self.assertEqual(len(self.problems("brain/a.cpp", "#include <curl/curl.h>")), 1)
        self.assertEqual(self.problems("core/http/a.cpp", "#include <curl/curl.h>"), [])

    def test_a_backend_does_not_know_the_stage(self):
        self.assertEqual(len(self.problems("player/sinks/a.cpp", '#include "player_stage.hpp"')), 1)

    def test_files_have_a_largest_size(self):
        self.assertEqual(len(self.problems("stt/a.hpp", *["//"] * 151)), 1)
        self.assertEqual(len(self.problems("stt/main.cpp", *["//"] * 41)), 1)

    def test_tests_have_a_largest_size_too(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, lines in (("stt/a.hpp", 1), ("tests/stt/a_test.cpp", 401), ("tests/stt/b_test.cpp", 400)):
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("//\n" * lines)
            told = io.StringIO()
            with contextlib.redirect_stdout(told):
                self.assertEqual(check_includes.main(["check_includes.py", folder]), 1)
            self.assertEqual(told.getvalue(), "tests/stt/a_test.cpp: 401 lines, at most 400\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
