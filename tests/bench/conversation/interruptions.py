"""A person who interrupts again and again: how soon it is silent, what the context keeps, what is heard afterwards."""
import dataclasses
import re
import time

import sound
from board import FirstHold
from figures import percentile
from report import Row
from rig import Rig, Said
from services import Answer

LONG = 70       # words: nobody lets it end
SAYS_S = 0.55   # how long the person speaks
EARLY_S = 0.15  # the recording of a virtual device may be this much before the player's account of it
MARK = re.compile(r"\[[^\]]*\]|\([^)]*\)|<[^>]*>|…|—")


@dataclasses.dataclass
class Cut:
    """One interrupted answer."""
    cancelled: float  # when; monotonic
    decided_to_silence: float
    onset_to_silence: float
    recorded: sound.Spoken
    heard: int = -1         # words that the turn's event says were heard
    context: int = -1       # words of it in the next request; -1: it is not there
    stale: str = ""         # what was heard that should not have been
    beyond: float = 0.0     # seconds of sound behind what player says was heard
    last: float = 0.0       # length of the last tone
    gaps: int = 0           # words that a device that ran dry tore
    tail: str = ""          # the last tones, from the decision on, in ms: begin+length (missing)


def words_of(text: str) -> list[str]:
    """Without what marks an interruption."""
    return MARK.sub(" ", text).split()


def kept_of(reply: str, messages: list[dict]) -> int:
    """Words of the reply in the last message of the assistant; -1: there is none of it."""
    said = [m for m in messages if m.get("role") == "assistant"]
    kept = words_of(said[-1].get("content") or "") if said else []
    return len(kept) if kept == reply.split()[:len(kept)] else -1


class Talk:
    """Goes from one interrupted answer to the next."""

    def __init__(self, rig: Rig):
        self.rig = rig
        self.reply = ""
        self.mark = 0
        self.audible: dict = {}
        self.said: Said | None = None
        self.at_cut = (0, 0, 0.0)

    def ask(self) -> None:
        """The first question; returns when the answer is audible."""
        question = self._prepare(LONG)
        self.mark = self.rig.events.mark()
        self.said = self.rig.say(question, SAYS_S)
        self._await_audible(self.mark)

    def _prepare(self, words: int) -> str:
        question = self.rig.question()
        self.reply = self._make_reply(words)
        self.rig.prepare(question, Answer(self.reply, first_ms=60), SAYS_S)
        return question

    def _make_reply(self, words: int) -> str:
        return self.rig.reply(words)

    def _await_audible(self, mark: int) -> None:
        self.audible = self.rig.events.wait("audible", mark, 15)

    def interrupt(self, after: float, next_words: int = LONG) -> Cut:
        """`after` seconds from when the answer became audible. Returns when the next answer is audible."""
        rig, reply, turn = self.rig, self.reply, self.audible["turn"]
        begins = self.audible["at_ns"] / 1e9
        segments_mark = self.mark
        time.sleep(max(0.0, begins + after - time.monotonic()))
        mark = rig.events.mark()
        question = self._prepare(next_words)
        rig.services.forget_requests()
        watch = FirstHold(rig.board)
        try:
            self.said = rig.say(question, SAYS_S)
            over = rig.events.wait("turn", mark, 15, lambda e: e["turn"] == turn)
            self.at_cut = rig.board.heard()
        finally:
            watch.stop()
        self._await_audible(mark)
        self.mark = mark
        cut = self._judge(reply, over, begins, rig.segments(segments_mark, turn), watch)
        asked = [r for r in rig.services.model_requests() if isinstance(r.body, dict)]
        cut.context = kept_of(reply, asked[-1].body["messages"]) if asked else -1
        return cut

    def _judge(self, reply: str, over: dict, begins: float, segments: list[int], watch: FirstHold) -> Cut:
        next_begins = self.audible["at_ns"] / 1e9
        self.rig.loudspeaker.wait_until(next_begins)
        heard = sound.without_gaps(self.rig.tones(begins - EARLY_S, next_begins - EARLY_S))
        decided = watch.at or watch.cancelled
        until = [t for t in heard if t.begin < decided + 0.25]
        silent_at = until[-1].end if until else decided
        recorded = sound.spoken_words(until, segments)
        cut = Cut(watch.cancelled, max(0.0, silent_at - decided), silent_at - self.said.begin, recorded, len(words_of(over["reply"])),
                  gaps=sum(tone.missing > 0 for tone in until))
        cut.tail = " ".join(f"{1000 * (t.begin - decided):.0f}+{1000 * t.length:.0f}({1000 * t.missing:.0f})" for t in heard[-5:])
        cut.last = until[-1].length if until else 0.0
        cut.beyond = self._beyond(until, segments, self.at_cut)
        if len(until) != len(heard):
            cut.stale = f"{heard[len(until)].begin - silent_at:.3f} s after the silence a tone was heard"
        elif recorded.broken:
            cut.stale = recorded.broken
        elif not over["interrupted"]:
            cut.stale = "the answer was not interrupted"
        elif words_of(over["reply"]) != reply.split()[:cut.heard]:
            cut.stale = f"the turn's words are not the reply's: {over['reply']!r}"
        return cut

    @staticmethod
    def _beyond(found: list[sound.Tone], segments: list[int], at_cut: tuple[int, int, float]) -> float:
        """How much more of the segment that was cut is in the recording."""
        before = sum(segments[:at_cut[1]])
        if len(found) <= before:
            return 0.0
        missing = sum(tone.missing for tone in found[before:])
        return found[-1].end - found[before].begin - missing + sound.LEAD_S - at_cut[2]

    def last_is_whole(self) -> str:
        """The answer that nobody interrupts; empty: every word of it is in the recording."""
        turn = self.audible["turn"]
        over = self.rig.events.wait("turn", self.mark, 40, lambda e: e["turn"] == turn)
        self.rig.loudspeaker.wait_until(over["arrived"])
        heard = sound.without_gaps(self.rig.tones(self.audible["at_ns"] / 1e9 - EARLY_S, over["arrived"]))
        recorded = sound.spoken_words(heard, self.rig.segments(self.mark, turn))
        if recorded.broken or recorded.words != len(self.reply.split()):
            return recorded.broken or f"{recorded.words} of {len(self.reply.split())} words"
        return "" if over["reply"].split() == self.reply.split() else f"the turn says {over['reply']!r}"


