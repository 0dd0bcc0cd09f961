"""What a developer is promised: one stage is taken apart while the conversation goes on."""
import contextlib
import json
import subprocess
import time
import unittest

from harness import Conversation, ScriptedModel, wait_for


class Debugging(unittest.TestCase):
    """All in one run of prot, each in a conversation of its own; who fails leaves a new run to the next. What is answered
    is not looked at, so no model computes."""
    talk: Conversation | None = None

    @classmethod
    def setUpClass(cls) -> None:
        cls.model = cls.enterClassContext(ScriptedModel())

    @classmethod
    def end_run(cls) -> None:
        talk, cls.talk = cls.talk, None
        if talk:
            talk.__exit__(None, None, None)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.end_run()

    @contextlib.contextmanager
    def conversation(self):
        if self.talk is None:
            type(self).talk = Conversation("debugging", {"memory.extraction": "false", **self.model.settings()}).__enter__()
        else:
            self.talk.begin_anew()
        try:
            yield self.talk
        except BaseException:
            self.end_run()
            raise

    def test_brain_restarts_during_playback_and_the_sound_goes_on(self):
        with self.conversation() as talk:
            talk.speak("Tell me in three long sentences what a fox is.")
            self.wait_until_plenty_is_given_to_the_voice(talk)
            self.assertEqual(talk.prot.command("restart", "brain").returncode, 0)
            restarted = time.monotonic()
            wait_for("sound of the reply after the new brain was ready", lambda: talk.loudspeaker.loud_blocks(
                restarted + 0.1, time.monotonic()), 2)
            talk.event("turn")
            self.assertTrue(talk.ask("How many days are in a week?")["reply"])

    def wait_until_plenty_is_given_to_the_voice(self, talk: Conversation) -> None:
        """Audible, and the voice still has seconds to say: about 25 characters are spoken in a second."""
        given, audible = 0, False
        while not audible or given < 100:
            event = talk.events.next(30)
            self.assertIsNotNone(event, "no reply")
            self.assertNotEqual(event["type"], "turn", "the reply was too short for this test")
            given += len(event.get("text", "")) if event["type"] == "segment" else 0
            audible = audible or event["type"] == "audible"

    def test_a_stopped_stage_leaves_its_frames_in_the_ring_and_works_them_off(self):
        with self.conversation() as talk:
            self.assertEqual(talk.prot.command("stop", "stt").returncode, 0)
            talk.speak("How many days are in a week?")
            top = subprocess.run([talk.binaries / "prot-top", "--instance", talk.instance, "--once", "--json"],
                                 capture_output=True, text=True, env=talk.prot.environment, check=True)
            mic = next(r for r in json.loads(top.stdout)["rings"] if r["name"] == "mic")
            self.assertGreater(mic["used_bytes"], 20_000)
            self.assertEqual(talk.prot.command("start", "stt").returncode, 0)
            self.assertIn("days", talk.event("turn")["heard"].lower())
            wait_for("the ring is empty again", lambda: talk.ring("mic")["used_bytes"] == 0, 5)

    def test_a_stage_under_gdb_joins_the_running_instance(self):
        with self.conversation() as talk:
            before = talk.stage("stt")["pid"]
            gdb = subprocess.Popen(
                ["gdb", "-q", "-batch", "-ex", "run", "--args", str(talk.binaries / "prot-stt"), "--join", talk.instance],
                env=talk.prot.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            try:
                wait_for("stt held by the developer", lambda: talk.stage("stt")["state"] == "held", 20, 0.05)
                self.assertIn("france", talk.ask("What is the capital of France?")["heard"].lower())
            finally:
                gdb.terminate()
                gdb.wait(20)
            talk.ready_again("stt", before)
            self.assertIn("week", talk.ask("How many days are in a week?")["heard"].lower())

    def test_a_stage_that_prot_debug_looked_at_goes_on_listening(self):
        with self.conversation() as talk:
            before = talk.stage("stt")
            done = talk.prot.command("debug", "stt", "--", "-batch", "-ex", "bt")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("#0 ", done.stdout)
            self.assertIn(f"prot: stt is given back (ready, generation {before['generation']})", done.stderr)
            after = talk.stage("stt")
            self.assertEqual((after["state"], after["pid"], after["restarts"]),
                             ("ready", before["pid"], before["restarts"]))
            self.assertIn("france", talk.ask("What is the capital of France?")["heard"].lower())

    def test_a_stage_that_prot_debug_launched_talks_and_so_does_the_next_one(self):
        with self.conversation() as talk:
            before = talk.pids()
            gdb = subprocess.Popen(
                [talk.binaries / "prot", "--instance", talk.instance, "debug", "brain", "--launch", "--", "-batch", "-ex",
                 "run"], env=talk.prot.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True)
            try:
                held = wait_for("brain is ready in its debugger", lambda: (s := talk.stage("brain"))["state"] == "held"
                                and s["ready_ms"] >= 0 and s, 20, 0.05)
                self.assertTrue(talk.ask("What is the capital of France?")["reply"])
                self.assertEqual(talk.stage("brain")["pid"], held["pid"])
            finally:
                gdb.terminate()
                said, _ = gdb.communicate(timeout=20)
            self.assertIn("prot: asked to end: gdb is ended", said)
            talk.ready_again("brain", held["pid"])
            self.assertTrue(talk.ask("How many days are in a week?")["reply"])
            self.assertEqual({**talk.pids(), "brain": 0}, {**before, "brain": 0})  # nobody else was touched


if __name__ == "__main__":
    unittest.main(verbosity=2)
