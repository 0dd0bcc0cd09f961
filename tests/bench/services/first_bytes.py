"""What prot's clients add: from a service's first useful byte to the frame in the ring."""
import asyncio
import socket
import sys
import threading
import time

from figures import percentile
from report import Row
from service_rig import Answer, Choice, RingTail, ServiceRig

from loopback.http_server import Loop

SAYS_S = 0.8
SWITCH_S = 0.0005  # of this program's threads: what listens must not hold up what answers


def bare_socket(times: int) -> list[float]:
    """The same without prot: a byte over a loopback connection, from this program to a thread of it that waits."""
    loop = Loop()
    sent: list[float] = []
    added: list[float] = []

    async def serve(_reader, writer) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(times):
            await asyncio.sleep(0.01)
            sent.append(time.monotonic())
            writer.write(b"x")
            await writer.drain()
        writer.close()

    async def listen():
        return await asyncio.start_server(serve, "127.0.0.1", 0)
    server = loop.call(listen())

    def receive() -> None:
        with socket.create_connection(server.sockets[0].getsockname()) as connection:
            while connection.recv(1):
                added.append(time.monotonic() - sent[len(added)])
    thread = threading.Thread(target=receive)
    thread.start()
    thread.join(60)
    loop.run(server.close)
    loop.stop()
    return added


def next_after(published: list[float], moments: list[float], within: float = 1.0) -> list[float]:
    """For each moment the time until the first frame behind it; `within` where none came in that time."""
    return [min((at - moment for at in published if moment <= at < moment + within), default=within)
            for moment in moments]


def moments_of(rig: ServiceRig, what: str) -> list[float]:
    """When the service sent its first useful byte of each answer."""
    if what == "voice":
        return [spoken.first_byte for spoken in rig.services.spoken() if spoken.first_byte]
    if what == "model":
        return [record.first_text for record in rig.services.records("model") if record.first_text]
    if rig.choice.recogniser == "elevenlabs":
        return [at for record in rig.services.records("recogniser") for at in record.body["answered"]]
    return [record.first_byte for record in rig.services.records("recogniser") if record.first_byte]


RINGS = {"recogniser": ("transcript", "transcript"), "model": ("speech", "segment"), "voice": ("pcm", "pcm-audio")}


def measure(choice: Choice, parts, scale) -> tuple[dict[str, list[float]], list[float]]:
    """The times of each part, by turns of one conversation; those of a bare socket while it is silent."""
    with ServiceRig("first-bytes", choice) as rig:
        ask(rig)  # connections, caches
        rig.settle()
        tails = {part: RingTail(rig, RINGS[part][0]) for part in parts}
        time.sleep(0.5)
        try:
            since = time.monotonic()
            for _ in range(scale.turns):
                ask(rig)
                rig.settle(0.2)
                rig.loudspeaker.forget_before(time.monotonic() - 10)
                rig.microphone.forget_before(time.monotonic() - 10)
            time.sleep(0.5)
            times = {part: next_after(tails[part].published(RINGS[part][1]),
                                      [at for at in moments_of(rig, part) if at > since]) for part in parts}
            return times, bare_socket(scale.anchors)
        finally:
            for tail in tails.values():
                tail.close()


def ask(rig: ServiceRig) -> None:
    question = rig.question()
    rig.prepare(question, Answer(rig.reply(rig.random.randint(2, 4)), first_ms=60), SAYS_S)
    mark = rig.events.mark()
    rig.say(question, SAYS_S)
    rig.events.wait("turn", mark, 20)


def row(what: str, added: list[float], turns: int) -> list[Row]:
    if len(added) < turns:
        return [Row("B", f"{what}: only {len(added)} of {turns} answers were given", 1, "failures", "== 0",
                    fact=True)]
    return [Row("B", f"{what}: first useful byte -> ring, p99 of {len(added)}", round(1000 * percentile(added, 0.99), 2),
                "ms", "<= 5", {"p50": round(1000 * percentile(added, 0.5), 2), "worst": round(1000 * max(added), 2)})]


# By conversation: which services it has, and what each part of it is called.
SERVICES = {
    "elevenlabs": (Choice(recogniser="elevenlabs", voice="socket"),
                   {"recogniser": "ElevenLabs' recogniser", "model": "OpenAI's chat", "voice": "ElevenLabs' voice, socket"}),
    "anthropic": (Choice(model="anthropic", voice="http"),
                  {"recogniser": "OpenAI's recogniser", "model": "Anthropic", "voice": "ElevenLabs' voice, HTTP"}),
    "wyoming": (Choice(recogniser="wyoming", voice="wyoming"),
                {"recogniser": "Wyoming recogniser", "voice": "Wyoming voice"}),
    "openai-voice": (Choice(voice="openai"), {"voice": "OpenAI's voice"}),
}


def rows_of(scale, name: str) -> list[Row]:
    choice, called = SERVICES[name]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        added, anchor = measure(choice, called, scale)
    finally:
        sys.setswitchinterval(usual)
    made = [Row("B", f"a bare socket beside {name}, p99 of {len(anchor)}", round(1000 * percentile(anchor, 0.99), 2), "ms",
                "", {"p50": round(1000 * percentile(anchor, 0.5), 2), "worst": round(1000 * max(anchor), 2)})]
    return made + [line for part, what in called.items() for line in row(what, added[part], scale.turns)]
