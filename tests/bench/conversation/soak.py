"""A conversation for an hour: nothing grows, nobody wakes late, no turn is lost."""
import pathlib
import time

from figures import percentile, slope
from report import Row
from rig import STAGES, Rig
from services import Answer

SAMPLE_S = 10.0        # at least twenty samples of a short one
PAUSE_S = 1.5          # between two turns: a person thinks
INTERRUPT_EVERY = 5
MIB = 1024.0
HOUR = 3600.0
SETTLED = 600.0        # of an hour; of a shorter one a sixth
SAYS_S = 0.8


class Usage:
    """Memory (anonymous pages: what a program has for itself) and descriptors of every process of the run."""

    def __init__(self, rig: Rig, every_s: float):
        self._rig, self._every = rig, every_s
        self.memory: dict[str, list[tuple[float, float]]] = {}
        self.resident: dict[str, list[tuple[float, float]]] = {}
        self.files: dict[str, list[tuple[float, float]]] = {}
        self._next = 0.0
        self._supervisor = rig.prot.status()["supervisor"]["pid"]

    def sample(self, now: float, begin: float) -> None:
        if now < self._next:
            return
        self._next = now + self._every
        for name, pid in {**self._rig.pids(), "supervisor": self._supervisor}.items():
            fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
            kib = {key: int(fields[key].split()[0]) for key in ("RssAnon", "VmRSS")}
            self.memory.setdefault(name, []).append((now - begin, kib["RssAnon"] / MIB))
            self.resident.setdefault(name, []).append((now - begin, kib["VmRSS"] / MIB))
            count = sum(1 for _ in pathlib.Path(f"/proc/{pid}/fd").iterdir())
            self.files.setdefault(name, []).append((now - begin, float(count)))


def settled(points, from_s: float):
    return [(at, value) for at, value in points if at >= from_s]


class Loop:
    def __init__(self, rig: Rig):
        self.rig = rig
        self.turns = self.lost = 0
        self.waits: list[float] = []

    def turn(self, interrupt: bool) -> None:
        rig, question = self.rig, self.rig.question()
        rig.prepare(question, Answer(rig.reply(40 if interrupt else 9), first_ms=80), SAYS_S, 0.05)
        mark = rig.events.mark()
        said = rig.say(question, SAYS_S)
        self.turns += 1
        try:
            audible = rig.events.wait("audible", mark, 10)
            self.waits.append(audible["at_ns"] / 1e9 - said.end)
            if interrupt:
                return time.sleep(1.2)
            over = rig.events.wait("turn", mark, 20, lambda e: e["turn"] == audible["turn"])
            self.lost += over["heard"].strip(" .") != question or not over["reply"]
        except TimeoutError as error:
            self.lost += 1
            print(f"  turn {self.turns}: {error}")

    def forget(self) -> None:
        now = time.monotonic()
        for ear in (self.rig.loudspeaker, self.rig.microphone):
            ear.forget_before(now - 20)
        self.rig.events.forget()
        self.rig.services.forget_requests()
        self.rig.services.forget_answers()


def rows(scale) -> list[Row]:
    length = scale.soak_s
    # With a real database: one in memory grows with every turn.
    real = {"memory.store": "postgres", "memory.database_url": ""}
    with Rig("soak", real, fragment_ms=40, seed=5) as rig:
        loop, usage = Loop(rig), Usage(rig, min(SAMPLE_S, length / 20))
        late = sum(ring["late_wakes"] for ring in rig.prot.status()["rings"])
        begin = time.monotonic()
        while (now := time.monotonic()) < begin + length:
            usage.sample(now, begin)
            interrupt = loop.turns % INTERRUPT_EVERY == INTERRUPT_EVERY - 1
            loop.turn(interrupt)
            if not interrupt:
                loop.forget()
                time.sleep(PAUSE_S)
        status = rig.prot.status()
        errors, restarts = rig.services.errors(), rig.restarts()
    late = sum(ring["late_wakes"] for ring in status["rings"]) - late
    drops = sum(ring["drops"] for ring in status["rings"])
    from_s = SETTLED if length >= HOUR else length / 6
    return told(loop, usage, from_s, length, late, drops, restarts + len(errors))


def told(loop: Loop, usage: Usage, from_s: float, length: float, late: int, drops: int, faults: int) -> list[Row]:
    made = []
    for name in (*STAGES, "supervisor"):
        points = settled(usage.memory[name], from_s)
        resident = usage.resident[name]
        made.append(Row("h", f"{name}: growth after {from_s / 60:.1f} min, over {length / 60:.1f} min",
                        round(slope(points) * HOUR, 3), "MiB/h", "<= 1" if length >= HOUR else "",
                        {"MiB": round(points[-1][1], 2), "resident": round(resident[-1][1], 1)}))
    grown = {name: int(points[-1][1] - settled(points, from_s)[0][1]) for name, points in usage.files.items()}
    made += [Row("h", "descriptors more at the end than after that time, the worst program", max(grown.values()), "", "<= 0",
                 {name: count for name, count in grown.items() if count > 0}),
             Row("h", "late wakes", late, "", "== 0", fact=True),
             Row("h", f"turns of {loop.turns} that were lost", loop.lost, "turns", "== 0", fact=True),
             Row("h", "frames that were dropped", drops, "frames", "== 0", fact=True),
             Row("h", "speech end -> audible by the player's account, p50",
                 round(1000 * percentile(loop.waits, 0.5), 1), "ms", "", {"p99": round(1000 * percentile(loop.waits, 0.99), 1)}),
             Row("h", "faults of the services, stages that were started again", faults, "", "== 0", fact=True)]
    return made
