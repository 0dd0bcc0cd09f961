"""T3: the supervisor is killed in every state of a stage; who lives on, and for how long."""
import os
import pathlib
import time

import postgres
from anchors import TRIVIAL, Prot, anchors_there
from instance import FIXTURE, STAGES
from machine import MS, Deaths, children, descendants, kill, lives, now, reap, wait_for
from report import Row, ms

FAKE_LLM = pathlib.Path(__file__).with_name("fake_llm.py")
REAL_LOOP = dict.fromkeys(STAGES, FIXTURE)  # stages with the real runner


def state_is(prot, stage, state) -> None:
    wait_for(f"{stage} {state}", lambda: prot.board()[stage]["state"] == state)


def starting(prot):
    prot.instance.spawn("up", *prot.instance.settings)
    wait_for("it runs", prot.instance.status)
    prot.connect()
    state_is(prot, "brain", "starting")


def ready(prot):
    prot.up()


def backing_off(prot):
    prot.up()
    while prot.board()["stt"]["state"] != "backoff":  # each death waits longer than the one before
        if pid := prot.board()["stt"]["pid"]:
            kill(pid)


def held(prot):
    prot.up()
    joiner = prot.instance.spawn("--join", prot.instance.name, program=prot.instance.stages / "prot-stt")
    wait_for("held", lambda: prot.board()["stt"] == prot.board()["stt"] | {"state": "held", "pid": joiner.pid})
    return joiner.pid


def stopping(prot):
    prot.up()
    prot.instance.spawn("stop", "stt")
    state_is(prot, "stt", "stopping")


def draining(prot):
    prot.up()
    prot.instance.spawn("down")
    wait_for("it drains", lambda: prot.board()["capture"]["state"] == "done")


# State -> how to come to it, what the fixture is told, whose place the trivial stage takes.
STATES = {"starting": (starting, {"slow": "brain"}, ()),
          "ready": (ready, {}, ()),
          "back-off": (backing_off, {}, ("stt",)),
          "held": (held, {}, ()),
          "stopping": (stopping, {"ignore": "stt"}, ("stt",)),
          "draining": (draining, {"deaf": "stt"}, ())}


def one_round(state) -> tuple[int, list[int]]:
    """The longest life after the supervisor's, and who lives after two seconds."""
    come_to, orders, trivial = STATES[state]
    with Prot(REAL_LOOP | dict.fromkeys(trivial, TRIVIAL), **orders) as prot:
        joiner = come_to(prot)
        family = descendants(prot.pid) + ([joiner] if joiner else [])
        deaths, orphans = Deaths(family), set(children(os.getpid()))
        at = now()
        kill(prot.pid)
        last, left = deaths.wait(2)
        # One that was born in the last moment was in no list, but it is ours now.
        mine = {process.pid for process in prot.instance.processes} | {prot.probe.pid, prot.pid}
        strangers = [pid for pid in children(os.getpid()) if pid not in orphans | mine and lives(pid)]
        reap([pid for pid in family if pid != joiner])
        prot.pid = 0
        return max(0, last - at), left + strangers


def alive_after_kill(kind) -> int:
    """What an anchor leaves alive, four seconds after it and its helpers were killed."""
    with kind() as anchor:
        anchor.up()
        for pid in anchor.own():
            kill(pid)
        time.sleep(4)
        return anchor.alive()


def servers(scale) -> list[Row]:
    """db is a real PostgreSQL; llm is in the real one's place and ignores TERM."""
    if not postgres.there():
        return []
    longest, left_over, rounds = 0, 0, 0
    settings = [*postgres.SETTINGS, "--set", f"llm.program={FAKE_LLM}", "--set", f"llm.model={FAKE_LLM}"]
    with Prot(settings=settings) as prot:
        for rounds in range(1, scale.t3_servers + 1):
            prot.up()
            family = descendants(prot.pid)
            missing = {"db", "llm"} - {n for n, entry in prot.board().items() if entry["pid"] in family}
            if missing:
                raise RuntimeError(f"not running: {missing}")
            deaths, at = Deaths(family), now()
            kill(prot.pid)
            last, left = deaths.wait(4)
            left_over += bool(left) or last - at > 2000 * MS
            longest = max(longest, last - at)
            reap([prot.pid, *family])
            prot.disconnect()
    return [Row("T3", f"supervisor killed {rounds} times: rounds with a db or llm process after 2 s", left_over, "rounds",
                "== 0", fact=True),
            Row("T3", "longest life of a db or llm process after the supervisor's", ms(longest), "ms", "<= 2000")]


def t3(scale) -> list[Row]:
    anchors = {kind.name: alive_after_kill(kind) for kind in anchors_there()} if scale.anchors else {}
    rows, lives_of, late, left_over = [], {state: [] for state in STATES}, 0, 0
    for number in range(scale.t3_rounds):
        state = list(STATES)[number % len(STATES)]
        life, left = one_round(state)
        lives_of[state].append(life)
        late += life > 50 * MS
        left_over += bool(left)
    count = scale.t3_rounds
    rows.append(Row("T3", f"supervisor killed {count} times: rounds that leave somebody alive after 2 s", left_over, "rounds",
                    "== 0", fact=True))
    rows.append(Row("T3", "rounds without a living descendant 50 ms after", count - late, "rounds", f"== {count}"))
    for state, taken in lives_of.items():
        if taken:
            rows.append(Row("T3", f"longest life after the supervisor's, {state} ({len(taken)} rounds)", ms(max(taken)), "ms",
                            "<= 50"))
    rows.append(Row("T3", "children alive 4 s after the supervisor's SIGKILL", left_over, "children", "== 0", anchors,
                    fact=True))
    return rows + servers(scale)
