"""What the real processes gave up, as the kernel tells it, and what of the user's they can see."""
import ctypes
import os
import pathlib
import unittest

from instance import ALONE, STAGES, Instance, wait_for

SECRET = "s3cret-that-nobody-shows"


def kernel_says(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line.split(":")[0]: line.split(":", 1)[1].strip() for line in lines}


class Privileges(unittest.TestCase):
    def test_every_stage_gave_up_its_rights_and_says_so(self):
        with Instance() as prot:
            prot.up()
            landlock = ctypes.CDLL(None).syscall(444, None, 0, 1)  # landlock_create_ruleset: its version, where there is one
            capabilities = 2 if os.geteuid() == 0 else 0  # root passes file permissions, no more
            for stage in prot.status()["stages"]:
                with self.subTest(stage["name"]):
                    status = kernel_says(stage["pid"])
                    self.assertEqual(status["NoNewPrivs"], "1")
                    self.assertEqual(status["Seccomp"], "2")
                    for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
                        self.assertEqual(int(status[name], 16) & ~capabilities, 0, name)
                    audio = stage["name"] in ("capture", "player")
                    self.assertIn("seccomp=no-network" if audio else "seccomp=on", stage["sandbox"])
                    self.assertIn("no_new_privs", stage["sandbox"])
                    if landlock >= 1:
                        self.assertIn(f"landlock={landlock}", stage["sandbox"])

    def test_a_sound_server_on_the_network_leaves_the_network_to_those_who_need_it(self):
        with Instance() as prot:
            prot.environment["PULSE_SERVER"] = "tcp:localhost:4713"
            prot.up()
            self.assertIn("seccomp=on", prot.stage("capture")["sandbox"])

    def test_it_can_be_switched_off(self):
        with Instance() as prot:
            prot.settings += ["--set", "supervisor.sandbox=false"]
            prot.up()
            self.assertEqual({s["sandbox"] for s in prot.status()["stages"]}, {"off"})
            self.assertEqual(kernel_says(prot.stage("stt")["pid"])["Seccomp"], "0")

    def test_secrets_reach_who_needs_them_and_no_environment(self):
        users = {"ANTHROPIC_API_KEY": {"brain", "memory"}, "VOYAGE_API_KEY": {"memory"}, "HASS_TOKEN": {"brain"},
                 "ELEVENLABS_API_KEY": {"stt", "tts"}, "OPENAI_API_KEY": {"brain", "memory"}, "DATABASE_URL": {"memory"},
                 "HEAR_KEY": {"stt"}, "SPEAK_KEY": {"tts"}, "PAGE_TOKEN": {"web"}}
        settings = [*ALONE]
        for setting in ("stt.engine=openai", "stt.api_key_env=HEAR_KEY", "tts.voice_en=openai", "tts.openai_api_key_env=SPEAK_KEY",
                        "web.enabled=true", "web.token_env=PAGE_TOKEN"):
            settings += ["--set", setting]
        everybody = [*STAGES, "web"]
        for name, expected in users.items():
            with self.subTest(name), Instance(stages=everybody, settings=settings, secret=name) as prot:
                self.say_secrets_in_a_file(prot, users)
                prot.up()
                told = f"secret of {len(SECRET)} characters"
                wait_for("all have said it", lambda: all(any("secret of" in line for line in prot.log(s)) for s in everybody))
                self.assertEqual({s for s in everybody if any(told in line for line in prot.log(s))}, expected)
                for pid in (prot.supervisor(), *(stage["pid"] for stage in prot.status()["stages"])):
                    self.assertNotIn(SECRET.encode(), pathlib.Path(f"/proc/{pid}/environ").read_bytes())

    def say_secrets_in_a_file(self, prot, names):
        """In a .env: what is exported stands in the environment of whoever is started, the supervisor too."""
        file = prot.folder / ".env"
        file.write_text("".join(f"{name}={SECRET}\n" for name in names))
        file.chmod(0o600)
        prot.settings += ["--env-file", str(file)]

    def test_what_is_exported_reaches_no_environment_of_a_stage(self):
        with Instance() as prot:
            names = ("OPENAI_API_KEY", "ELEVENLABS_API_KEY", "HASS_TOKEN")
            prot.environment.update({one: SECRET for one in names})
            prot.up()
            for stage in prot.status()["stages"]:
                self.assertNotIn(SECRET.encode(), pathlib.Path(f"/proc/{stage['pid']}/environ").read_bytes())

    def test_the_address_of_the_database_is_in_no_environment(self):
        with Instance(settings=["--set", "llm.enabled=false"]) as prot:
            prot.environment["DATABASE_URL"] = f"postgresql://somebody:{SECRET}@/nowhere"
            prot.up()
            for stage in prot.status()["stages"]:
                self.assertNotIn(SECRET.encode(), pathlib.Path(f"/proc/{stage['pid']}/environ").read_bytes())

    def test_a_restarted_stage_gives_up_the_same(self):
        with Instance() as prot:
            prot.up()
            before = prot.stage("brain")
            prot.run("restart", "brain")
            self.assertEqual(prot.stage("brain")["sandbox"], before["sandbox"])

    def test_cores_hold_no_shared_memory(self):
        with Instance() as prot:
            prot.up()
            for stage in prot.status()["stages"]:
                shown = int(pathlib.Path(f"/proc/{stage['pid']}/coredump_filter").read_text(), 16)
                self.assertEqual(shown & 0b1010, 0, stage["name"])  # anonymous shared, file-backed shared


if __name__ == "__main__":
    unittest.main(verbosity=2)
