"""/memory with real processes, a real player among them: who takes memory is named, who does not ask for it pays nothing."""
import json
import pathlib
import shutil
import unittest

from web_instance import ALONE, LIMIT, STAGES, WebInstance, wait_for, wait_for_web

HOARD_MB = 12  # of the fixture: less than a first thread takes before its allocator would begin to sample by itself


def maps(pid):
    return pathlib.Path(f"/proc/{pid}/maps").read_text()


class Memory(unittest.TestCase):
    def profile(self, prot, met):
        return wait_for_web("the profile", lambda: (page := prot.page("/memory")) and met(page) and page, LIMIT)

    def test_who_takes_memory_is_named_with_what_it_has_and_how_much_more_than_at_the_start(self):
        prot = WebInstance(real=["player"], settings=[*ALONE, "--set", "player.sink=null"], hoard="stt", sleeper="tts")
        more = prot.folder / "more"
        prot.order(hoard_after=more)
        prot.environment["PROT_TRACEMALLOC"] = "1"  # the old name
        with prot:
            prot.up()
            page = self.profile(prot, lambda p: set(p["stages"]) == {*STAGES, "web"} and
                                all("current_mb" in s for s in p["stages"].values()))
            self.assertNotIn("error", page)
            for name, stage in page["stages"].items():
                with self.subTest(name):
                    self.assertIn("libtcmalloc", maps(stage["pid"]))
                    self.assertGreater(stage["current_mb"], 0)
                    self.assertGreaterEqual(stage["peak_mb"], stage["current_mb"])
                    self.check_what_it_wrote(json.loads((prot.runtime / f"heap/{name}.json").read_text()))
            self.assertFalse(any("hoard" in one["file"] for one in page["top_allocations"]))
            file = prot.runtime / "heap/player.json"
            player = wait_for("it was ready", lambda: (wrote := json.loads(file.read_text()))["base"] and wrote, LIMIT)
            self.assertGreater(sum(stack["bytes"] for stack in player["stacks"]), player["current"] / 4)  # little as it is
            self.assertTrue(any(0 < stack["bytes"] == stack["base"] for stack in player["stacks"]), player)  # what did not grow
            self.assertTrue(any(one["file"].startswith("prot::player::") or "player/" in one["file"]
                                for one in page["stages"]["player"]["top_allocations"]), page["stages"]["player"])
            more.touch()
            page = self.profile(prot, lambda p: p["stages"]["stt"].get("growth_mb", 0) >= HOARD_MB)
            stt = page["stages"]["stt"]
            for top, amount in ((page["top_allocations"], "size_kb"), (stt["top_allocations"], "size_kb"),
                                (stt["top_growth"], "growth_kb")):
                self.assertLessEqual(len(top), 20)
                first = top[0]
                self.assertRegex(first["file"], r"hoard|fixture_stage\.cpp:\d+")
                # Samples: one in 512 KiB on average by now, so 24 or so of 192 pieces of 64 KiB.
                self.assertTrue(HOARD_MB * 256 < first[amount] < HOARD_MB * 2560, first)
                self.assertEqual(set(first), {"file", amount})
                self.assertEqual([one[amount] for one in top], sorted((one[amount] for one in top), reverse=True))
            self.assertGreaterEqual(page["current_mb"], stt["current_mb"])
            self.assertAlmostEqual(page["current_mb"], sum(s["current_mb"] for s in page["stages"].values()), delta=0.1)
            self.assertAlmostEqual(page["growth_mb"], sum(s["growth_mb"] for s in page["stages"].values()), delta=0.1)
            self.assertLess(page["stages"]["tts"]["growth_mb"], HOARD_MB / 4)
            self.assertEqual(prot.answer("/memory", method="POST", body="x")[0], 405)
            self.check_what_a_stage_starts_is_not_sampled(prot.pids()["tts"])
        self.assertFalse((prot.runtime / "heap").exists())

    def check_what_it_wrote(self, wrote):
        self.assertGreaterEqual(wrote["peak"], wrote["current"])
        self.assertLessEqual(sum(stack["bytes"] for stack in wrote["stacks"]), wrote["current"])

    def check_what_a_stage_starts_is_not_sampled(self, pid):
        def sleeper():
            [child] = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            return child if pathlib.Path(f"/proc/{child}/comm").read_text() == "sleep\n" else None
        child = wait_for("sleep runs", sleeper, LIMIT)
        self.assertNotIn("LD_PRELOAD", pathlib.Path(f"/proc/{child}/environ").read_text())

    def test_names_that_nobody_told_are_asked_for_again(self):
        prot = WebInstance(hoard="stt")
        more, knows = prot.folder / "more", prot.folder / "knows"
        prot.order(hoard_after=more)
        tools = prot.folder / "tools"
        tools.mkdir()
        script = tools / "addr2line"
        script.write_text(f'#!/bin/sh\n[ -e {knows} ] || exit 1\nexec {shutil.which("addr2line")} "$@"\n')
        script.chmod(0o755)
        prot.environment["PATH"] = f"{tools}:{prot.environment['PATH']}"
        prot.environment["PROT_TRACEMALLOC"] = "1"
        with prot:
            prot.up()
            more.touch()
            page = self.profile(prot, lambda p: p["stages"]["stt"].get("growth_mb", 0) >= HOARD_MB)
            self.assertRegex(page["stages"]["stt"]["top_growth"][0]["file"], r"^fixture-stage\+0x[0-9a-f]+$")
            self.assertIn("addr2line ended with code 1", " ".join(prot.log("web")))
            knows.touch()
            page = self.profile(prot, lambda p: p["stages"]["stt"].get("top_growth"))
            self.assertRegex(page["stages"]["stt"]["top_growth"][0]["file"], r"hoard|fixture_stage\.cpp:\d+")

    def test_without_the_switch_there_is_nothing_of_it(self):
        with WebInstance() as prot:
            prot.up()
            page = prot.page("/memory")
            self.assertEqual(set(page), {"error"})
            self.assertTrue(page["error"].endswith("Set PROT_TRACEMALLOC=1"))
            for name, pid in prot.pids().items():
                self.assertNotIn("tcmalloc", maps(pid), name)
                threads = {(task / "comm").read_text().strip() for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}
                self.assertNotIn("heap-profile", threads)
            self.assertFalse((prot.runtime / "heap").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
