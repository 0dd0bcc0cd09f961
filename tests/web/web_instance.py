"""An instance with the real prot-web, and what its tests ask it with."""
import http.client
import json
import os
import pathlib
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "supervisor"))
from instance import ALONE, STAGES, Instance, wait_for  # noqa: E402

PROGRAMS = pathlib.Path(os.environ["PROGRAMS"])
LIMIT = 20  # seconds, for what takes none
PACE = 0.04  # seconds between questions: prot-web answers 50 a second in the long run, and 429 beyond


def wait_for_web(what, condition, timeout=LIMIT):
    """As wait_for, of what is asked over HTTP: one that asks as fast as it can is refused, and so is whoever asks next."""
    until = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(PACE)
    return value


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=LIMIT)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(LIMIT)
        self.sock.connect(str(self.path))


class WebInstance(Instance):
    """The stages that are not `real` are fixtures."""

    def __init__(self, real=(), settings=ALONE, web=(), **orders):
        self.port = free_port()
        own = ["--set", "web.enabled=true", "--set", f"web.port={self.port}", "--set", "web.socket=true"]
        for setting in web:
            own += ["--set", setting]
        super().__init__(stages=[s for s in STAGES if s not in real], settings=[*settings, *own], **orders)
        for stage in (*real, "web"):
            (self.stages / f"prot-{stage}").symlink_to(PROGRAMS / stage / f"prot-{stage}")
        self.socket = self.runtime / "web.sock"

    def answer(self, path, method="GET", by_socket=False, headers=None, body=None):
        """(status, headers, text); None: nobody listens."""
        connection = UnixConnection(self.socket) if by_socket else http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=LIMIT)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            got = connection.getresponse()
            return got.status, got.headers, got.read().decode()
        except (ConnectionError, FileNotFoundError):
            return None
        finally:
            connection.close()

    def page(self, path, **how):
        """A page that is there, as JSON."""
        status, _, text = wait_for_web(f"an answer to {path}", lambda: self.answer(path, **how))
        assert status == 200, (path, status, text)
        return json.loads(text)

    def up_and_ready(self):
        """What it shows is up to a quarter of a second old."""
        self.up()
        wait_for_web("all ready", lambda: (self.answer("/ready") or (0,))[0] == 200)

    def pids(self):
        return {stage["name"]: stage["pid"] for stage in self.status()["stages"]}


class WebSocket:
    """A client's end (RFC 6455), as simple as it can be: text both ways, no fragments."""

    def __init__(self, port, path, origin=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        origin = f"Origin: {origin}\r\n" if origin else ""
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{origin}\r\n".encode())
        self.buffer = b""
        head = self.until(b"\r\n\r\n")
        self.status = int(head.split()[1])
        self.head = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:])

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.socket.close()

    def fill(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed")
        self.buffer += data

    def until(self, end):
        while end not in self.buffer:
            self.fill()
        head, self.buffer = self.buffer.split(end, 1)
        return head.decode()

    def take(self, size):
        while len(self.buffer) < size:
            self.fill()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def send(self, **message):
        data = json.dumps(message, ensure_ascii=False).encode()
        mask = b"\x01\x02\x03\x04"
        size = (bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0x80 | 126]) + len(data).to_bytes(2, "big")
                if len(data) < 65536 else bytes([0x80 | 127]) + len(data).to_bytes(8, "big"))
        self.socket.sendall(b"\x81" + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def receive(self):
        """The next message, as JSON."""
        while True:
            opcode, size = self.take(1)[0] & 15, self.take(1)[0]
            if size >= 126:
                size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
            data = self.take(size)
            if opcode == 8:
                raise ConnectionError(f"closed by the server: {int.from_bytes(data[:2], 'big')}")
            if opcode == 1:
                return json.loads(data)

    def reply(self):
        """Everything up to the end of a reply: [types], its last message."""
        types = []
        while True:
            message = self.receive()
            types.append(message["type"])
            if message["type"] in ("done", "error"):
                return types, message


class Events:
    """A listener of /events."""

    def __init__(self, port, path="/events"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode())
        self.file = self.socket.makefile("r", encoding="utf-8", newline="\n")
        self.head = []
        while (line := self.file.readline().rstrip("\r\n")):
            self.head.append(line)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.file.close()
        self.socket.close()

    def next(self):
        """(event, data), comments and retry left out."""
        event = data = None
        while (line := self.file.readline()):
            line = line.rstrip("\n")
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                data = json.loads(line[6:])
            elif not line and event:
                return event, data
        raise ConnectionError("the stream ended")

    def until(self, wanted):
        limit = threading.Timer(LIMIT, lambda: self.socket.shutdown(socket.SHUT_RDWR))  # comments keep it alive
        limit.start()
        try:
            while True:
                event, data = self.next()
                if event == wanted:
                    return data
        finally:
            limit.cancel()
