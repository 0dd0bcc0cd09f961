"""/diagnostics and /metrics against what the kernel, the supervisor and the rings say by themselves."""
import os
import pathlib
import unittest

import exposition
from web_instance import LIMIT, STAGES, WebInstance, wait_for_web

EXCHANGES = 4000  # two frames each, in front of a memory that takes none


def kernel(pid):
    """Threads, descriptors, timers, resident bytes and processor milliseconds of a process."""
    folder = pathlib.Path(f"/proc/{pid}")
    links = [os.readlink(fd) for fd in (folder / "fd").iterdir()]
    posix = sum(line.startswith("ID:") for line in (folder / "timers").read_text().splitlines())
    fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
    return {"threads": len(list((folder / "task").iterdir())), "descriptors": len(links),
            "timers": links.count("anon_inode:[timerfd]") + posix,
            "rss": int(fields[21]) * os.sysconf("SC_PAGESIZE"),
            "cpu": (int(fields[11]) + int(fields[12])) * 1000 // os.sysconf("SC_CLK_TCK")}


class Diagnostics(unittest.TestCase):
    def setUp(self):
        self.prot = self.enterContext(WebInstance(exchanges=EXCHANGES))
        self.prot.up()
        wait_for_web("all ready", lambda: (self.prot.answer("/ready") or (0,))[0] == 200, LIMIT)

    def test_each_stage_has_what_the_kernel_says(self):
        # The supervisor counts them every 2.2 s: who gave up its rights cannot see whose descriptor is what.
        wait_for_web("timers", lambda: all(stage["timers"] is not None for stage in self.prot.page("/diagnostics")["stages"]), LIMIT)
        before = {name: kernel(self.prot.stage(name)["pid"]) for name in STAGES}
        page = self.prot.page("/diagnostics")
        families = exposition.parse(self.prot.answer("/metrics")[2])
        after = {name: kernel(self.prot.stage(name)["pid"]) for name in STAGES}
        stages = {stage["name"]: stage for stage in page["stages"]}
        for name in STAGES:
            with self.subTest(name):
                stage, kernel_says = stages[name], after[name]
                for key, family in (("threads", "threads"), ("descriptors", "open_fds"), ("timers", "timers")):
                    self.assertEqual(stage[key], kernel_says[key], key)
                    self.assertEqual(families["prot_stage_" + family][1][(("stage", name),)], kernel_says[key], key)
                self.assertAlmostEqual(stage["rss_bytes"], kernel_says["rss"], delta=2 << 20)
                # Ticks of the kernel are 10 ms.
                self.assertTrue(before[name]["cpu"] - 20 <= stage["cpu_ms"] <= kernel_says["cpu"] + 20, stage["cpu_ms"])
                self.assertEqual((stage["state"], stage["alive"], stage["restarts"]), ("ready", True, 0))

    def test_queues_rings_and_the_last_error(self):
        page = self.prot.page("/diagnostics")
        stages = {stage["name"]: stage for stage in page["stages"]}
        self.assertEqual(stages["memory"]["queue_depth"], 2 * EXCHANGES)
        self.assertEqual({stages[name]["queue_depth"] for name in ("stt", "brain", "tts", "player")}, {0})
        self.assertEqual(page["asyncio_tasks"], 2 * EXCHANGES)
        ring = next(r for r in page["rings"] if r["name"] == "turns")
        seen = next(r for r in self.prot.status()["rings"] if r["name"] == "turns")
        for key in ("used_bytes", "capacity_bytes", "high_water_bytes", "frames", "drops", "pressure_events"):
            self.assertEqual(ring[key], seen[key], key)
        self.assertEqual((ring["used_frames"], ring["pressure_events"], ring["policy"]), (2 * EXCHANGES, 1, "block"))
        self.assertGreater(ring["lag_ms"], 0)
        error = wait_for_web("its line", lambda: next(s for s in self.prot.page("/diagnostics")["stages"]
                                                  if s["name"] == "brain")["last_errors"], LIMIT)[0]
        self.assertEqual((error["level"], error["message"]), ("warn", "Queue pressure"))
        families = exposition.parse(self.prot.answer("/metrics")[2])
        self.assertEqual(families["prot_ring_pressure_total"][1][(("ring", "turns"),)], 1)
        self.assertEqual(families["prot_stage_queue_frames"][1][(("stage", "memory"),)], 2 * EXCHANGES)
        self.assertEqual(families["prot_ring_used_frames"][1][(("ring", "turns"),)], 2 * EXCHANGES)


if __name__ == "__main__":
    unittest.main(verbosity=2)
