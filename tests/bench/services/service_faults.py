"""Every fault of the menu on every service, in a running conversation: answer, fail-over or notice, soon."""
import dataclasses
import time

import fault_menus as menus
import faults
from figures import longest_silence, percentile
from report import Row
from service_rig import TOOLS, Answer, Choice, ServiceRig

SAYS_S = 0.9
REPLY_WORDS = 6
LIMIT_S = 4.0
PATIENCE_S = 25
LEFT_ALONE = ("voice", "vectors", "ranks")  # for a while behind a failure: the next fault would not find it
REMEMBERED = ("vectors", "ranks")
# (its name, where it stands, the others, its menu, the stage that is its client)
TALKED = {
    "recogniser": ("OpenAI's recogniser", "recogniser", Choice(), menus.RECOGNISER, "stt"),
    "scribe": ("ElevenLabs' recogniser", "recogniser", Choice(recogniser="elevenlabs"), menus.SCRIBE, "stt"),
    "socket": ("ElevenLabs' voice, socket", "voice", Choice(voice="socket"), menus.VOICE + menus.SOCKET, "tts"),
    "http": ("ElevenLabs' voice, HTTP", "voice", Choice(voice="http"), menus.VOICE + menus.HTTP, "tts"),
    "wyoming": ("Wyoming recogniser", "recogniser", Choice(recogniser="wyoming"), menus.WYOMING_RECOGNISER, "stt"),
    "wyoming-voice": ("Wyoming voice", "voice", Choice(voice="wyoming"), menus.WYOMING_VOICE, "tts"),
    "openai-voice": ("OpenAI's voice", "voice", Choice(voice="openai"), menus.OPENAI_VOICE, "tts"),
    "home": ("Home Assistant", "home", Choice(home=True), menus.HOME, "brain"),
    "mcp": ("MCP", "mcp", Choice(mcp=True), menus.MCP, "brain"),
    "embeddings": ("OpenAI's embeddings", "vectors", Choice(vectors="openai"), menus.VECTORS, "memory"),
    "rerank": ("OpenAI's ranks", "ranks", Choice(vectors="openai"), menus.VECTORS, "memory"),
    "voyage": ("Voyage's embeddings", "vectors", Choice(vectors="voyage"), menus.VECTORS, "memory"),
    "voyage-rerank": ("Voyage's ranks", "ranks", Choice(vectors="voyage"), menus.VECTORS, "memory"),
}
MODELS = {"chat": "model", "anthropic": "anthropic"}  # tests/bench/conversation/faults.py
SERVICES = [*TALKED, *MODELS]


@dataclasses.dataclass
class Outcome:
    name: str
    silent: float
    wrong: str
    struck: bool = True


class Talk:
    """Asks, and looks what comes of it."""

    def __init__(self, rig: ServiceRig, part: str):
        self._rig, self._part = rig, part

    def ask(self, whole: bool | None) -> tuple[float, str]:
        """The longest silence behind the question, and what is wrong with the answer."""
        rig = self._rig
        question, reply = rig.question(), rig.reply(REPLY_WORDS)
        rig.prepare(question, Answer(reply, first_ms=50), SAYS_S)
        if self._part in TOOLS:
            rig.services.use_tool(self._part, question, Answer(reply, first_ms=50))
        mark = rig.events.mark()
        said = rig.say(question, SAYS_S)
        wanted = reply.split()

        def fits(event: dict) -> bool:
            return event["reply"].split()[-len(wanted):] == wanted
        try:
            turn = rig.events.wait("turn", mark, PATIENCE_S, fits if whole else lambda _event: True)
        except TimeoutError:
            said_instead = [event["reply"] for event in rig.events.since(mark, "turn")]
            return PATIENCE_S, f"the answer did not come; instead {said_instead}"
        rig.loudspeaker.wait_until(turn["arrived"])
        stretches = rig.loudspeaker.stretches(said.end, turn["arrived"])
        sounding = [at for a, b in stretches for at in (a + 0.01 * n for n in range(max(1, round((b - a) / 0.01))))]
        silent = longest_silence(sounding, said.end, turn["arrived"])
        return silent, "" if stretches else "nothing was audible"


def make_ready(rig: ServiceRig, part: str) -> None:
    if part == "mcp":
        rig.services.await_mcp()
    rig.settle()


def befall(rig: ServiceRig, service: str, entry) -> Outcome:
    name, fault, whole, by_hand = entry
    _, part, _, _, stage = TALKED[service]
    talk = Talk(rig, part)
    make_ready(rig, part)
    if part in REMEMBERED:
        rig.remember()
    rig.services.befall(part, fault)
    silent, wrong = talk.ask(whole)
    struck = rig.services.struck(part)
    rig.services.befall(part, None)
    if by_hand or part in LEFT_ALONE:
        rig.settle()
        rig.restart(stage)
    make_ready(rig, part)
    _, later = talk.ask(True)
    return Outcome(name, silent, wrong or (f"the turn behind it: {later}" if later else ""), struck)


def rows_of(scale, service: str) -> list[Row]:
    if service in MODELS:
        return faults.rows(scale, MODELS[service])
    called, part, choice, menu, _ = TALKED[service]
    menu = menu if scale.faults == 0 else menu[::max(1, len(menu) // scale.faults)][:scale.faults]
    with ServiceRig(f"fault-{service}", choice, seed=7) as rig:
        Talk(rig, part).ask(True)
        outcomes = []
        for entry in menu:
            outcomes.append(befall(rig, service, entry))
            rig.loudspeaker.forget_before(time.monotonic() - 30)
            rig.microphone.forget_before(time.monotonic() - 30)
            if outcomes[-1].wrong or outcomes[-1].silent > LIMIT_S or not outcomes[-1].struck:
                print(f"  {called}: {entry[0]}: silent for {outcomes[-1].silent:.2f} s; {outcomes[-1].wrong or 'else well'}"
                      f"{'' if outcomes[-1].struck else '; the fault met no request'}", flush=True)
        rig.settle()
        time.sleep(1)
        leaked, crashes, errors = rig.leaked_sockets(), rig.crashes(), rig.services.errors()
    for error in errors:
        print(f"  {called}: the service itself: {error}")
    silences = [outcome.silent for outcome in outcomes]
    return [Row("A", f"{len(menu)} faults of {called}: silence until answer or notice, worst", round(max(silences), 2),
                "s", "<= 4", {"p50": round(percentile(silences, 0.5), 2)}),
            Row("A", "  faults that left prot without answer, or the turn behind it without",
                sum(bool(o.wrong) for o in outcomes), "faults", "== 0", fact=True),
            Row("A", "  faults that met no request", sum(not o.struck for o in outcomes), "faults", "== 0", fact=True),
            Row("A", "  sockets leaked, crashes, faults of the service itself", leaked + crashes + len(errors), "", "== 0",
                fact=True)]
