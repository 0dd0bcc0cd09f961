"""T8 and T9: what a stage that always crashes costs, and what an idle supervisor costs."""
import contextlib
import os
import time

from anchors import Prot, anchors_there
from instance import STAGES
from machine import cpu_ns, now, wakes
from report import Row, ms, p99

MIB = 1024 * 1024
PING_EVERY_S = 0.02


class Pings:
    """Wakes a child by a byte through a fifo; it answers with a stamp."""

    def __init__(self, supervised, folder, child):
        self.supervised, self.child, self.taken = supervised, child, []
        self.fd = os.open(folder / child, os.O_RDWR)
        self.births = {stage: 0 for stage in STAGES}

    def run(self, seconds) -> list[int]:
        """Latencies; births of others are counted on the way."""
        taken, until = [], time.monotonic() + seconds
        while time.monotonic() < until:
            at = now()
            os.write(self.fd, b".")
            while (stamp := self.supervised.stamps.next(5)) is not None:
                if stamp[0] == self.child:
                    taken.append(stamp[2] - at)
                    break
                self.births[stamp[0]] += 1
            time.sleep(PING_EVERY_S)
        return taken

    def close(self):
        os.close(self.fd)


def crash_loop(scale, kind) -> dict:
    """tts answers pings; then stt crashes at every start."""
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(kind())
        base = one.instance.folder if kind is Prot else one.folder
        pings = base / "pings"
        pings.mkdir()
        for stage in STAGES:
            os.mkfifo(pings / stage)
        if kind is Prot:
            one.instance.order(pings=pings)
        else:
            one.environment["PROT_FIXTURE_PINGS"] = str(pings)
        one.up()
        if kind is Prot:
            one.await_all()
        ping = Pings(one, pings, "tts")
        stack.callback(ping.close)
        before = ping.run(max(1.0, scale.crash_s / 3))
        # From now on its program ends at once: the link, or the service, leads to one that does.
        crasher = base / "crasher"
        crasher.write_text(f'#!/bin/sh\necho "stt $$ 0" >{one.stamps.path}\nexit 1\n')
        crasher.chmod(0o755)
        link = one.instance.stages / "prot-stt" if kind is Prot else one.services / "stt" / "run"
        link.unlink()
        link.symlink_to(crasher)
        ping.births["stt"] = 0
        cpu = {pid: cpu_ns(pid) for pid in one.own()}
        begin = now()
        os.kill(one.pids["stt"], 9)
        during = ping.run(scale.crash_s)
        took = now() - begin
        busy = sum(cpu_ns(pid) - spent for pid, spent in cpu.items())
        return {"starts": ping.births["stt"], "cpu": round(100 * busy / took, 3), "before": ms(p99(before)),
                "during": ms(p99(during))}


def t8(scale) -> list[Row]:
    found = {kind.name: crash_loop(scale, kind) for kind in (Prot, *(anchors_there() if scale.anchors else []))}

    def row(key, what, unit, bar, fact=False):
        values = {name: figures[key] for name, figures in found.items()}
        return Row("T8", what, values.pop("prot"), unit, bar, values, fact)
    own = found["prot"]
    return [row("starts", f"starts of an always crashing stage in its first {scale.crash_s:g} s", "starts", "<= 16", True),
            Row("T8", "and it is tried again", own["starts"], "starts", ">= 3", fact=True),
            row("cpu", "supervisor's CPU meanwhile", "% of a core", "<= 1"),
            row("before", "another stage's wake, p99, before", "ms", ""),
            row("during", "the same, p99, meanwhile", "ms", ""),
            Row("T8", "the same, meanwhile beside before", round(own["during"] / own["before"], 2), "ratio", "<= 1.5",
                {name: round(f["during"] / f["before"], 2) for name, f in found.items() if name != "prot"})]


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
