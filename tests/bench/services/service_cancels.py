"""Whoever interrupts ends the stream at its source: the service sees it, and nothing of the old reply comes after it."""
import time

import interruptions
import lone_cancels
from figures import percentile
from report import Row
from service_rig import TOOLS, Answer, Choice, Fault, ServiceRig, TextClient

LIMIT_MS = 50
WORD_PACE_S = 0.15  # the voice: as slowly as it is heard
PACE_MS = 40
WORDS = 60
WITHIN_S = 1.0
TORN = " has tone -1,"


def told(what: str, count: int, took: list[float], stale: list[str]) -> list[Row]:
    """`count`: cancels that found something to end."""
    for line in stale:
        print(f"  {what}: {line}")
    unseen = count - len(took)
    late = [round(1000 * value, 1) for value in took]
    return [Row("C", f"{what}: cancel -> seen by the service, worst of {count}", max(late, default=0.0), "ms",
                f"<= {LIMIT_MS}", {"p50": percentile(late, 0.5) if late else -1, "p99": percentile(late, 0.99) if late else -1}),
            Row("C", "  cancels that the service did not see, or with something of the old reply behind", unseen + len(stale),
                "times", "== 0", fact=True)]


def text_cancels(rig: ServiceRig, what: str, count: int) -> list[Row]:
    """The model, by text: a reply is stopped in mid-stream, and the next message has its own."""
    client = TextClient(rig)
    took, stale = [], []
    for n in range(count):
        question, reply = rig.question(), rig.reply(WORDS)
        rig.services.will_answer(question, Answer(reply, pace_ms=PACE_MS))
        rig.services.forget_requests()
        client.ask(question)
        text = ""
        while len(text.split()) < 2 + n % 5:
            line = client.next(10)
            if line is None or line["type"] != "chunk":
                stale.append(f"cancel {n + 1}: no answer, but {line}")
                break
            text += line["content"]
        at = client.stop()
        kind, rest, _line = client.answer(5)
        if kind != "done" or not reply.startswith(text + rest):
            stale.append(f"cancel {n + 1}: {kind}, {text + rest!r}")
        if (late := client.next(0.02)) is not None:
            stale.append(f"cancel {n + 1}: behind the end came {late}")
        closed = closed_at(rig, "model")
        if closed:
            took.append(max(0.0, closed - at))
    client.close()
    return told(what, count, took, stale)


def closed_at(rig: ServiceRig, part: str) -> float:
    """When the service saw that nobody waits for its newest answer; 0: it did not."""
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        records = rig.services.records(part)
        if records and records[-1].closed_early:
            return records[-1].closed_at
        time.sleep(0.005)
    return 0.0


def tool_cancels(rig: ServiceRig, part: str, what: str, count: int) -> list[Row]:
    """A message is stopped while its tool is asked."""
    client = TextClient(rig)
    took, stale = [], []
    rig.services.befall(part, Fault("hang"))
    for n in range(count):
        question = rig.question()
        rig.services.use_tool(part, question, Answer(rig.reply(4)))
        before = len(rig.services.records(part))
        client.ask(question)
        until = time.monotonic() + 5
        while len(rig.services.records(part)) == before and time.monotonic() < until:
            time.sleep(0.005)
        at = client.stop()
        kind, text, _line = client.answer(5)
        if kind != "done" or text:
            stale.append(f"cancel {n + 1}: {kind}, {text!r}")
        closed = closed_at(rig, part)
        if closed:
            took.append(max(0.0, closed - at))
    client.close()
    return told(what, count, took, stale)


class SlowTalk(interruptions.Talk):
    """Every service is in mid-stream when the person interrupts."""

    def _prepare(self, words: int) -> str:
        question = self.rig.question()
        self.reply = self._make_reply(words)
        self.rig.prepare(question, Answer(self.reply, first_ms=60, pace_ms=PACE_MS), interruptions.SAYS_S)
        return question


def voice_cancels(choice: Choice, what: str, count: int) -> list[Row]:
    with ServiceRig("cancels", choice, fragment_ms=3) as rig:
        rig.services.change("voice", pace=WORD_PACE_S)
        talk = SlowTalk(rig)
        talk.ask()
        took, stale = [], []
        torn = idle = 0
        for n in range(count):
            cut = talk.interrupt(rig.random.uniform(0.5, 2.0), 12 if n == count - 1 else interruptions.LONG)
            rig.loudspeaker.forget_before(time.monotonic() - 30)
            rig.microphone.forget_before(time.monotonic() - 30)
            # A word without a frequency was torn while it was played: whose it was, its place says.
            broken = TORN in cut.recorded.broken and cut.stale == cut.recorded.broken
            torn += broken
            if cut.stale and not broken:
                stale.append(f"interruption {n + 1}: {cut.stale}; its last tones: {cut.tail}")
            spoken = rig.services.spoken()
            closed = [s.closed_at for s in spoken if s.closed_at >= talk.said.begin]
            if closed:
                took.append(max(0.0, min(closed) - cut.cancelled))
            elif all(s.complete and s.last_byte < cut.cancelled for s in spoken if s.asked < cut.cancelled):
                idle += 1  # every text had been answered, and the next one was not asked for yet
        errors = rig.services.errors()
    return [*told(what, count - idle, took, stale + errors),
            Row("C", "  interruptions between two texts, with no request to end", idle, "times"),
            Row("C", "  words that were torn while they were heard", torn, "words")]


def rows_of(scale, name: str) -> list[Row]:
    if name in lone_cancels.NAMES:
        called, took, stale = lone_cancels.measure(name, scale.cancels)
        return told(f"{called}, client alone", scale.cancels, took, stale)
    if name in SPOKEN:
        return voice_cancels(*SPOKEN[name], scale.cancels)
    what, choice = TYPED[name]
    with ServiceRig("cancels", choice) as rig:
        if name == "mcp":
            rig.services.await_mcp()
        return tool_cancels(rig, name, what, scale.cancels) if name in TOOLS else text_cancels(rig, what, scale.cancels)


# By text, in a conversation
TYPED = {
    "chat": ("OpenAI's chat", Choice()),
    "anthropic": ("Anthropic", Choice(model="anthropic")),
    "home": ("Home Assistant", Choice(home=True)),
    "mcp": ("MCP", Choice(mcp=True)),
}
# By interruptions, in a spoken conversation
SPOKEN = {
    "socket": (Choice(voice="socket", recogniser="elevenlabs"), "ElevenLabs' voice, socket"),
    "http": (Choice(voice="http", model="anthropic"), "ElevenLabs' voice, HTTP"),
    "wyoming-voice": (Choice(voice="wyoming", recogniser="wyoming"), "Wyoming voice"),
    "openai-voice": (Choice(voice="openai"), "OpenAI's voice"),
}
SERVICES = [*TYPED, *SPOKEN, *lone_cancels.NAMES]