def agrees(cut: Cut) -> bool:
    near = {cut.recorded.words, cut.recorded.words + 1} | {cut.recorded.words - 1} if cut.recorded.on_edge else set()
    return cut.context == cut.heard and cut.context in near | {cut.recorded.words}


def rows(scale) -> list[Row]:
    # A virtual device hands out its sound a block early, also what is then taken back: the block must be small.
    with Rig("interruptions", fragment_ms=3) as rig:
        talk = Talk(rig)
        talk.ask()
        cuts = []
        for n in range(scale.interruptions):
            last = n == scale.interruptions - 1
            cuts.append(talk.interrupt(rig.random.uniform(0.35, 2.2), 12 if last else LONG))
            rig.loudspeaker.forget_before(time.monotonic() - 30)
            rig.microphone.forget_before(time.monotonic() - 30)
        incomplete = talk.last_is_whole()
        errors = rig.services.errors()
        restarts = rig.restarts()
    return told(cuts, incomplete, len(errors) + restarts)


def told(cuts: list[Cut], incomplete: str, faults: int) -> list[Row]:
    def ms(values, share):
        return round(1000 * percentile(values, share), 1)
    decided = [cut.decided_to_silence for cut in cuts]
    onset = [cut.onset_to_silence for cut in cuts]
    stale = [f"interruption {n + 1}: {cut.stale}" for n, cut in enumerate(cuts) if cut.stale]
    wrong = [f"interruption {n + 1}: recorded {cut.recorded.words}, turn {cut.heard}, context {cut.context}; the last "
             f"tone has {1000 * cut.last:.1f} ms, {1000 * cut.beyond:.1f} ms beyond player's account" for n, cut in enumerate(cuts) if not agrees(cut)]
    for line in [*stale, *wrong, *([f"last answer: {incomplete}"] if incomplete else [])]:
        print("  " + line)
    count = len(cuts)
    return [Row("c", f"interrupt decided -> silence in the recording, p99 of {count}", ms(decided, 0.99), "ms", "<= 50",
                {"p50": ms(decided, 0.5), "worst": ms(decided, 1)}),
            Row("c", "speech onset -> silence in the recording, p99", ms(onset, 0.99), "ms", "<= 350",
                {"p50": ms(onset, 0.5), "worst": ms(onset, 1)}),
            Row("d", f"contexts of {count} that equal the recording to the word (tone voice)", count - len(wrong),
                "contexts", f"== {count}", {"cut in a word": sum(cut.recorded.cut for cut in cuts),
                                                 "at its edge": sum(cut.recorded.on_edge for cut in cuts)}, fact=True),
            Row("d", "sound in the recording behind the position that player calls heard, p50",
                ms([cut.beyond for cut in cuts], 0.5), "ms", "", {"p99": ms([cut.beyond for cut in cuts], 0.99),
                                                                  "least": ms([cut.beyond for cut in cuts], 0)}),
            Row("e", "words torn by a device that ran dry", sum(cut.gaps for cut in cuts), "words"),
            Row("e", f"of {count} interruptions in a row: something of a cancelled turn was heard", len(stale), "times",
                "== 0", fact=True),
            Row("e", "the next answer is whole", int(not incomplete), "", "== 1", fact=True),
            Row("e", "faults of the services, stages that were started again", faults, "", "== 0", fact=True)]
