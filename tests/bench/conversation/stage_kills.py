"""Each stage is killed at random moments of a conversation: it goes on, and what the person said is kept."""
import dataclasses
import statistics
import time

from figures import percentile
from report import Row
from rig import STAGES, Rig
from services import Answer

SAYS_S = 0.9
FIRST_MS = 100
WORDS = 8
PATIENCE_S = 15  # from a stage's readiness until it counts as never
AGAIN_S = 2.2    # a stage that was ready for two seconds is started again at once when it dies


@dataclasses.dataclass
class Death:
    stage: str
    moment: float          # seconds after the person began to speak
    down: float = 0.0      # until its successor was ready
    late: float = 0.0      # how much later than by that time the turn was over
    lost: str = ""         # why the utterance or its answer is not there


def prepare(rig: Rig) -> tuple[str, int]:
    """What will be said, and how many turns there were before."""
    question = rig.question()
    rig.prepare(question, Answer(rig.reply(WORDS), first_ms=FIRST_MS), SAYS_S)
    rig.services.forget_requests()
    return question, len(rig.turns())


def undisturbed(rig: Rig) -> float:
    """From the begin of the speech until the turn is over."""
    question, known = prepare(rig)
    said = rig.say(question, SAYS_S)
    _, over = rig.await_turn(known, 20)
    rig.settle()
    return over - said.begin


def die(rig: Rig, stage: str, moment: float, usual: float) -> Death:
    death = Death(stage, moment)
    question, known = prepare(rig)
    began = rig.begin_to_say(SAYS_S)
    time.sleep(max(0.0, began + moment - time.monotonic()))
    pid, killed = rig.kill(stage)
    death.down = rig.ready_again(stage, pid) - killed
    said = rig.said_since(began, question, SAYS_S)
    try:
        turn, over = rig.await_turn(known, usual + PATIENCE_S)
    except TimeoutError:
        death.lost = "no turn came of it"
        return death
    asked_again = len([r for r in rig.services.model_requests() if r.received > said.begin]) - 1
    again = max(0, asked_again) * FIRST_MS / 1000 if stage == "brain" else 0.0
    death.late = over - said.begin - usual - death.down - again
    # What is said while there is no capture reaches nobody; what was said before it died does.
    deaf = stage == "capture" and killed < said.end
    heard = turn["heard"].strip(" .")
    rig.settle()
    if heard != question and not (deaf and heard):
        death.lost = f"heard {heard!r}, not {question!r}"
    elif not (rig.turns()[-1] if deaf else turn)["reply"]:  # the second half of it interrupts the answer to the first
        death.lost = "it was not answered"
    return death


def rows(scale) -> list[Row]:
    deaths = []
    with Rig("kills", seed=3) as rig:
        usual = statistics.median(undisturbed(rig) for _ in range(2 if scale.quick else 5))
        ready = dict.fromkeys(STAGES, 0.0)
        for n in range(scale.kills * len(STAGES)):
            stage = STAGES[n % len(STAGES)]
            time.sleep(max(0.0, ready[stage] + AGAIN_S - time.monotonic()))
            deaths.append(die(rig, stage, rig.random.uniform(0.05, usual), usual))
            ready[stage] = time.monotonic()
            if deaths[-1].lost:
                print(f"  {stage} killed after {deaths[-1].moment:.2f} s: {deaths[-1].lost}")
            rig.loudspeaker.forget_before(time.monotonic() - 10)
            rig.microphone.forget_before(time.monotonic() - 10)
        goes_on = undisturbed(rig) < usual + 2
        errors = rig.services.errors()
    return told(deaths, goes_on, errors)


def told(deaths: list[Death], goes_on: bool, errors: list[str]) -> list[Row]:
    made = []
    for stage in STAGES:
        own = [death for death in deaths if death.stage == stage]
        late = [death.late for death in own if not death.lost]
        worst = round(max(late, default=PATIENCE_S), 3)
        made.append(Row("f", f"{stage} killed {len(own)} times: it goes on, after readiness, worst", worst, "s", "<= 1",
                        {"p50": round(percentile(late, 0.5), 3) if late else PATIENCE_S,
                                 "down p50": round(statistics.median(d.down for d in own), 3)}))
    made += [Row("f", f"of {len(deaths)} kills: the utterance, or its answer, was lost",
                 sum(bool(d.lost) for d in deaths), "turns", "== 0", fact=True),
             Row("f", "the next turn is as ever", int(goes_on), "", "== 1", fact=True),
             Row("f", "faults of the services", len(errors), "", "== 0", fact=True)]
    return made
