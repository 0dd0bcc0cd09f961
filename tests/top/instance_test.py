"""prot-top on a real instance: prot's supervisor with fixture stages, alive and killed; prot top."""
import json
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "supervisor"))
from instance import STAGES, Instance, wait_for  # noqa: E402

TOP = pathlib.Path(os.environ["PROT_TOP"])


class OnARealInstance(unittest.TestCase):
    def top(self, instance, *arguments):
        done = instance.run("--once", "--json", *arguments, program=TOP)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_alive_restarted_killed_and_begun_again(self):
        with Instance() as instance:
            instance.up()
            line = self.top(instance)
            self.assertFalse(line["post_mortem"])
            self.assertEqual(line["supervisor"]["pid"], instance.supervisor())
            stages = {stage["name"]: stage for stage in line["stages"]}
            self.assertEqual({s for s in stages if s in STAGES}, set(STAGES))
            for name in STAGES:
                self.assertEqual((stages[name]["state"], stages[name]["alive"]), ("ready", True))
                self.assertIsNotNone(stages[name]["heartbeat_age_ns"])
                self.assertGreater(stages[name]["rss_bytes"], 0)
            self.assertEqual([ring["name"] for ring in line["rings"]],
                             ["mic", "hearing", "transcript", "speech", "pcm", "playback", "echo", "turns", "recall",
                              "names"])

            os.kill(stages["tts"]["pid"], 9)
            again = wait_for("tts restarted", lambda: (s := {x["name"]: x for x in self.top(instance)["stages"]}["tts"])
                             and s["restarts"] == 1 and s["state"] == "ready" and s)
            self.assertEqual((again["last_exit"], again["generation"]), (-9, 2))

            instance.kill_supervisor()
            dead = wait_for("everything is dead", lambda: (x := self.top(instance))["post_mortem"]
                            and not any(s["alive"] for s in x["stages"]) and x)
            self.assertEqual(dead["run"], line["run"])
            instance.up()
            self.assertNotEqual(self.top(instance)["run"], line["run"])

    def test_prot_top_is_prot_top_of_the_same_instance(self):
        with Instance() as instance:
            (instance.stages / "prot-top").symlink_to(TOP)
            instance.up()
            name = instance.environment.pop("PROT_INSTANCE")
            done = instance.run("--instance", name, "top", "--once", "--json")
            instance.environment["PROT_INSTANCE"] = name
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout)["instance"], name)
            self.assertEqual(instance.run("top", "--nonsense").returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
