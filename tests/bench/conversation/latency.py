"""What prot adds to the latency of a turn, hop by hop."""
import dataclasses

from figures import covered, percentile
from report import Row
from rig import Rig
from services import Answer

WINDOW_S = 0.032
WAIT_S = 17 * WINDOW_S  # capture.end_of_turn_ms = 550 in whole windows, for a capture that does not say what it was
NS = 1e9


@dataclasses.dataclass(frozen=True)
class Turn:
    voice_to_voice: float
    wait: float
    added: float
    hops: dict


def wait_of(event: dict) -> float:
    """The silence that ended the turn, on purpose: what capture says, else what it is configured to."""
    return event["end_wait_ms"] / 1000 if event.get("end_wait_ms") else WAIT_S


def account(event: dict, speech_end: float, audible: float, recognitions, requests) -> Turn:
    """`recognitions`, `requests`: (begin, told seconds) of what the services were asked since the speech."""
    at = {key[:-3]: value / NS for key, value in event.items() if key.endswith("_ns") and value}
    wait = wait_of(event)
    waits = [(speech_end, speech_end + wait)]
    told = [(begin, begin + seconds) for begin, seconds in [*recognitions, *requests]]
    total = audible - speech_end
    added = total - covered(waits + told, speech_end, audible)

    def between(first: str, last: str) -> float:
        return at[last] - at[first] if first in at and last in at else 0.0
    request = requests[-1][0] if requests else at.get("request", 0.0)
    token_due = request + (requests[-1][1] if requests else 0.0)
    heard = max(at["end_decided"], max((begin + seconds for begin, seconds in recognitions), default=0.0))
    hops = {
        "speech end -> capture's own speech end (windows of 32 ms)": at["speech_end"] - speech_end,
        "that + wait -> decided (microphone's buffer, windows)": at["end_decided"] - at["speech_end"] - wait,
        "decided and recognised -> final transcript at brain": at["final_transcript"] - heard,
        "final transcript -> request at the model": max(0.0, request - at["final_transcript"]),
        "first token due -> at brain (service and transport)": at["first_token"] - token_due,
        "first token -> first segment": between("first_token", "first_segment"),
        "first segment -> voice begins": between("first_segment", "synthesis_start"),
        "voice begins -> first samples": between("synthesis_start", "first_pcm"),
        "first samples -> given to the device": between("first_pcm", "written"),
        "given to the device -> in the recording (the silence that a voice begins with, buffers)": audible - at["written"],
    }
    return Turn(total, wait, added, hops)


def one_turn(rig: Rig, first_ms: int, recognition_s: float) -> Turn:
    question, seconds = rig.question(), rig.random.uniform(0.5, 1.3)
    rig.prepare(question, Answer(rig.reply(rig.random.randint(2, 4)), first_ms=first_ms), seconds, recognition_s)
    rig.services.forget_requests()
    mark = rig.events.mark()
    said = rig.say(question, seconds)
    event = rig.events.wait("turn", mark, 20)
    if event["heard"].strip(" .") != question:
        raise RuntimeError(f"heard {event['heard']!r}, not {question!r}")
    rig.loudspeaker.wait_until(event["arrived"])
    sounding = rig.loudspeaker.stretches(said.end, event["arrived"])
    if not sounding:
        raise RuntimeError("no sound of the answer is in the recording")
    recognitions = [(r.received, recognition_s) for r in rig.services.recognitions() if r.received > said.begin]
    requests = [(r.received, first_ms / 1000) for r in rig.services.model_requests() if r.received > said.begin]
    return account(event, said.end, sounding[0][0], recognitions[-1:], requests[-1:])


def rows(scale) -> list[Row]:
    with Rig("latency") as rig:
        for _ in range(1 if scale.quick else 3):
            one_turn(rig, 100, 0.05)  # connections, caches, the voice's first
        turns = [one_turn(rig, rig.random.choice((50, 150, 300)), rig.random.choice((0.0, 0.05, 0.1)))
                 for _ in range(scale.turns)]
        errors = rig.services.errors()
        restarts = rig.restarts()

    def ms(values, share):
        return round(1000 * percentile(values, share), 1)
    added = [turn.added for turn in turns]
    total = [turn.voice_to_voice for turn in turns]
    made = [Row("a", f"prot adds to {len(turns)} turns beyond wait and services, p50", ms(added, 0.5), "ms", "<= 60"),
            Row("a", "the same, p99", ms(added, 0.99), "ms", "<= 150"),
            Row("a", "voice to voice, p50", ms(total, 0.5), "ms", "", {"p99": ms(total, 0.99)}),
            Row("a", "end-of-turn wait, p50", ms([turn.wait for turn in turns], 0.5), "ms")]
    for hop in turns[0].hops:
        values = [turn.hops[hop] for turn in turns]
        made.append(Row("a", f"  {hop}, p50", ms(values, 0.5), "ms", "", {"p99": ms(values, 0.99)}))
    made += [Row("a", "  of it buffers: microphone's fragment", 16, "ms"),
             Row("a", "  of it buffers: loudspeaker's, filled before it plays", 10, "ms", "", {"whole": 40}),
             Row("a", "  of it buffers: block of the virtual devices", 10, "ms"),
             Row("a", "faults of the services, stages that were started again", len(errors) + restarts, "", "== 0",
                 fact=True)]
    return made
