"""Every fault of the menu on the model's service, in a running conversation: an answer or a notice, soon."""
import dataclasses
import time

from figures import longest_silence, percentile
from report import Row
from rig import Rig
from services import Answer, Fault

SAYS_S = 0.7
REPLY_WORDS = 9
LIMIT_S = 4.0
PATIENCE_S = 30
HUNG_MS = 6000  # longer than anybody waits

# (what it is called, the fault, does the reply come whole)
MENU = [
    *[(f"HTTP {status}", Fault("status", status=status), False) for status in (400, 401, 403, 422, 429, 500, 503, 529)],
    ("429, retry-after 1 s", Fault("status", status=429, retry_after="1", times=1), True),
    ("429, retry-after 300 ms", Fault("status", status=429, retry_after="300ms", times=1), True),
    ("429, retry-after a date", Fault("status", status=429, retry_after="date"), False),
    ("503 once", Fault("status", status=503, times=1), True),
    ("silence before the headers", Fault("delay_headers", ms=HUNG_MS), False),
    ("silence before the first event", Fault("delay_first", ms=HUNG_MS), False),
    ("hangs at once", Fault("hang"), False),
    ("hangs after three words", Fault("hang", after=3), False),
    ("reset at once", Fault("reset"), False),
    ("reset after three words", Fault("reset", after=3), False),
    ("ends without an end", Fault("eof"), False),
    ("ends without an end after three words", Fault("eof", after=3), False),
    ("an error event", Fault("error_event"), False),
    ("an error event after three words", Fault("error_event", after=3), False),
    ("empty body", Fault("empty_body"), False),
    ("JSON under 200", Fault("json_body"), False),
    ("events that nobody knows", Fault("unknown_event"), True),
    ("fields that nobody knows", Fault("unknown_field"), True),
    ("writes of 1 to 7 bytes", Fault("small_writes"), True),
    ("CR LF", Fault("crlf"), True),
    ("pings", Fault("pings"), True),
    ("a line of more than 1 MiB", Fault("huge_line"), False),
    ("bytes that are no UTF-8", Fault("invalid_utf8"), False),
    ("surrogates in two events", Fault("split_surrogates"), True),
]


@dataclasses.dataclass
class Outcome:
    name: str
    silent: float  # the longest silence between the question and the end of the turn
    wrong: str


def ask(rig: Rig, fault: Fault | None) -> tuple[dict, float, float, str]:
    """The turn, when the person had ended, when prot first sounded (0: never), the reply that was meant."""
    question = rig.question()
    reply = rig.reply(REPLY_WORDS)
    rig.prepare(question, Answer(reply, first_ms=50, fault=fault), SAYS_S)
    mark = rig.events.mark()
    said = rig.say(question, SAYS_S)
    turn = rig.events.wait("turn", mark, PATIENCE_S)
    rig.loudspeaker.wait_until(turn["arrived"])
    sounding = rig.loudspeaker.stretches(said.end, turn["arrived"])
    return turn, said.end, sounding[0][0] if sounding else 0.0, reply


def befall(rig: Rig, name: str, fault: Fault, whole: bool) -> Outcome:
    try:
        turn, end, first, reply = ask(rig, fault)
    except TimeoutError:
        return Outcome(name, PATIENCE_S, "no turn came of it")
    wrong = "" if first else "nothing was audible"
    if whole and turn["reply"].split() != reply.split():
        wrong = f"the reply was {turn['reply']!r}"
    sounding = [at for a, b in rig.loudspeaker.stretches(end, turn["arrived"])
                for at in (a + 0.01 * n for n in range(max(1, round((b - a) / 0.01))))]
    silent = longest_silence(sounding, end, turn["arrived"])
    try:
        following, _, _, reply = ask(rig, None)
        if following["reply"].split() != reply.split():
            wrong = wrong or f"the turn after it was {following['reply']!r}"
    except TimeoutError:
        wrong = wrong or "no turn came after it"
    return Outcome(name, silent, wrong)


def rows(scale, service: str = "model") -> list[Row]:
    menu = MENU if scale.faults == 0 else MENU[::max(1, len(MENU) // scale.faults)][:scale.faults]
    whose = "Anthropic's" if service == "anthropic" else "the model's"
    with Rig("faults", seed=4, service=service) as rig:
        ask(rig, None)
        outcomes = []
        for name, fault, whole in menu:
            outcomes.append(befall(rig, name, fault, whole))
            time.sleep(0.2)
        errors = rig.services.errors()
        restarts = rig.restarts()
    for outcome in outcomes:
        if outcome.wrong or outcome.silent > LIMIT_S:
            print(f"  {outcome.name}: silent for {outcome.silent:.2f} s; {outcome.wrong or 'else well'}")
    silences = [outcome.silent for outcome in outcomes]
    return [Row("g", f"{len(menu)} faults of {whose} service: silence until answer or notice, worst",
                round(max(silences), 2), "s", "<= 4", {"p50": round(percentile(silences, 0.5), 2)}),
            Row("g", "faults with an answer or notice within 4 s, and a turn as ever behind it",
                sum(not o.wrong and o.silent <= LIMIT_S for o in outcomes), "faults", f"== {len(menu)}"),
            Row("g", "faults that left prot without answer, or the turn behind it without",
                sum(bool(o.wrong) for o in outcomes), "faults", "== 0", fact=True),
            Row("g", "stages that were started again, faults of the services themselves", restarts + len(errors), "",
                "== 0", fact=True)]
