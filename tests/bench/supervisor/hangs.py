"""T7 and T14: hangs are found, healthy stages are left alone under load and in gdb, a dead stage that gdb holds
costs nothing."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from anchors import Prot, anchors_there
from instance import ALONE, FIXTURE, STAGES
from machine import SECOND, cpu_ns, kill, lives, now, status_field, wait_for
from report import Row, ms

PROGRAMS = pathlib.Path(os.environ["PROGRAMS"])
WATCHDOG_MS = {"capture": 500, "stt": 5000}
PATIENCE_S = 60  # a full machine: a stage that gets no time is not judged by it
HANGS = {"SIGSTOP": signal.SIGSTOP, "livelock": signal.SIGUSR1}
# The programs that have something to do by themselves.
REAL = {stage: PROGRAMS / stage / f"prot-{stage}" for stage in ("capture", "player", "brain", "memory")}
REAL_SETTINGS = ["--set", "capture.source=null", "--set", "capture.detector=energy", "--set", "player.sink=null",
                 "--set", "brain.url=http://127.0.0.1:9/v1", "--set", "memory.store=ram"]


def found_after(prot, stage, number) -> int | None:
    """From the hang until the supervisor does something about it; none: it never did."""
    pid = prot.pids[stage]
    before = prot.board()[stage]
    at = now()
    os.kill(pid, number)
    try:
        wait_for(f"the hang of {stage} is found", lambda: prot.board()[stage] != before, PATIENCE_S, 0.001)
        found = now() - at
    except TimeoutError:
        kill(pid)
        found = None
    prot.await_child(stage, 30)
    wait_for("ready again", lambda: prot.board()[stage]["state"] == "ready", 30)
    return found


def hangs(count) -> dict[tuple[str, str], list[int | None]]:
    taken: dict[tuple[str, str], list[int | None]] = {}
    with Prot() as prot:
        prot.up()
        prot.await_all()
        for _ in range(count):
            for stage in WATCHDOG_MS:
                for name, number in HANGS.items():
                    time.sleep(0.2)
                    taken.setdefault((stage, name), []).append(found_after(prot, stage, number))
                    prot.prepare(stage)  # its back-off begins anew
    return taken


@contextlib.contextmanager
def load(loops=4):
    """All cores are busy, twice."""
    if shutil.which("stress-ng"):
        busy = [subprocess.Popen(["stress-ng", "--quiet", "--cpu", str(loops)], start_new_session=True)]
    else:
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True) for _ in range(loops)]
    try:
        yield
    finally:
        for process in busy:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)


def false_kills(seconds) -> int:
    with Prot(dict.fromkeys(STAGES, FIXTURE) | REAL, ALONE + REAL_SETTINGS) as prot:
        prot.up()
        with load():
            time.sleep(seconds)
            return sum(entry["generation"] - 1 for entry in prot.board().values() if entry["generation"])


class Gdb:
    """Stands at its prompt with one process stopped."""

    def __init__(self, pid):
        self.process = subprocess.Popen(["gdb", "-q", "-nx", "-p", str(pid)], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        wait_for("gdb has it", lambda: status_field(pid, "TracerPid") == self.process.pid
                 and pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "t", 30)
        time.sleep(0.5)  # it reads symbols, then it is at its prompt

    def __enter__(self):
        return self

    def leave(self):
        if self.process.poll() is None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.write("detach\nquit\n")
                self.process.stdin.flush()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)

    def __exit__(self, *_error):
        self.leave()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


def kills_in_gdb(seconds) -> int:
    """A stage that worked when gdb came: awake or asleep as it happens."""
    with Prot(dict.fromkeys(STAGES, FIXTURE) | REAL, ALONE + REAL_SETTINGS) as prot:
        prot.up()
        before = prot.board()["capture"]
        with Gdb(before["pid"]):
            time.sleep(seconds)
            after = prot.board()["capture"]
        return int(after != before or not lives(before["pid"]))


def t7(scale) -> list[Row]:
    rows, all_taken = [], hangs(scale.hangs)
    found = sum(time_taken is not None for taken in all_taken.values() for time_taken in taken)
    rows.append(Row("T7", "hangs that were found", found, "hangs", f"== {len(all_taken) * scale.hangs}", fact=True))
    for (stage, name), taken in all_taken.items():
        taken = [time_taken for time_taken in taken if time_taken is not None] or [PATIENCE_S * SECOND]
        limit = 1.25 * WATCHDOG_MS[stage]
        rows.append(Row("T7", f"{name} of {stage} (watchdog {WATCHDOG_MS[stage]} ms): until it is found, worst of {len(taken)}",
                        ms(max(taken)), "ms", f"<= {limit:g}"))
    rows.append(Row("T7", f"stages killed in {scale.load_s:g} s of full load (four busy loops)", false_kills(scale.load_s),
                    "kills", "== 0", fact=True))
    if shutil.which("gdb"):
        rows.append(Row("T7", f"kills of a stage that stands in gdb for {scale.gdb_s:g} s", kills_in_gdb(scale.gdb_s), "kills",
                        "== 0", fact=True))
    return rows


def held_dead(kind, seconds) -> tuple[float, bool]:
    """CPU of the supervisor, per cent, while gdb holds a child that was killed; whether it has a successor then."""
    with kind() as one:
        one.up()
        if kind is Prot:
            one.await_all()
        with Gdb(one.pids["stt"]) as gdb:
            one.drain_stamps()
            kill(one.pids["stt"])
            time.sleep(0.2)
            before, begin = sum(map(cpu_ns, one.own())), now()
            time.sleep(seconds)
            spent = sum(map(cpu_ns, one.own())) - before
            percent = 100 * spent / (now() - begin)
            gdb.leave()
        try:
            one.await_child("stt", 10)
        except TimeoutError:
            return percent, False
        return percent, True


def t14(scale) -> list[Row]:
    if not shutil.which("gdb"):
        return [Row("T14", "gdb is not installed: not measured", 0, "")]
    found = {kind.name: held_dead(kind, scale.held_s) for kind in (Prot, *(anchors_there() if scale.anchors else []))}
    cpu = {name: round(percent, 4) for name, (percent, _) in found.items()}
    return [Row("T14", "supervisor's CPU while gdb holds a killed stage at its prompt", cpu.pop("prot"), "% of a core", "<= 1",
                cpu, fact=True),
            Row("T14", "a successor once gdb lets go", int(found["prot"][1]), "", "== 1",
                {name: int(came) for name, (_, came) in found.items() if name != "prot"}, fact=True)]
