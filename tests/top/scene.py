"""An instance played by top-scene, and terminals in tmux, for tests that look at prot-top from outside."""
import glob
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

TOP = os.environ["PROT_TOP"]
SCENE = os.environ["TOP_SCENE"]
NAMES = iter(range(10_000))
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8",
               **{name: value for name, value in os.environ.items()  # of instrumented builds
                  if name.endswith("SAN_OPTIONS") or name.startswith("GCOV_")}}


def wait_for(what, condition, timeout=10.0):
    """Polls: what another program draws cannot be awaited."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"not within {timeout} s: {what() if callable(what) else what}")


class Scene:
    def __init__(self):
        self.name = f"topscene{os.getpid()}-{next(NAMES)}"
        self.process = subprocess.Popen([SCENE, self.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ok\n"

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.stdin.close()
            self.process.wait(10)
        self.process.stdin.close()
        self.process.stdout.close()
        for segment in glob.glob(f"/dev/shm/prot.{self.name}.*"):
            os.unlink(segment)

    def order(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        assert text == "leave" or self.process.stdout.readline() == "ok\n"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def arguments(self, *arguments):
        return [TOP, "--instance", self.name, *arguments]

    def top(self, *arguments, environment=None, **options):
        return subprocess.run(self.arguments(*arguments), env=environment or ENVIRONMENT, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, **{"timeout": 60, **options})

    def json(self, *arguments, **options):
        done = self.top("--json", *arguments, **options)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


class Terminal:
    """A shell in a tmux of its own."""

    def __init__(self, width=100, height=24, **environment):
        self.folder = tempfile.TemporaryDirectory(prefix="prot-tmux-")
        self.socket = str(pathlib.Path(self.folder.name) / "socket")
        set_ = [f"{name}={value}" for name, value in environment.items()]
        self.tmux("new-session", "-d", "-x", str(width), "-y", str(height),
                  "env PS1='$ ' " + " ".join(set_) + " bash --norc --noprofile -i")
        self.tmux("set-option", "-g", "window-size", "manual")
        self.waits("$")

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.tmux("kill-server")
        self.folder.cleanup()

    def tmux(self, *arguments):
        done = subprocess.run(["tmux", "-f", "/dev/null", "-S", self.socket, *arguments], env=ENVIRONMENT, text=True,
                              capture_output=True, timeout=30)
        assert done.returncode == 0, f"tmux {arguments}: {done.stderr}"
        return done.stdout

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def run(self, arguments):
        self.keys("clear; " + " ".join(arguments) + "; echo ended $?", "Enter")

    def resize(self, width, height):
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def lines(self):
        return self.tmux("capture-pane", "-p").split("\n")[:-1]

    def text(self):
        return self.tmux("capture-pane", "-p")

    def escapes(self):
        return self.tmux("capture-pane", "-p", "-e")

    def waits(self, part, timeout=10.0):
        wait_for(lambda: f"{part!r} on the screen:\n{self.text()}", lambda: part in self.text(), timeout)
