"""What fuzz.py and long_run.py share: the targets of a build, and one run of one of them.

A target NAME is BUILD/tests/fuzz/NAME_fuzz; its committed inputs are in corpora/NAME, words that help it in
dictionaries/NAME. Inputs that reach something new go into a folder of the caller's.
"""
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
CORPORA = HERE / "corpora"
MAX_LEN = {"ring": 70000}  # a whole segment
USUAL_LEN = 4096
RSS_MB = 2048
INPUT_S = 25  # that one input may take, on a machine that does other work as well


class Run:
    """What came of a run."""

    def __init__(self, name, status, output, crashes, processor_s=0):
        self.name = name
        self.status = status
        self.output = output
        self.crashes = crashes  # inputs that were kept
        self.processor_s = processor_s
        self.executions = self._number(r"stat::number_of_executed_units:\s*(\d+)") or self._number(r"#(\d+)\s+\S+\s+cov:")
        self.seconds = self._number(r"Done \d+ runs in (\d+) second")
        self.coverage = self._number(r"cov: (\d+)")
        self.features = self._number(r"ft: (\d+)")

    def _number(self, pattern):
        found = re.findall(pattern, self.output)
        return int(found[-1]) if found else 0

    @property
    def passed(self):
        return self.status == 0 and self.executions > 0

    def line(self):
        speed = self.executions // max(self.seconds, 1)
        return (f"{self.name}: {self.executions} inputs, {speed} a second, {self.coverage} edges, "
                f"{self.features} features" + ("" if self.passed else f": FAILED (status {self.status})"))

    def complaint(self):
        """What the target said of the fault, without its progress."""
        lines = [line for line in self.output.splitlines() if not re.match(r"#\d+\s", line)]
        return "\n".join(lines[-50:])


def targets(build):
    """Names of all that are built."""
    folder = pathlib.Path(build, "tests/fuzz")
    return sorted(path.name.removesuffix("_fuzz") for path in folder.glob("*_fuzz") if path.is_file())


def chosen(parser, names, only):
    """`only` of `names`, or all of them; one that is not there is a mistake of who called."""
    if unknown := set(only or []) - set(names):
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    return only or names


def arguments(build, name, seconds, found, kept):
    """The command line of a run. `found`: where new inputs go; `kept`: where those of faults go."""
    dictionary = HERE / "dictionaries" / name
    return [str(pathlib.Path(build, f"tests/fuzz/{name}_fuzz")), str(found), str(CORPORA / name),
            f"-max_total_time={seconds}", f"-max_len={MAX_LEN.get(name, USUAL_LEN)}", f"-timeout={INPUT_S}",
            f"-report_slow_units={INPUT_S}",
            f"-rss_limit_mb={RSS_MB}", f"-artifact_prefix={kept}/{name}-", "-print_final_stats=1",
            *([f"-dict={dictionary}"] if dictionary.exists() else [])]


class Runner:
    """Runs targets, from any thread; stop() ends all of them, and nothing begins any more."""

    def __init__(self, build, found, kept):
        self.build = build
        self.found = pathlib.Path(found)
        self.kept = pathlib.Path(kept)
        self._lock = threading.RLock()  # stop() may come between any two lines of the same thread, from a signal
        self._running = set()
        self._stopped = False

    def run(self, name, seconds):
        """For so long, or until it finds a fault."""
        found = self.found / name
        for folder in (found, self.kept):
            folder.mkdir(parents=True, exist_ok=True)
        before = set(self.kept.glob(f"{name}-*"))
        # The target's own folders and sockets go with it, whatever becomes of it.
        with tempfile.TemporaryDirectory(prefix="prot-fuzz-") as temporary:
            with self._lock:
                if self._stopped:
                    return Run(name, -signal.SIGTERM, "it was not begun", [])
                # Not even SIGKILL to this script leaves it behind.
                process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL",
                                            *arguments(self.build, name, seconds, found, self.kept)],
                                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                           text=True, errors="replace", env=dict(os.environ, TMPDIR=temporary))
                self._running.add(process)
            with process.stdout:
                output = process.stdout.read()
            with self._lock:
                self._running.discard(process)  # before it is reaped: stop() has no pid that is another's
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        crashes = sorted(set(self.kept.glob(f"{name}-*")) - before)
        run = Run(name, process.returncode, output, crashes, usage.ru_utime + usage.ru_stime)
        if crashes and all(path.name.startswith(f"{name}-timeout-") and self._is_quick(name, path) for path in crashes):
            for path in crashes:
                path.unlink()
            run.status, run.crashes = 0, []
        return run

    def _is_quick(self, name, path):
        """A target's clock is the wall's: at idle priority it may have waited for the processor for all of its time."""
        with tempfile.TemporaryDirectory(prefix="prot-fuzz-") as temporary:
            command = ["setpriv", "--pdeathsig", "KILL", "prlimit", f"--cpu={INPUT_S}",
                       str(pathlib.Path(self.build, f"tests/fuzz/{name}_fuzz")), str(path), "-timeout=0"]
            return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env=dict(os.environ, TMPDIR=temporary), check=False).returncode == 0

    @property
    def stopped(self):
        return self._stopped

    def stop(self):
        with self._lock:
            self._stopped = True
            for process in self._running:
                os.kill(process.pid, signal.SIGKILL)
