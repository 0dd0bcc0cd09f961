"""Each stage is killed in the middle of a turn; then the supervisor. Nothing finished may be lost or doubled.

The times are printed, not judged: a busy machine is no defect. What must happen has a deadline of its own.
"""
import os
import signal
import time
import unittest

from harness import STAGES, Conversation, running, wait_for

# Stage -> (question, what it is doing when it dies). A different question for each, to find it in the database.
MOMENTS = {
    "capture": ("How many legs does a spider have?", "audible"),
    "stt": ("What is the capital of France?", None),  # right after the speech: the transcript is due
    "brain": ("What color is the sky on a clear day?", "heard"),
    "tts": ("How many days are in a week?", "segment"),
    "player": ("Please tell me a story about a fox.", "audible"),
    "memory": ("What is my favorite animal?", "heard"),
}


class Crash(unittest.TestCase):
    def test_every_stage_may_die_in_the_middle_of_a_turn(self):
        with Conversation("crash", {"brain.max_tokens": "30", "memory.extraction": "false"}) as talk:
            for stage in STAGES:
                with self.subTest(stage=stage):
                    self.one_stage(talk, stage)
            settled = wait_for("the memory ring is empty", lambda: talk.ring("turns")["used_bytes"] == 0, 20)
            self.assertTrue(settled)
            messages = [m.lower() for m in talk.user_messages()]
            self.assertEqual(len(messages), 2 * len(STAGES), messages)
            for key in ("spider", "france", "sky", "week", "fox", "animal"):
                self.assertEqual(sum(key in m for m in messages), 1, f"{key} in {messages}")

    def one_stage(self, talk: Conversation, stage: str) -> None:
        question, moment = MOMENTS[stage]
        talk.speak(question)
        if moment == "heard":
            talk.event("heard", final=True)
        elif moment:
            talk.event(moment)
        pid, killed = talk.kill(stage)
        talk.ready_again(stage, pid)
        ready = talk.stage(stage)["ready_ms"] / 1000
        print(f"{stage}: ready {ready * 1000:.0f} ms after its start, seen {time.monotonic() - killed:.2f} s after", flush=True)
        turn = talk.event("turn")
        self.assertTrue(turn["heard"], turn)
        following = talk.ask("Two plus three is what?")
        self.assertTrue(following["reply"], following)

    def test_the_supervisor_dies_and_takes_everything_along(self):
        with Conversation("orphans", {"memory.extraction": "false"}) as talk:
            talk.ask("What is the capital of France?")
            talk.speak("My favorite animal is the tiger.")
            talk.event("audible")
            pids = talk.pids()
            supervisor = talk.prot.status()["supervisor"]["pid"]
            os.kill(supervisor, signal.SIGKILL)
            killed = time.monotonic()
            wait_for("stages gone", lambda: not any(running(p) for n, p in pids.items() if n in STAGES), 1, 0.002)
            stages_gone = time.monotonic() - killed
            wait_for("db and llm gone", lambda: not any(running(p) for p in pids.values()), 5)
            all_gone = time.monotonic() - killed
            print(f"stages gone after {stages_gone * 1000:.0f} ms, db and llm after {all_gone * 1000:.0f} ms", flush=True)
            talk.up()
            wait_for("the message of the dead run", lambda: any("tiger" in m.lower() for m in talk.user_messages()), 20)
            self.assertEqual(sum("tiger" in m.lower() for m in talk.user_messages()), 1)
            self.assertEqual(sum("france" in m.lower() for m in talk.user_messages()), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
