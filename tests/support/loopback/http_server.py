"""HTTP/1.1 on 127.0.0.1 for services that must be able to misbehave: the handler writes every byte itself.

One asyncio loop in a thread of its own (`Loop`); a `Server` reads whole requests and keeps a `Record` of each. What a
record says is final once `done` is true; the fields are only ever written by the loop's thread.
"""
import asyncio
import dataclasses
import random
import socket
import struct
import threading
import time

SECRET_HEADERS = ("authorization", "x-api-key", "xi-api-key", "cookie", "proxy-authorization")
MAX_BODY = 64 << 20
SLICE = 0.01  # how often a sleeping handler looks whether its peer is still there


class PeerGone(Exception):
    """The client closed its connection before the answer was complete."""


@dataclasses.dataclass
class Record:
    """One request, as seen from the server. Times are CLOCK_MONOTONIC, seconds; 0: not yet."""
    number: int
    path: str
    headers: dict
    body: object = None  # whatever the service makes of it
    kind: str = ""
    status: int = 0
    received: float = 0.0
    first_byte: float = 0.0
    first_text: float = 0.0  # of a model's answer
    last_byte: float = 0.0
    sent: str = ""  # text of the answer that went out
    fault: str = ""
    closed_early: bool = False
    closed_at: float = 0.0
    dropped: bool = False  # by us
    done: bool = False


def masked(headers: dict) -> dict:
    return {name: "***" if name in SECRET_HEADERS else value for name, value in headers.items()}


