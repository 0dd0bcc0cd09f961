"""The context after interruptions of a real voice: how many words of its answer the recording holds, by a recogniser
that knows the answer. One that does not completes what was cut: "We sat in the car" for "We sat in"."""
import json
import subprocess
import time
import wave

import sound
from interruptions import EARLY_S, Cut, Talk, words_of
from report import Row
from rig import BUILD, Rig

JUDGE = BUILD / "tests/programs/run_prefix"
SENTENCES = ("The old man went to the market this morning. He bought bread, milk and three red apples. "
             "Then it began to rain very hard. The children ran home as fast as they could. "
             "My mother made a pot of hot tea for everybody. We sat in the kitchen and told long stories. "
             "After dinner the sky was clear again. The moon was bright over the quiet village. "
             "A small dog slept in front of the fire. Nobody wanted to go to bed that night.").split(". ")
MOST_WRONG = 1  # words
MOST_BEHIND = 6  # words of the answer behind what prot says was heard, offered to the recogniser
# It completes a word of which it hears the beginning: a word counts when less than this is missing.
HALF_A_WORD_S = 0.12


class PiperTalk(Talk):
    def _make_reply(self, words: int) -> str:
        chosen = self.rig.random.sample(SENTENCES, len(SENTENCES) if words > 20 else 1)
        return " ".join(s.rstrip(".") + "." for s in chosen)

    def _judge(self, reply: str, over: dict, begins: float, segments: list[int], watch) -> Cut:
        next_begins = self.audible["at_ns"] / 1e9
        self.rig.loudspeaker.wait_until(next_begins)
        decided = watch.at or watch.cancelled
        stretches = self.rig.loudspeaker.stretches(begins - EARLY_S, next_begins - EARLY_S)
        sounding = [s for s in stretches if s[0] < decided + 0.25]
        silent_at = sounding[-1][1] if sounding else decided
        samples, _ = self.rig.loudspeaker.part(begins - 0.2, silent_at - HALF_A_WORD_S)
        context = len(words_of(over["reply"]))
        words = self._held(samples, reply.split()[:context + MOST_BEHIND])
        return Cut(max(0.0, silent_at - decided), silent_at - self.said.begin,
                   sound.Spoken(words, True, " ".join(reply.split()[:words])), context)

    def _held(self, samples, words: list[str]) -> int:
        file = self.rig.folder / "cut.wav"
        with wave.open(str(file), "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(sound.RATE)
            writer.writeframes(samples.tobytes() + bytes(2 * int(0.3 * sound.RATE)))
        done = subprocess.run([JUDGE, file, " ".join(words)], capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout)["words"]


def rows(scale) -> list[Row]:
    if scale.piper_interruptions == 0:
        return []
    if not JUDGE.exists():
        return [Row("d", "the engines are not built: Piper's part is not measured", 0, "")]
    with Rig("piper", {"tts.voice_en": "piper"}, seed=6) as rig:
        talk = PiperTalk(rig)
        talk.ask()
        cuts = []
        for n in range(scale.piper_interruptions):
            cuts.append(talk.interrupt(rig.random.uniform(0.6, 4.0), 10 if n == scale.piper_interruptions - 1 else 70))
            rig.loudspeaker.forget_before(time.monotonic() - 30)
            rig.microphone.forget_before(time.monotonic() - 30)
    near = [cut.context >= 0 and abs(cut.context - cut.recorded.words) <= MOST_WRONG for cut in cuts]
    for n, cut in enumerate(cuts):
        if not near[n]:
            print(f"  interruption {n + 1}: recorded {cut.recorded.words}, turn {cut.heard}, context {cut.context}: "
                  f"{cut.recorded.broken}")
    more = [cut.recorded.words - cut.context for cut in cuts]
    return [Row("d", f"contexts of {len(cuts)} that equal the recording within a word (Piper)",
                sum(near), "contexts", f"== {len(cuts)}",
                {"to the word": more.count(0), "one more in the recording": more.count(1), "one fewer": more.count(-1)})]
