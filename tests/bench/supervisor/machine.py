"""What the kernel says of processes, the stamps that trivial_stage writes, and a client of control.sock."""
import ctypes
import json
import os
import pathlib
import select
import signal
import socket
import struct
import time

MS = 1_000_000
SECOND = 1000 * MS


def now() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def fields(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third on; empty when it is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def lives(pid: int) -> bool:
    """A zombie does not live."""
    stat = fields(pid)
    return bool(stat) and stat[0] not in "ZX"


def name_of(pid: int) -> str:
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def children(pid: int) -> list[int]:
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except OSError:
            pass
    return found


def descendants(pid: int) -> list[int]:
    found = children(pid)
    for child in found:
        found += children(child)
    return found


def group(pgid: int) -> list[int]:
    """Living processes of a process group."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            stat = fields(int(entry.name))
            if stat and stat[0] not in "ZX" and int(stat[2]) == pgid:
                found.append(int(entry.name))
    return found


def zombies(pid: int) -> int:
    return sum(1 for child in children(pid) if (stat := fields(child)) and stat[0] == "Z")


def cpu_ns(pid: int) -> int:
    """Time on a CPU, of its main thread."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def status_field(pid: int, field: str) -> int:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise KeyError(field)


def rss_bytes(pid: int) -> int:
    return 1024 * status_field(pid, "VmRSS")


def wakes(pid: int) -> int:
    return status_field(pid, "voluntary_ctxt_switches")


def descriptors(pid: int) -> int:
    """Open descriptors but for files on a disk: a log is opened at a program's first line."""
    count = 0
    for file in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += not os.readlink(file).startswith("/")
        except OSError:
            pass
    return count


def kill(pid: int, number: int = signal.SIGKILL) -> bool:
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def wait_for(what: str, condition, timeout: float = 20.0, interval: float = 0.002):
    """Polls: what belongs to others cannot be awaited."""
    until = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise TimeoutError(f"not within {timeout} s: {what}")
        time.sleep(interval)


class Deaths:
    """Tells when processes of others end. Open it while they live."""

    def __init__(self, pids):
        self.fds = {}
        for pid in pids:
            try:
                self.fds[os.pidfd_open(pid)] = pid
            except ProcessLookupError:
                pass

    def wait(self, timeout: float) -> tuple[int, list[int]]:
        """When the last of them ended (0: none was there), and who still lives after `timeout` seconds."""
        poll = select.poll()
        for fd in self.fds:
            poll.register(fd, select.POLLIN)
        until, last, left = now() + int(timeout * SECOND), 0, dict(self.fds)
        while left and (rest := until - now()) > 0:
            for fd, _ in poll.poll(rest / MS):
                last = now()
                poll.unregister(fd)
                del left[fd]
        for fd in self.fds:
            os.close(fd)
        self.fds = {}
        return last, list(left.values())


def become_subreaper() -> None:
    """Orphans of our children become ours, so they can be counted."""
    if ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def reap(pids) -> None:
    """Of dead processes those that became ours."""
    for pid in pids:
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass


class Stamps:
    """The fifo that trivial stages write to: who was born, or answered a ping, when."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.rest = b""
        self.lines: list[tuple[str, int, int]] = []

    def next(self, timeout: float) -> tuple[str, int, int] | None:
        until = time.monotonic() + timeout
        while not self.lines:
            left = until - time.monotonic()
            if left < 0 or not select.select([self.fd], [], [], max(0.0, left))[0]:
                return None
            self.rest += os.read(self.fd, 65536)
            *whole, self.rest = self.rest.split(b"\n")
            for line in whole:
                name, pid, when = line.decode().split()
                self.lines.append((name, int(pid), int(when)))
        return self.lines.pop(0)

    def of(self, name: str, timeout: float) -> tuple[int, int]:
        """pid and time of the next stamp of that name; other names' are dropped."""
        until = time.monotonic() + timeout
        while (found := self.next(until - time.monotonic())) is not None:
            if found[0] == name:
                return found[1], found[2]
        raise TimeoutError(f"no stamp of {name} within {timeout} s")

    def all(self) -> list[tuple[str, int, int]]:
        found = []
        while (stamp := self.next(0)) is not None:
            found.append(stamp)
        return found

    def close(self) -> None:
        os.close(self.fd)


class Control:
    """A connection to control.sock: length, then JSON."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(200)
        self.socket.connect(str(path))

    def call(self, **request) -> dict:
        data = json.dumps(request).encode()
        self.socket.sendall(struct.pack("<I", len(data)) + data)
        return self.receive()

    def receive(self) -> dict:
        return json.loads(self.exactly(struct.unpack("<I", self.exactly(4))[0]))

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError("control.sock was closed")
            data += more
        return data

    def close(self) -> None:
        self.socket.close()
