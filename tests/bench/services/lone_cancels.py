"""Requests that are given up in mid-stream by the product's client itself, without a conversation: the service sees it at
once, and the next answer has nothing of the old one. Recognisers (an utterance that the next one replaces), vectors, ranks."""
import random
import time

from lone_client import LoneRig

NAMES = ("recogniser", "scribe", "wyoming", "embeddings", "rerank", "voyage", "voyage-rerank")
LINGERS_S = 5.0    # an answer: nobody waits so long
SEEN_WITHIN_S = 1.0
LONGEST_WAIT_S = 0.03  # from the request to its cancel
LATE_S = 0.02


def cancel_speech(rig: LoneRig) -> tuple[float, float | None]:
    """ElevenLabs' recogniser has no cancel: what it has of the utterance is committed, and the text dropped. So what it
    sees is that commit, or the end of the connection."""
    def chunks() -> int:
        return sum(record.body["chunks"] for record in rig.service.requests())
    before = rig.run(chunks)
    rig.ask(finish=False)
    until = time.monotonic() + 5
    while rig.run(chunks) == before and time.monotonic() < until:
        time.sleep(0.002)
    if rig.run(chunks) == before:
        raise RuntimeError("the service hears nothing")
    mark = rig.watch.mark()
    at = rig.cancel()
    seen = rig.watch.wait(("request", "closed"), mark, SEEN_WITHIN_S)
    return at, seen[1] if seen else None


def cancel_request(rig: LoneRig, wait_s: float) -> tuple[float, float | None]:
    mark = rig.watch.mark()
    rig.change(delay=LINGERS_S)
    rig.ask()
    asked = rig.watch.wait(("request",), mark, 5)
    time.sleep(wait_s)
    at = rig.cancel()
    seen = rig.watch.wait(("closed",), mark, SEEN_WITHIN_S)
    rig.change(delay=0.0)
    return at, seen[2].closed_at if asked and seen else None


def measure(name: str, count: int) -> tuple[str, list[float], list[str]]:
    """What it is called, how long each cancel took, and what of the old answer came behind one."""
    chance = random.Random(7)
    took, stale = [], []
    with LoneRig(name) as rig:
        for n in range(count):
            wait_s = chance.uniform(0, LONGEST_WAIT_S)
            at, seen = cancel_speech(rig) if name == "scribe" else cancel_request(rig, wait_s)
            if seen is not None:
                took.append(max(0.0, seen - at))
            if late := rig.program.line(LATE_S):
                stale.append(f"cancel {n + 1}: behind it came {late}")
            rig.ask()
            if wrong := rig.wrong_answer():
                stale.append(f"cancel {n + 1}: {wrong}")
        stale += rig.errors()
    if rig.ended != 0:
        stale.append(f"the client's program ended with {rig.ended}")
    return rig.lone.called, took, stale
