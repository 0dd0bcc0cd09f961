"""T6 and T10: a stage that does not want to end, what it leaves in its group, and how long an idle stop takes."""
import contextlib
import time

from anchors import Prot, anchors_there
from instance import FIXTURE, STAGES
from machine import Deaths, children, group, lives, now, wait_for
from report import Row, median, ms

GRACE_MS = 3000  # a stage's, between TERM and what follows
PATIENCE_S = 4.0


def deaf_deaths(count) -> list[int]:
    """From the request to the death of a stage that ignores TERM."""
    taken = []
    with Prot(ignore="stt") as prot:
        prot.up()
        prot.await_all()
        for _ in range(count):
            pid = prot.pids["stt"]
            deaths, at = Deaths([pid]), now()
            reply = prot.instance.run("stop", "stt")
            last, left = deaths.wait(10)
            if left or reply.returncode != 0:
                raise RuntimeError(f"stop: {reply.returncode} {reply.stderr} {left}")
            taken.append(last - at)
            prot.instance.run("start", "stt")
            prot.await_child("stt")
    return taken


def deaf_anchors() -> dict[str, str]:
    found = {}
    for kind in anchors_there():
        with kind(ignore="stt") as anchor:
            anchor.up()
            pid = anchor.pids["stt"]
            anchor.stop_child("stt")
            time.sleep(PATIENCE_S)
            found[anchor.name] = f"alive after {PATIENCE_S:g} s" if lives(pid) else "dead"
    return found


def left_in_group(supervised) -> int:
    """A leader ends on TERM, its child does not: who is left of the group when the stage counts as stopped."""
    pid = supervised.pids["stt"]
    wait_for("the child of the stage", lambda: children(pid))
    members = set(group(pid) or []) | set(children(pid))
    if isinstance(supervised, Prot):
        done = supervised.instance.run("stop", "stt")
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
    else:
        supervised.stop_child("stt")
        wait_for("the leader is gone", lambda: not lives(pid))
    left = [member for member in members if lives(member)]
    if not isinstance(supervised, Prot):
        time.sleep(1)
        left = [member for member in left if lives(member)]
        supervised.pids.update({f"left-{member}": member for member in left})  # ended with the rest
    return len(left)


def t6(scale) -> list[Row]:
    taken = deaf_deaths(scale.t6_kills)
    anchors = anchors_there() if scale.anchors else []
    groups = {}
    for kind in (Prot, *anchors):
        with kind(orphan="stt") as one:
            one.up()
            if kind is Prot:
                one.await_all()
            groups[one.name] = left_in_group(one)
    off = max(abs(ms(time_taken) - GRACE_MS) for time_taken in taken)
    return [Row("T6", f"a stage that ignores TERM: its death off the deadline of {GRACE_MS} ms, worst of {len(taken)}",
                round(off, 2), "ms", "<= 100", deaf_anchors() if anchors else {}),
            Row("T6", "stages that ignored TERM and are dead", len(taken), "stages", f"== {scale.t6_kills}", fact=True),
            Row("T6", "alive of the group when its leader has ended on TERM", groups.pop("prot"), "processes", "== 0", groups,
                fact=True)]


def t10(scale) -> list[Row]:
    taken = {"prot": []}
    anchors = anchors_there() if scale.anchors else []
    codes = set()
    for _ in range(scale.downs):
        with Prot(dict.fromkeys(STAGES, FIXTURE)) as prot:
            prot.up()
            at = now()
            codes.add(prot.instance.run("down").returncode)
            taken["prot"].append(now() - at)
            prot.disconnect()
            wait_for("it is gone", lambda: not lives(prot.pid))
            prot.pid = 0
        for kind in anchors:
            with contextlib.ExitStack() as stack:
                anchor = stack.enter_context(kind())
                anchor.up()
                at = now()
                anchor.stop_all()
                taken.setdefault(anchor.name, []).append(now() - at)
    values = {name: ms(median(times)) for name, times in taken.items()}
    return [Row("T10", f"`prot down` of an idle instance, drain and all, median of {scale.downs}", values.pop("prot"), "ms",
                "<= 300", values),
            Row("T10", "the same, worst", ms(max(taken["prot"])), "ms", "<= 300"),
            Row("T10", "downs that ended with 0", int(codes == {0}), "", "== 1", fact=True)]
