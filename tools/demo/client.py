"""prot seen from outside: its command line, its chat socket and its database."""
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import threading
import time


def end_by_signal() -> None:
    """TERM and HUP end a program like Ctrl-C: by way of its clean-up."""
    def interrupt(_signal, _frame):
        raise KeyboardInterrupt
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


class Prot:
    def __init__(self, binaries: pathlib.Path, instance: str, settings: dict, environment: dict):
        self.binaries = binaries
        self.instance = instance
        self.settings = settings
        self.environment = environment

    def command(self, *arguments: str, timeout: float = 180) -> subprocess.CompletedProcess:
        return subprocess.run([self.binaries / "prot", "--instance", self.instance, *arguments],
                              env=self.environment, capture_output=True, text=True, timeout=timeout)

    def up(self) -> float:
        """Starts prot; returns the seconds it took. Raises RuntimeError with what prot said."""
        begin = time.monotonic()
        options = [o for key, value in self.settings.items() for o in ("--set", f"{key}={value}")]
        done = self.command("up", "-d", *options)
        if done.returncode != 0:
            raise RuntimeError(f"prot up failed ({done.returncode}):\n{done.stderr}{done.stdout}".strip())
        return time.monotonic() - begin

    def down(self) -> str:
        done = self.command("down")
        if done.returncode not in (0, 7):
            raise RuntimeError(f"prot down failed ({done.returncode}): {(done.stderr or done.stdout).strip()}")
        return done.stdout + done.stderr

    def status(self) -> dict:
        done = self.command("status", "--json")
        if done.returncode not in (0, 6):  # 6: degraded
            raise RuntimeError(f"prot status failed: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def forget_everything(self) -> None:
        """Removes the state of this instance, its database included. It must not be running."""
        if self.command("status").returncode in (0, 6):
            raise RuntimeError(f"instance '{self.instance}' is running; stop it first: prot --instance {self.instance} down")
        home = self.environment.get("HOME", "/")
        root = self.environment.get("XDG_STATE_HOME") or f"{home}/.local/state"
        for folder in (pathlib.Path(root) / "prot", pathlib.Path("/var/lib/prot")):
            shutil.rmtree(folder / self.instance, ignore_errors=True)

    @property
    def runtime(self) -> pathlib.Path:
        root = self.environment.get("XDG_RUNTIME_DIR") or f"{self.environment.get('TMPDIR', '/tmp')}/prot-{os.getuid()}"
        return pathlib.Path(root) / "prot" / self.instance

    def facts(self) -> int:
        """Facts in the database; -1 when it cannot be asked."""
        psql = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/psql"))
        program = str(psql[-1]) if psql else "psql"
        done = subprocess.run([program, "-h", str(self.runtime / "db"), "-U", "prot", "-d", "prot", "-Atc",
                               "SELECT count(*) FROM fact"], capture_output=True, text=True)
        return int(done.stdout) if done.returncode == 0 else -1


class Events:
    """The event stream of brain's chat socket; reconnects when brain is restarted."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.queue: queue.Queue = queue.Queue()
        self.subscribed = threading.Event()
        self._stopping = False
        self._socket = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping:
            try:
                with socket.socket(socket.AF_UNIX) as connection:
                    self._socket = connection
                    connection.connect(str(self.path))
                    connection.sendall(b'{"type":"subscribe"}\n')
                    self.subscribed.set()
                    for line in connection.makefile("rb"):
                        self.queue.put(json.loads(line))
            except (OSError, ValueError):
                time.sleep(0.1)

    def next(self, timeout: float) -> dict | None:
        try:
            return self.queue.get(timeout=max(0.0, timeout))
        except queue.Empty:
            return None

    def stop(self) -> None:
        self._stopping = True
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            pass
        self._thread.join(2)
