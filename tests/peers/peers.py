"""What the tests against foreign peers have in common. The packages are in $PEERS/node_modules and
$PEERS/python (tools/setup/peers.sh), prot's programs in $PROT_BIN."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tests" / "supervisor")]
PEERS = pathlib.Path(os.environ["PEERS"])
PYTHON = PEERS / "python"
PROT_BIN = pathlib.Path(os.environ["PROT_BIN"])
NODE = os.environ.get("PEERS_NODE", "node")


def run_client(action: str, options: dict, seconds: float = 60) -> dict:
    """One use of an official package; what it says of it."""
    done = subprocess.run([NODE, HERE / "clients.cjs", action, json.dumps(options)], capture_output=True, text=True, timeout=seconds,
                          stdin=subprocess.DEVNULL)
    if not done.stdout.startswith("{"):
        raise AssertionError(f"{action}: node ended with {done.returncode}: {done.stderr.strip()[-600:]}")
    return json.loads(done.stdout)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Process:
    """A foreign server; `ready` is asked until it says so. Use as a context manager."""

    def __init__(self, arguments: list, ready, seconds: float = 60, environment: dict | None = None):
        self._arguments = [str(a) for a in arguments]
        self._ready = ready
        self._seconds = seconds
        self._environment = environment

    def __enter__(self):
        self._said = tempfile.TemporaryFile()
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *self._arguments], stdin=subprocess.DEVNULL,
                                        stdout=self._said, stderr=self._said, env=self._environment)
        until = time.monotonic() + self._seconds
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > until:
                self._said.seek(0)
                said = self._said.read()
                self.__exit__()
                raise AssertionError(f"{self._arguments[0]} does not serve: {said[-600:]!r}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_error):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._said.close()


def main() -> None:
    """Says what failed, and "N passed, N failed" as its last line. Skipped tests are named, and are neither."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C: what was started is ended
        signal.signal(number, signal.default_int_handler)
    names = sys.argv[1:]
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromNames(names) if names else loader.discover(str(HERE), "*_test.py")
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite)
    failed = {getattr(test, "test_case", test).id() for test, _ in [*result.failures, *result.errors]}
    for test, why in result.skipped:
        print(f"skipped: {test.id()}: {why}")
    passed = max(0, result.testsRun - len(failed) - len(result.skipped))
    print(f"{passed} passed, {len(failed)} failed")
    sys.exit(0 if passed and not failed else 1)


if __name__ == "__main__":
    main()