class Exchange:
    """One request and the connection that waits for its answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, path: str,
                 headers: dict, body: bytes, record: Record):
        self._reader = reader
        self._writer = writer
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.record = record
        self.chunked = False
        self.small_writes = False
        self.body_delay = 0.0  # s between the headers and a whole body
        self.keep_alive = headers.get("connection", "").lower() != "close"
        self._random = random.Random(record.number)  # the same split in every run

    # -- the peer -----------------------------------------------------------------------------------------------
    def _look(self) -> None:
        if self._reader.at_eof() or self._reader.exception() is not None or self._writer.is_closing():
            self.peer_gone()

    def peer_gone(self) -> None:
        """The client has ended it: of an upgraded connection, which has no other end."""
        if not self.record.dropped:
            self.record.closed_early = True
            self.record.closed_at = time.monotonic()
        raise PeerGone

    async def read_some(self) -> bytes:
        """What comes on an upgraded connection; empty: its end."""
        try:
            return await self._reader.read(65536)
        except ConnectionError:
            return b""

    async def sleep(self, seconds: float) -> None:
        """Raises PeerGone as soon as nobody waits for the answer any more."""
        until = time.monotonic() + seconds
        self._look()
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, SLICE))
            self._look()

    async def hang(self) -> None:
        """Until the peer gives up."""
        while True:
            await self.sleep(3600)

    # -- the answer ---------------------------------------------------------------------------------------------
    async def write(self, data: bytes) -> None:
        """Raw bytes; in pieces of 1 to 7 bytes when that fault is on."""
        if not data:
            return
        self._look()
        if self.record.first_byte == 0:
            self.record.first_byte = time.monotonic()
        try:
            if self.small_writes:
                at = 0
                while at < len(data):
                    size = self._random.randint(1, 7)
                    self._writer.write(data[at:at + size])
                    await self._writer.drain()
                    await asyncio.sleep(0)  # a segment of its own: TCP_NODELAY is on
                    at += size
            else:
                self._writer.write(data)
                await self._writer.drain()
        except ConnectionError:
            self._look()
            raise PeerGone from None
        self.record.last_byte = time.monotonic()

    async def begin(self, status: int, content_type: str, length: int | None = None,
                    headers: dict | None = None) -> None:
        """Status line and headers; without a length the body is chunked."""
        self.record.status = status
        self.chunked = length is None
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", f"Content-Type: {content_type}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        lines.append("Transfer-Encoding: chunked" if self.chunked else f"Content-Length: {length}")
        if not self.keep_alive:
            lines.append("Connection: close")
        await self.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def body_part(self, data: bytes) -> None:
        if data:
            await self.write(b"%x\r\n%s\r\n" % (len(data), data) if self.chunked else data)

    async def end(self) -> None:
        if self.chunked:
            await self.write(b"0\r\n\r\n")

    async def answer(self, status: int, content_type: str, body: bytes, headers: dict | None = None) -> None:
        await self.begin(status, content_type, len(body), headers)
        if self.body_delay:
            await self.sleep(self.body_delay)
        await self.body_part(body)

    def reset(self) -> None:
        """TCP RST: what the kernel still holds is lost too."""
        self.record.dropped = True
        reset_connection(self._writer)


def reset_connection(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None and not writer.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           411: "Length Required", 422: "Unprocessable Entity", 429: "Too Many Requests",
           500: "Internal Server Error", 503: "Service Unavailable", 529: "Overloaded"}


class Server:
    """Listens on 127.0.0.1, port 0. `handle(exchange)` is a coroutine; `tell(kind, record)` hears of "request",
    "answered" and "closed" (by the peer, early) on the loop's thread."""

    def __init__(self, handle, tell=None):
        self._handle = handle
        self._tell = tell or (lambda _kind, _record: None)
        self._writers: dict[asyncio.StreamWriter, Record | None] = {}
        self._tasks: set[asyncio.Task] = set()
        self.records: list[Record] = []
        self.port = 0
        self.connections = 0  # accepted so far
        self.errors: list[str] = []  # of the service itself; a test must look at them

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def drop(self) -> int:
        """Resets every open connection; returns how many there were."""
        writers = list(self._writers)
        for writer in writers:
            record = self._writers[writer]
            if record is not None:
                record.dropped = True
            reset_connection(writer)
        return len(writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        self._writers[writer] = None
        self.connections += 1
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the peer's business, or the end of the service
        finally:
            del self._writers[writer]
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _version = first.split(" ", 2)
        headers = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if colon:
                headers[name.strip().lower()] = value.strip()
        if "chunked" in headers.get("transfer-encoding", "").lower():
            body = await read_chunks(reader)
        else:
            body = await reader.readexactly(min(int(headers.get("content-length", "0")), MAX_BODY))
        record = Record(len(self.records) + 1, path, masked(headers), received=time.monotonic())
        self.records.append(record)
        self._writers[writer] = record
        exchange = Exchange(reader, writer, method, path, headers, body, record)
        try:
            await self._handle(exchange)
            await writer.drain()
        except PeerGone:
            pass
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:  # a defect of the service or of its script: it must not look like prot's
            self.errors.append(f"{path}: {type(error).__name__}: {error}")
            exchange.keep_alive = False
        finally:
            record.done = True
            self._writers[writer] = None
        self.ended(record)
        return exchange.keep_alive and not record.closed_early and not record.dropped

    def request_known(self, record: Record) -> None:
        """The handler has understood the request."""
        self._tell("request", record)

    def ended(self, record: Record) -> None:
        """Nothing more comes of it."""
        self._tell("closed" if record.closed_early else "answered", record)


class RawServer(Server):
    """Without HTTP: a connection is one record, and `handle(reader, exchange)` has all of it. `name` is for errors."""

    def __init__(self, handle, tell=None, name: str = ""):
        super().__init__(handle, tell)
        self._name = name

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        record = Record(len(self.records) + 1, "", {}, received=time.monotonic())
        self.records.append(record)
        self._writers[writer] = record
        try:
            await self._handle(reader, Exchange(reader, writer, "", "", {}, b"", record))
            await writer.drain()
        except PeerGone:
            pass
        except asyncio.IncompleteReadError:  # in the middle of something
            record.closed_early, record.closed_at = True, time.monotonic()
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:  # a defect of the service, or a client that speaks something else
            self.errors.append(f"{self._name}: {type(error).__name__}: {error}")
        finally:
            record.done = True
            self._writers[writer] = None
            self.ended(record)
        return False


async def read_chunks(reader: asyncio.StreamReader) -> bytes:
    """A request's body without a length, as some clients send files."""
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += await reader.readexactly(min(size, MAX_BODY))
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return body


class Loop:
    """An asyncio loop in a thread. `call` runs a coroutine there and waits for it; `run` a plain function."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="loopback", daemon=True)
        self._thread.start()

    def call(self, coroutine, timeout: float = 10):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def run(self, function, *arguments):
        async def inside():
            return function(*arguments)
        return self.call(inside())

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


def body_of(raw: bytes) -> bytes:
    """The body behind the headers; chunks are put together."""
    head, _blank, body = raw.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head.lower():
        return body
    out = b""
    while body:
        size, _eol, body = body.partition(b"\r\n")
        out += body[:int(size or b"0", 16)]
        body = body[int(size or b"0", 16) + 2:]
    return out
