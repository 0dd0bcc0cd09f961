"""A prot instance in folders of its own, with fixture stages, for tests that watch it from outside."""
import glob
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

PROT = pathlib.Path(os.environ["PROT"])
FIXTURE = pathlib.Path(os.environ["FIXTURE_STAGE"])
STAGES = ["capture", "stt", "brain", "tts", "player", "memory"]
ALONE = ["--set", "llm.enabled=false", "--set", "memory.database_url=postgresql:///nowhere"]
NAMES = iter(range(10_000))


def wait_for(what, condition, timeout=10.0):
    """Polls: a process cannot be awaited that is not ours."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.002)
    raise AssertionError(f"not within {timeout} s: {what}")


def alive(pid):
    """A zombie does not live."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in "ZX"


def children_of(pid):
    found = []
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            fields = pathlib.Path(stat).read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.split("/")[2]))
    return found


class Instance:
    def __init__(self, stages=STAGES, settings=ALONE, **orders):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="prot-sup-"))
        self.folder.chmod(0o711)  # the database's user goes through it
        self.name = f"sup{os.getpid()}-{next(NAMES)}"
        self.settings = list(settings)
        self.stages = self.folder / "bin"
        self.stages.mkdir()
        for stage in stages:
            (self.stages / f"prot-{stage}").symlink_to(FIXTURE)
        self.state = self.folder / "state/prot" / self.name
        self.runtime = self.folder / "run/prot" / self.name
        for folder in ("run", "state", "config"):
            (self.folder / folder).mkdir()
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8", "PROT_INSTANCE": self.name,
            "XDG_RUNTIME_DIR": str(self.folder / "run"), "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_CONFIG_HOME": str(self.folder / "config"), "XDG_CACHE_HOME": str(self.folder / "cache"),
            "PROT_STAGE_FOLDER": str(self.stages)}
        self.environment |= {name: value for name, value in os.environ.items()  # of instrumented builds
                             if name.endswith("SAN_OPTIONS") or name.startswith("GCOV_")}
        self.order(**orders)
        self.processes = []

    def order(self, **orders):
        for name, value in orders.items():
            self.environment["PROT_FIXTURE_" + name.upper()] = str(value)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.run("down", "--now", timeout=60)
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
        for segment in self.segments():
            os.unlink(segment)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *arguments, timeout=90, program=None):
        return subprocess.run([program or PROT, *arguments], env=self.environment, capture_output=True, text=True,
                              timeout=timeout, stdin=subprocess.DEVNULL)

    def spawn(self, *arguments, program=None):
        process = subprocess.Popen([program or PROT, *arguments], env=self.environment, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.processes.append(process)
        return process

    def up(self):
        done = self.run("up", "-d", *self.settings)
        assert done.returncode == 0, done.stderr
        return done

    def status(self):
        done = self.run("status", "--json")
        return json.loads(done.stdout) if done.returncode in (0, 6) else None  # 6: degraded

    def stage(self, name):
        return next(s for s in self.status()["stages"] if s["name"] == name)

    def supervisor(self):
        return self.status()["supervisor"]["pid"]

    def kill_supervisor(self):
        """SIGKILL; returns the pids of its children and when it was sent."""
        pid = self.supervisor()
        children = children_of(pid)
        os.kill(pid, signal.SIGKILL)
        return children, time.monotonic()

    def segments(self):
        return glob.glob(f"/dev/shm/prot.{self.name}.*")

    def log(self, stage="supervisor"):
        """Messages, oldest first."""
        return [json.loads(line)["msg"] for line in self.run("logs", "--json", "-n", "5000", stage).stdout.splitlines()]
