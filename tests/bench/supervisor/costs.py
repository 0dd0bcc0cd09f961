"""T8 and T9: what a stage that always crashes costs, and what an idle supervisor costs."""
import contextlib
import os
import signal
import time

from anchors import Prot, anchors_there
from instance import STAGES
from machine import SECOND, cpu_ns, now, wakes
from report import Row, ms, p99

MIB = 1024 * 1024
PING_EVERY_S = 0.02
PINGED = "tts"


class Pings:
    """Wakes one child by a byte through a fifo; it answers with a stamp. Births of the others are counted."""

    def __init__(self, stack, kind):
        self.one = stack.enter_context(kind())
        base = self.one.instance.folder if kind is Prot else self.one.folder
        self.folder = base / "pings"
        self.folder.mkdir()
        for stage in STAGES:
            os.mkfifo(self.folder / stage)
        if kind is Prot:
            self.one.instance.order(pings=self.folder)
        else:
            self.one.environment["PROT_FIXTURE_PINGS"] = str(self.folder)
        self.one.up()
        if kind is Prot:
            self.one.await_all()
        self.fd = os.open(self.folder / PINGED, os.O_RDWR)
        stack.callback(os.close, self.fd)
        self.taken, self.births = [], dict.fromkeys(STAGES, 0)

    def once(self) -> None:
        at = now()
        os.write(self.fd, b".")
        while (stamp := self.one.stamps.next(5)) is not None:
            if stamp[0] == PINGED:
                return self.taken.append(stamp[2] - at)
            self.births[stamp[0]] += 1
        raise TimeoutError(f"{PINGED} of {self.one.name} does not answer")


def crash_loop(scale, kind) -> dict:
    """Two of a kind at once, pinged in turn: in one of them stt crashes at every start, in the other all is well."""
    with contextlib.ExitStack() as stack:
        calm, crashing = Pings(stack, kind), Pings(stack, kind)
        one = crashing.one
        # From now on its program ends at once: the link, or the service, leads to one that does.
        crasher = crashing.folder.parent / "crasher"
        crasher.write_text(f'#!/bin/sh\necho "stt $$ 0" >{one.stamps.path}\nexit 1\n')
        crasher.chmod(0o755)
        link = one.instance.stages / "prot-stt" if kind is Prot else one.services / "stt" / "run"
        link.unlink()
        link.symlink_to(crasher)
        cpu = {pid: cpu_ns(pid) for pid in one.own()}
        begin = now()
        os.kill(one.pids["stt"], signal.SIGKILL)
        while now() - begin < scale.crash_s * SECOND:
            calm.once()
            crashing.once()
            time.sleep(PING_EVERY_S)
        took = now() - begin
        busy = sum(cpu_ns(pid) - spent for pid, spent in cpu.items())
        return {"starts": crashing.births["stt"], "cpu": round(100 * busy / took, 3), "calm": ms(p99(calm.taken)),
                "beside": ms(p99(crashing.taken))}


def t8(scale) -> list[Row]:
    found = {kind.name: crash_loop(scale, kind) for kind in (Prot, *(anchors_there() if scale.anchors else []))}

    def row(key, what, unit, bar, fact=False):
        values = {name: figures[key] for name, figures in found.items()}
        return Row("T8", what, values.pop("prot"), unit, bar, values, fact)
    ratios = {name: round(figures["beside"] / figures["calm"], 2) for name, figures in found.items()}
    return [row("starts", f"starts of an always crashing stage in its first {scale.crash_s:g} s", "starts", "<= 16", True),
            Row("T8", "and it is tried again", found["prot"]["starts"], "starts", ">= 3", fact=True),
            row("cpu", "supervisor's CPU meanwhile", "% of a core", "<= 1"),
            row("beside", "wake of a stage beside it, p99", "ms", ""),
            row("calm", "the same in an instance where all is well, at the same time", "ms", ""),
            Row("T8", "ratio of the two", ratios.pop("prot"), "ratio", "<= 1.5", ratios)]


def start_cold(kind) -> tuple[float, float]:
    """Milliseconds from the command until everything is ready (prot) or in main(), and the slowest child of it."""
    with kind() as one:
        at = now()
        one.up()
        if kind is not Prot:
            return ms(max(one.born.values()) - at), 0.0
        entries = [entry for entry in one.board().values() if entry["pid"]]
        return (ms(max(entry["ready"] for entry in entries) - at),
                ms(max(entry["ready"] - entry["started"] for entry in entries)))


def t9(scale) -> list[Row]:
    with contextlib.ExitStack() as stack:
        supervised = [stack.enter_context(kind()) for kind in (Prot, *(anchors_there() if scale.anchors else []))]
        for one in supervised:
            one.up()
        time.sleep(1)
        before = {one.name: sum(map(wakes, one.own())) for one in supervised}
        cpu = {one.name: sum(map(cpu_ns, one.own())) for one in supervised}
        begin = now()
        time.sleep(scale.idle_s)
        seconds = (now() - begin) / 1e9
        woken = {one.name: round((sum(map(wakes, one.own())) - before[one.name]) / seconds, 2) for one in supervised}
        spent = {one.name: round((sum(map(cpu_ns, one.own())) - cpu[one.name]) / seconds / 1e7, 4) for one in supervised}
        memory = {one.name: round(one.rss() / MIB, 2) for one in supervised}
    cold = {kind.name: [start_cold(kind) for _ in range(max(1, scale.downs))]
            for kind in (Prot, *(anchors_there() if scale.anchors else []))}
    best = {name: sorted(times)[len(times) // 2] for name, times in cold.items()}
    over = sorted(total - slowest for total, slowest in cold["prot"])[len(cold["prot"]) // 2]
    return [Row("T9", f"wake-ups of the idle supervisor over {scale.idle_s:g} s", woken.pop("prot"), "1/s", "<= 10", woken),
            Row("T9", "its resident memory", memory.pop("prot"), "MiB", "<= 8", memory),
            Row("T9", "its CPU", spent.pop("prot"), "% of a core", "", spent),
            Row("T9", "cold start of six: command -> all READY, over the slowest stage, median", round(over, 3), "ms", "<= 50"),
            Row("T9", "command -> all READY (anchors: in main()), median", best["prot"][0], "ms", "",
                {name: value[0] for name, value in best.items() if name != "prot"})]
