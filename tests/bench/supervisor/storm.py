"""T4 and T11: a storm of kills over all stages, watched from outside, and how long `status` takes meanwhile."""
import contextlib
import random
import subprocess
import threading
import time

from anchors import Prot, anchors_there
from instance import STAGES
from machine import (Control, children, cpu_ns, descriptors, kill, lives, name_of, now, rss_bytes, wait_for,
                     zombies)
from report import Row, median, ms, p99

SEED = 20260801
EVERY_S = 0.005
MIB = 1024 * 1024


class Watch(threading.Thread):
    """Looks all the time whether two processes of one stage live at once."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.looks, self.doubles, self.over = pid, 0, [], threading.Event()

    def run(self):
        while not self.over.wait(0.001):
            self.looks += 1
            seen = self.look()
            for name, pids in seen.items():
                # Not at one instant: a double is one that both still stand after a second look.
                if len(pids) > 1 and sum(map(lives, pids)) > 1:
                    self.doubles.append((name, pids))

    def look(self) -> dict[str, list[int]]:
        seen: dict[str, list[int]] = {}
        for pid in children(self.pid):
            if (name := name_of(pid)).startswith("prot-") and lives(pid):
                seen.setdefault(name, []).append(pid)
        return seen


class Questions(threading.Thread):
    """Asks for the status as fast as answers come, with a breath between."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.control, self.taken, self.over = Control(path), [], threading.Event()

    def run(self):
        while not self.over.wait(0.02):
            at = now()
            self.control.call(cmd="status")
            self.taken.append(now() - at)
        self.control.close()


def own_children(supervised) -> list[int]:
    """Children that run the trivial stage."""
    own = supervised.own()
    parents = own[1:] if len(own) > 1 else own
    return [pid for parent in parents for pid in children(parent) if lives(pid)]


def storm(supervised, seconds) -> dict[str, int]:
    """Kills per supervisor: the same draw for each, one after the other."""
    draws = {one.name: random.Random(SEED) for one in supervised}
    kills = dict.fromkeys(draws, 0)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for one in supervised:
            alive = own_children(one)
            if alive:
                kills[one.name] += kill(draws[one.name].choice(alive))
        time.sleep(EVERY_S)
    return kills


def all_run(one) -> bool:
    return len(own_children(one)) == len(STAGES)


def fewest(count, seconds) -> int:
    """Until it is none; the last connection's end, say, is seen a moment later."""
    until = time.monotonic() + seconds
    while (value := count()) > 0 and time.monotonic() < until:
        time.sleep(0.01)
    return value


def until_all_run(supervised, end) -> dict[str, float]:
    """Seconds from `end` until every child of each lives."""
    recovered: dict[str, float] = {}

    def look():
        for one in supervised:
            if one.name not in recovered and all_run(one):
                recovered[one.name] = round((now() - end) / 1e9, 3)
        return len(recovered) == len(supervised)
    wait_for("everybody has all children again", look, 30)
    return recovered


def command_times(supervised, count) -> dict[str, float]:
    """Milliseconds of the whole command that tells the state, process and all: median."""
    taken: dict[str, list[int]] = {one.name: [] for one in supervised}
    for number in range(count):
        for one in supervised:
            at = now()
            if isinstance(one, Prot):
                one.instance.run("status", "--json")
            else:
                with contextlib.suppress(subprocess.CalledProcessError):
                    one.query(STAGES[number % len(STAGES)])
            taken[one.name].append(now() - at)
    return {name: ms(median(times)) for name, times in taken.items()}


def storms(scale) -> list[Row]:
    with contextlib.ExitStack() as stack:
        prot = stack.enter_context(Prot())
        anchors = [stack.enter_context(kind()) for kind in anchors_there() if scale.anchors]
        for one in (prot, *anchors):
            one.up()
        wait_for("all run", lambda: all(map(all_run, (prot, *anchors))))
        prot.control.call(cmd="status")  # what is made once is made before it is counted
        files, memory = descriptors(prot.pid), {one.name: one.rss() for one in (prot, *anchors)}
        watch, questions = Watch(prot.pid), Questions(prot.instance.runtime / "control.sock")
        watch.start()
        questions.start()
        cpu, begin = cpu_ns(prot.pid), now()
        kills = storm((prot, *anchors), scale.storm_s)
        busy = 100 * (cpu_ns(prot.pid) - cpu) / (now() - begin)
        recovered = until_all_run((prot, *anchors), end := now())
        wait_for("all ready", lambda: all(e["state"] == "ready" for e in prot.board().values() if e["pid"]), 30)
        ready = (now() - end) / 1e9
        questions.over.set()
        questions.join(5)
        more_files = fewest(lambda: descriptors(prot.pid) - files, 2)
        watch.over.set()
        watch.join(5)
        commands = command_times((prot, *anchors), 20)
        states = [entry["state"] for entry in prot.board().values()]
        grown = {one.name: round((one.rss() - memory[one.name]) / MIB, 3) for one in (prot, *anchors)}
        left_zombies = fewest(lambda: sum(zombies(pid) for pid in prot.own()), 2)
    own_kills = kills.pop("prot")
    return [
        Row("T4", f"storm of {scale.storm_s:g} s, seed {SEED}: kills", own_kills, "kills", f">= {int(scale.storm_s)}", kills,
            fact=True),
        Row("T4", "stages READY 20 s after it", states.count("ready"), "stages", f"== {len(STAGES)}", fact=True),
        Row("T4", "until all are READY", round(ready, 3), "s", "<= 20",
            {name: value for name, value in recovered.items() if name != "prot"}, fact=True),
        Row("T4", f"times that two of one stage lived at once ({watch.looks} looks)", len(watch.doubles), "times", "== 0",
            fact=True),
        Row("T4", "zombies left", left_zombies, "zombies", "== 0", fact=True),
        Row("T4", "descriptors more than before", more_files, "fds", "<= 0", fact=True),
        Row("T4", "resident memory more than before", grown.pop("prot"), "MiB", "<= 1", grown),
        Row("T4", "supervisor's CPU during the storm", round(busy, 2), "% of a core", "<= 5"),
        Row("T11", f"status over control.sock during the storm, p99 of {len(questions.taken)}", ms(p99(questions.taken)), "ms",
            "<= 5"),
        Row("T11", "the same, median", ms(median(questions.taken)), "ms"),
        Row("T11", "the whole command `prot status --json`, median", commands.pop("prot"), "ms", "", commands)]

