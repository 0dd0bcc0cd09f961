"""prot, runit and s6, each over the same six trivial children."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from instance import PROT, STAGES, Instance
from machine import Control, Stamps, children, descendants, kill, lives, now, reap, rss_bytes, wait_for

TRIVIAL = pathlib.Path(os.environ["TRIVIAL_STAGE"])
PROBE = pathlib.Path(os.environ["BOARD_PROBE"])
FOR_RUNIT = ("runsvdir", "runsv", "sv")
FOR_S6 = ("s6-svscan", "s6-supervise", "s6-svc", "s6-svstat", "s6-svscanctl")


class Supervised:
    """Six children by name, each known by its newest stamp."""

    name = ""

    def __init__(self):
        self.pids: dict[str, int] = {}
        self.born: dict[str, int] = {}
        self.stamps: Stamps | None = None

    def note(self, stamp) -> None:
        child, pid, when = stamp
        self.pids[child], self.born[child] = pid, when

    def await_all(self, timeout: float = 20) -> None:
        while set(self.pids) != set(STAGES):
            stamp = self.stamps.next(timeout)
            if stamp is None:
                raise TimeoutError(f"{self.name}: only {sorted(self.pids)} were started")
            self.note(stamp)

    def await_child(self, child: str, timeout: float = 20) -> int:
        """When its next process reached main()."""
        self.pids[child], self.born[child] = self.stamps.of(child, timeout)
        return self.born[child]

    def drain_stamps(self) -> None:
        for stamp in self.stamps.all():
            self.note(stamp)

    def age(self, child: str) -> float:
        return (now() - self.born[child]) / 1e9

    def own(self) -> list[int]:
        """Its own processes."""
        raise NotImplementedError

    def prepare(self, child: str) -> None:
        """Before a measured kill, well before: what makes a history of kills forgotten."""

    def alive(self) -> int:
        return sum(map(lives, self.pids.values()))

    def rss(self) -> int:
        return sum(map(rss_bytes, self.own()))


class Prot(Supervised):
    name = "prot"

    def __init__(self, stages=None, settings=None, **orders):
        """`stages`: programs instead of the trivial one, by name."""
        super().__init__()
        self.instance = Instance(**({"settings": settings} if settings is not None else {}), **orders)
        for stage in STAGES:
            program = (stages or {}).get(stage, TRIVIAL)
            link = self.instance.stages / f"prot-{stage}"
            link.unlink()
            link.symlink_to(program)
        self.stamps = Stamps(self.instance.folder / "stamps")
        self.instance.order(stamps=self.stamps.path)
        self.probe = self.control = None
        self.pid = 0

    def __enter__(self):
        return self

    def disconnect(self):
        if self.control is not None:
            self.control.close()
        if self.probe is not None:
            self.probe.stdin.close()
            self.probe.wait(5)
            self.probe.stdout.close()
        self.control = self.probe = None

    def __exit__(self, *_error):
        self.disconnect()
        if self.pid:
            left = descendants(self.pid)
            kill(self.pid)
            wait_for("prot is gone", lambda: not lives(self.pid) and not any(map(lives, left)))
            reap([self.pid, *left])
        self.instance.__exit__()
        self.stamps.close()

    def up(self):
        self.instance.up()
        self.connect()

    def connect(self):
        status = self.instance.status()
        self.pid = status["supervisor"]["pid"]
        board = f"prot.{self.instance.name}.{status['run']}.board"
        self.probe = subprocess.Popen([PROBE, board], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.control = Control(self.instance.runtime / "control.sock")

    def board(self) -> dict[str, dict]:
        self.probe.stdin.write("\n")
        self.probe.stdin.flush()
        programs = {}
        for word in self.probe.stdout.readline().split():
            name, pid, generation, state, started, ready = word.split(":")
            programs[name] = {"pid": int(pid), "generation": int(generation), "state": state,
                              "started": int(started), "ready": int(ready)}
        return programs

    def ready_at(self, child: str, after: int, timeout: float = 20, interval: float = 0.001) -> int:
        """When the process of `child` that was started after `after` was ready."""
        def ready():
            entry = self.board()[child]
            return entry["state"] == "ready" and entry["started"] >= after and entry["ready"]
        return wait_for(f"{child} ready", ready, timeout, interval)

    def own(self):
        return [self.pid]

    def prepare(self, child):
        reply = self.control.call(cmd="restart", stage=child)
        if "error" in reply:
            raise RuntimeError(reply["error"])
        if (self.instance.stages / f"prot-{child}").readlink() == TRIVIAL:
            self.await_child(child)
        else:
            self.born[child] = now()
            self.pids[child] = self.board()[child]["pid"]


class Runit(Supervised):
    name = "runit"
    readiness = ""

    def __init__(self, **orders):
        super().__init__()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"prot-{self.name}-"))
        self.stamps = Stamps(self.folder / "stamps")
        self.environment = {"PATH": os.environ["PATH"], "PROT_FIXTURE_STAMPS": str(self.stamps.path)}
        self.environment.update({"PROT_FIXTURE_" + key.upper(): str(value) for key, value in orders.items()})
        self.services = self.folder / "services"
        for stage in STAGES:
            service = self.services / stage
            service.mkdir(parents=True)
            (service / "run").symlink_to(TRIVIAL)
            self.describe(service)
        self.process = None
        self.helpers: list[int] = []

    def describe(self, service):
        pass

    def command(self):
        return ["runsvdir", str(self.services)]

    def __enter__(self):
        return self

    def up(self):
        self.process = subprocess.Popen(self.command(), env=self.environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.await_all()
        self.helpers = children(self.process.pid)

    def __exit__(self, *_error):
        if self.process is not None:
            everybody = descendants(self.process.pid)
            for pid in [self.process.pid, *everybody]:  # parents first: nobody is started again
                kill(pid)
            self.process.wait(5)
            # What was orphaned, and what the last stamps tell of, is ended as well.
            self.drain_stamps()
            for pid in self.pids.values():
                kill(pid)
            wait_for(f"{self.name} is gone", lambda: not any(map(lives, everybody)))
            reap({*everybody, *self.helpers, *self.pids.values()})
        self.stamps.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def own(self):
        return [self.process.pid, *children(self.process.pid)]

    def query(self, child):
        """A command that tells the state of one child, run to its end."""
        subprocess.run(["sv", "status", str(self.services / child)], stdout=subprocess.DEVNULL, check=True)

    def stop_child(self, child):
        """Asks for the end of one child; does not wait."""
        subprocess.run(["sv", "-w", "0", "down", str(self.services / child)], stdout=subprocess.DEVNULL, check=False)

    def stop_all(self):
        """As their manuals say; returns when the last child is gone."""
        deaths = list(self.pids.values())
        self.process.send_signal(signal.SIGHUP)  # TERM to every runsv
        wait_for("the children are gone", lambda: not any(map(lives, deaths)), 10, 0.0005)


class S6(Runit):
    name = "s6"

    def __init__(self, **orders):
        super().__init__(**orders)
        self.environment["PROT_READY_FD"] = "3"

    def describe(self, service):
        (service / "notification-fd").write_text("3\n")

    def command(self):
        return ["s6-svscan", str(self.services)]

    def query(self, child):
        subprocess.run(["s6-svstat", str(self.services / child)], stdout=subprocess.DEVNULL, check=True)

    def stop_child(self, child):
        subprocess.run(["s6-svc", "-d", str(self.services / child)], check=True)

    def stop_all(self):
        deaths = list(self.pids.values())
        subprocess.run(["s6-svscanctl", "-t", str(self.services)], check=True)
        wait_for("the children are gone", lambda: not any(map(lives, deaths)), 10, 0.0005)


def anchors_there() -> list[type]:
    """The anchors whose programs are installed."""
    found = []
    for kind, programs in ((Runit, FOR_RUNIT), (S6, FOR_S6)):
        if all(shutil.which(program) for program in programs):
            found.append(kind)
    return found
