"""Names that memory knows reach ElevenLabs' recognition as key terms, and leave it when they are forgotten: with the real
brain, memory, stt and PostgreSQL, whoever of them is killed."""
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from database_test import BINARIES, SETTINGS  # noqa: E402
from instance import Instance, wait_for  # noqa: E402
from loopback.elevenlabs_stt import ScribeService  # noqa: E402
from loopback.http_server import Loop  # noqa: E402
from memory_test import PROGRAMS, Model  # noqa: E402

KEY = "sk-Vb7Lr2Qm9Xt"


class Names(unittest.TestCase):
    def setUp(self):
        self.model = Model()
        self.addCleanup(self.model.close)
        self.loop, self.scribe = Loop(), ScribeService()
        self.addCleanup(self.loop.stop)
        self.loop.call(self.scribe.server.start())
        self.addCleanup(lambda: self.loop.call(self.scribe.server.stop()))
        settings = list(SETTINGS)
        for setting in (f"brain.url=http://127.0.0.1:{self.model.server_port}/v1", "memory.extraction_idle_s=0.1",
                        "general.language=en", "stt.engine=elevenlabs", 'stt.key_terms=["Gimlet"]',
                        f"stt.url=http://127.0.0.1:{self.scribe.server.port}"):
            settings += ["--set", setting]
        self.prot = self.enterContext(Instance(stages=["capture", "tts", "player"], settings=settings))
        self.prot.environment["ELEVENLABS_API_KEY"] = KEY
        for stage in ("brain", "memory", "stt"):
            (self.prot.stages / f"prot-{stage}").symlink_to(PROGRAMS / stage / f"prot-{stage}")
        self.prot.up()
        self.seen = 0

    def say(self, text):
        done = self.prot.run("say", text)
        self.assertEqual(done.returncode, 0, done.stderr)

    def sessions(self):
        """The key terms of each session that was opened."""
        return self.loop.run(lambda: [r.body["query"].get("keyterms", []) for r in self.scribe.requests()])

    def next_session(self, terms):
        """A session with these terms is opened, and none with others behind it."""
        def opened():
            new = self.sessions()[self.seen:]
            return terms in new and new.index(terms) + 1
        self.seen += wait_for(f"a session with {terms}; there were {self.sessions()}", opened, 45)

    def forget(self, name):
        done = self.prot.run("memory", "forget", "entity", name)
        self.assertEqual(done.returncode, 0, done.stderr)

    def kill(self, stage):
        before = self.prot.stage(stage)["pid"]
        os.kill(before, 9)
        wait_for(f"{stage} is back", lambda: (s := self.prot.stage(stage))["pid"] not in (0, before) and s["state"] == "ready",
                 30)

    def test_they_come_go_and_survive_kills(self):
        self.next_session(["Gimlet"])
        self.say("My dog is Mungo.")
        self.next_session(["Gimlet", "Mungo"])
        self.kill("stt")
        self.next_session(["Gimlet", "Mungo"])
        self.kill("memory")
        self.say("My city is Busan.")
        self.next_session(["Gimlet", "Busan", "Mungo"])
        self.prot.run("memory", "record", "off")
        self.say("My cat is Xavier.")
        self.prot.run("memory", "record", "on")
        self.forget("Mungo")
        self.next_session(["Gimlet", "Busan"])
        self.kill("stt")
        self.next_session(["Gimlet", "Busan"])
        self.assertFalse([terms for terms in self.sessions() if "Xavier" in terms])
        self.assertFalse([terms for terms in self.sessions()[self.seen:] if "Mungo" in terms])
        ring = next(r for r in self.prot.status()["rings"] if r["name"] == "names")
        self.assertEqual((ring["from"], ring["to"], ring["used_bytes"], ring["drops"]), ("memory", "stt", 0, 0), ring)


if __name__ == "__main__":
    if not BINARIES:
        print("PostgreSQL, or its system user, is not there")
        sys.exit(77)
    unittest.main(verbosity=2)
