"""T1 and T2: how long after a SIGKILL the successor runs."""
import contextlib
import os
import pathlib
import select
import subprocess

from anchors import S6, Prot, anchors_there
from instance import ALONE, STAGES
from machine import SECOND, kill, now
from report import Row, median, ms, p99
from scale import Scale

PROGRAMS = pathlib.Path(os.environ["PROGRAMS"])


def mature(supervised, child) -> None:
    """A child that ran for long enough is started again at once."""
    supervised.drain_stamps()
    left = 2.15 - supervised.age(child)
    if left > 0:
        stamp = supervised.stamps.next(left)  # nobody is born meanwhile, or it is told
        if stamp is not None:
            supervised.note(stamp)
            mature(supervised, child)


class Teller:
    """s6's own tool, waiting for the readiness of one service."""

    def __init__(self, service):
        self.process = subprocess.Popen(["s6-ftrig-wait", service / "event", "U"], stdout=subprocess.PIPE)

    def when(self) -> int:
        """When it was told; 0: it was not."""
        heard = select.select([self.process.stdout], [], [], 5)[0]
        told = now() if heard else 0
        self.process.kill()
        self.process.wait(5)
        self.process.stdout.close()
        return told


def timed_kill(supervised, child) -> tuple[int, int]:
    """When it was killed, and how long until its successor was in main()."""
    at = now()
    if not kill(supervised.pids[child]):
        raise RuntimeError(f"{supervised.name}: {child} was dead already")
    return at, supervised.await_child(child) - at


def t1(scale: Scale) -> list[Row]:
    """Interleaved: every supervisor's child has its turn before the next round begins."""
    births, ready, tellers = {}, {"prot": []}, {}
    with contextlib.ExitStack() as stack:
        prot = stack.enter_context(Prot())
        supervised = [prot, *(stack.enter_context(kind()) for kind in anchors_there() if scale.anchors)]
        for one in supervised:
            one.up()
            if one is prot:
                prot.await_all()
        births = {one.name: [] for one in supervised}
        for _ in range(-(-scale.t1_kills // len(STAGES))):
            for child in STAGES:
                prot.prepare(child)  # one death is forgiven at once; the next only after half a minute
                for one in supervised:
                    if isinstance(one, S6):
                        tellers[child] = Teller(one.services / child)  # long before the kill: it must be listening
            for child in STAGES:
                for one in supervised:
                    mature(one, child)
                    at, took = timed_kill(one, child)
                    births[one.name].append(took)
                    if one is prot:
                        ready["prot"].append(prot.ready_at(child, at) - at)
                    if isinstance(one, S6):
                        told = tellers[child].when()
                        if told:
                            ready.setdefault("s6", []).append(told - at)
        prot.drain_stamps()
        alive = prot.alive()
    count = len(births["prot"])

    def row(what, pick, bar, figures):
        values = {name: ms(pick(taken)) for name, taken in figures.items()}
        return Row("T1", what, values.pop("prot"), "ms", bar, values)
    return [
        row(f"SIGKILL of a trivial stage -> successor in main(), median of {count}", median, "<= 2", births),
        row("the same, p99", p99, "<= 5", births),
        row("SIGKILL of a trivial stage -> READY, p99", p99, "<= 10", ready),
        row("the same, median", median, "", ready),
        Row("T1", "stages that run after all kills", alive, "stages", f"== {len(STAGES)}", fact=True)]


def real_kills(target: str, stages: list[str], kills: int, settings: list[str]) -> dict[str, list[int]]:
    programs = {stage: PROGRAMS / stage / f"prot-{stage}" for stage in stages}
    taken = {stage: [] for stage in stages}
    with Prot(programs, ALONE + settings) as prot:
        prot.up()
        for _ in range(kills):
            for stage in stages:
                prot.prepare(stage)
            for stage in stages:
                left = 2.15 - (now() - prot.board()[stage]["ready"]) / SECOND
                if left > 0:
                    prot.stamps.next(left)  # a pause
                pid, at = prot.board()[stage]["pid"], now()
                kill(pid)
                taken[stage].append(prot.ready_at(stage, at) - at)
    return taken


def t2(scale: Scale) -> list[Row]:
    """The real programs: capture and player with null devices and the built-in detector, brain and memory with
    nothing behind them that takes time (memory keeps its store in RAM; nobody asks a model)."""
    rows = []
    settings = ["--set", "capture.source=null", "--set", "capture.detector=energy", "--set", "player.sink=null",
                "--set", "brain.url=http://127.0.0.1:9/v1", "--set", "memory.store=ram"]
    taken = real_kills("T2", ["capture", "player", "brain", "memory"], scale.t2_kills, settings)
    for stage, bar in (("capture", 150), ("player", 150), ("brain", 500), ("memory", 500)):
        rows.append(Row("T2", f"SIGKILL of the real {stage} -> READY, p99 of {len(taken[stage])}", ms(p99(taken[stage])),
                        "ms", f"<= {bar}"))
        rows.append(Row("T2", f"the same, {stage}, median", ms(median(taken[stage])), "ms"))
    rows.append(Row("T2", "real stages that came back from every kill", sum(map(len, taken.values())), "kills",
                    f"== {4 * scale.t2_kills}", fact=True))
    return rows
