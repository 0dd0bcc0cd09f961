"""A Wyoming server on 127.0.0.1 (Home Assistant's protocol): it recognises what a script says was spoken, as far as the
audio goes, and speaks in the same tones as the loopback of ElevenLabs' voice. As the real ones it closes behind a transcript."""
import asyncio
import dataclasses
import json
import time

from .elevenlabs_tts import Spoken, chunks_of
from .faults import Fault
from .http_server import Exchange, RawServer, Record
from .transcription_service import Utterance

VERSION = "1.9.0"
LONGEST_LINE = 64 << 10
CHUNK = 2048  # bytes of audio in an event


@dataclasses.dataclass
class Event:
    type: str
    data: dict
    payload: bytes = b""


def encoded(kind: str, data: dict | None = None, payload: bytes = b"", lengths: dict | None = None) -> bytes:
    """As the Python package writes it; `lengths` lies about them."""
    head: dict = {"type": kind, "version": VERSION}
    body = json.dumps(data, ensure_ascii=False).encode() if data else b""
    if body:
        head["data_length"] = len(body)
    if payload:
        head["payload_length"] = len(payload)
    return json.dumps(head | (lengths or {})).encode() + b"\n" + body + payload


class Connection:
    def __init__(self, reader: asyncio.StreamReader, exchange: Exchange):
        self._reader = reader
        self.exchange = exchange

    async def receive(self) -> Event | None:
        """The next event; nothing: the client has closed between two."""
        line = await self._reader.readline()
        if not line:
            return None
        if not line.endswith(b"\n"):
            raise asyncio.IncompleteReadError(line, None)
        if len(line) > LONGEST_LINE:
            raise ValueError("the client's line is longer than 64 KiB")
        head = json.loads(line)
        data = head.get("data") or {}
        if head.get("data_length"):
            data |= json.loads(await self._reader.readexactly(head["data_length"]))
        payload = await self._reader.readexactly(head.get("payload_length") or 0)
        return Event(head["type"], data, payload)

    async def send(self, kind: str, data: dict | None = None, payload: bytes = b"", lengths: dict | None = None) -> None:
        await self.exchange.write(encoded(kind, data, payload, lengths))


class WyomingService:
    """`utterance` is what was said last, `delay` the time that a transcript takes; `first` and `pace`: seconds before the
    first and between two words of speech; `fault` befalls every connection while it is set (`fault.times` of them). A
    record's `kind` is "transcription", "speech", "describe" or "other" (it asked nothing); its body has `language`, `name`,
    `seconds`, `shape` of an utterance, `text`, `voice` of a segment. All of the loop's thread."""

    def __init__(self, tell=None, tell_spoken=None, rate: int = 22050):
        self.server = RawServer(self._serve, tell, "wyoming")
        self.tell_spoken = tell_spoken or (lambda _kind, _spoken: None)
        self.rate = rate
        self.voices = ("en_US-loopback", "ko_KR-loopback")
        self.reset()

    def reset(self) -> None:
        self.delay = 0.0
        self.first = 0.08
        self.pace = 0.0
        self.fault: Fault | None = None
        self.faulted = 0
        self.spoken: list[Spoken] = []
        self.say(Utterance("", 0.0))
        self.server.records.clear()
        self.server.errors.clear()

    def say(self, utterance: Utterance) -> None:
        self.utterance = utterance

    def set_fault(self, fault: Fault | None) -> None:
        self.fault = fault
        self.faulted = 0

    def requests(self, kind: str = "transcription") -> list[Record]:
        return [r for r in self.server.records if r.kind == kind]

    def texts(self) -> list[Spoken]:
        return list(self.spoken)

    def next_fault(self) -> Fault | None:
        if self.fault is None or self.faulted >= self.fault.times:
            return None
        self.faulted += 1
        return self.fault

    # -- a connection -------------------------------------------------------------------------------------------
    async def _serve(self, reader: asyncio.StreamReader, exchange: Exchange) -> None:
        await self._handle(Connection(reader, exchange))

    async def _handle(self, connection: Connection) -> None:
        record = connection.exchange.record
        record.kind = "other"
        fault = self.fault if self.fault and self.faulted < self.fault.times else None
        if fault is not None and fault.kind == "refuse":
            self.next_fault()
            record.fault = fault.kind
            return connection.exchange.reset()
        asked: Event | None = None
        audio = bytearray()
        shape = (0, 0, 0)
        while True:
            event = await connection.receive()
            if event is None:
                return connection.exchange.peer_gone() if asked else None
            if event.type == "describe":
                record.kind = "describe"
                await connection.send("info", self._info())
            elif event.type == "ping":
                await connection.send("pong", event.data)
            elif event.type == "transcribe":
                asked = event
            elif event.type == "audio-start":
                audio.clear()
                shape = (event.data["rate"], event.data["channels"], event.data["width"])
                if await self._deaf(connection):
                    return
            elif event.type == "audio-chunk":
                audio += event.payload
            elif event.type == "audio-stop":
                seconds = len(audio) / (shape[0] * shape[1] * shape[2]) if shape[0] else 0.0
                return await self._transcribe(connection, asked, round(seconds, 3), shape)
            elif event.type == "synthesize":
                if not await self._speak(connection, event):
                    return

    def _info(self) -> dict:
        about = {"attribution": {"name": "prot", "url": ""}, "installed": True, "description": None, "version": None}
        voices = [about | {"name": name, "languages": [name[:5]], "speakers": None} for name in self.voices]
        return {"asr": [about | {"name": "loopback", "models": [about | {"name": "loopback", "languages": ["en", "ko"]}]}],
                "tts": [about | {"name": "loopback", "voices": voices}],
                "handle": [], "intent": [], "wake": [], "mic": [], "snd": []}

    async def _deaf(self, connection: Connection) -> bool:
        """Faults in the middle of what the client says. True: the connection is over."""
        fault = self.fault if self.fault and self.faulted < self.fault.times else None
        if fault is None or fault.kind not in ("half_open", "reset") or fault.after > 0:
            return False
        self.next_fault()
        record = connection.exchange.record
        record.kind, record.fault = "transcription", fault.kind
        if fault.kind == "reset":
            connection.exchange.reset()
            return True
        await half_open(connection.exchange)
        return True

    async def _before(self, connection: Connection, fault: Fault | None) -> bool:
        """What an answer begins with instead. True: that was all."""
        exchange = connection.exchange
        kind = fault.kind if fault else ""
        exchange.record.fault = kind
        exchange.small_writes = kind == "small_writes"
        await exchange.sleep((fault.before_headers() + fault.before_first()) if fault else 0)
        if kind == "hang" and fault.after == 0:
            await exchange.hang()
        if kind == "half_open":
            await half_open(exchange)
            return True
        if kind == "reset" and fault.after == 0:
            exchange.reset()
        elif kind == "truncated":
            exchange.record.dropped = True
            await exchange.write(b'{"type": "transcript", "vers')
        elif kind == "huge_line":
            await exchange.write(b'{"type": "' + b"x" * (1 << 20) + b'"}\n')
            await exchange.hang()
        elif kind == "error_event" and fault.after == 0:
            await connection.send("error", {"text": "loopback says so", "code": fault.code or None})
            exchange.record.dropped = True
        elif kind in ("eof", "empty_body") and fault.after == 0:
            exchange.record.dropped = True
        elif kind == "json_body":
            await exchange.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            exchange.record.dropped = True
        else:
            if kind == "unknown_event":
                await connection.send("mood", {"x_new": [1, {"deep": None}]}, b"\0\1")
            return False
        return True

    async def _transcribe(self, connection: Connection, asked: Event | None, seconds: float, shape: tuple) -> None:
        record = connection.exchange.record
        record.kind = "transcription"
        data = asked.data if asked else {}
        record.body = {"language": data.get("language"), "name": data.get("name"), "seconds": seconds, "shape": shape}
        self.server.request_known(record)
        text = self.utterance.next_text(seconds)
        fault = self.next_fault()
        await connection.exchange.sleep(self.delay)
        if await self._before(connection, fault):
            return
        kind = fault.kind if fault else ""
        answer = {"text": text, "language": data.get("language")}
        if kind == "unknown_field":
            answer |= {"x_new": [1, {"deep": None}], "context": None}
        if kind == "wrong_length":
            return await self._lie(connection, "transcript", answer)
        record.sent = text
        await connection.send("transcript", answer)

    async def _lie(self, connection: Connection, kind: str, data: dict) -> None:
        """A length that is one too small: the rest is taken for the next event."""
        size = len(json.dumps(data, ensure_ascii=False).encode())
        await connection.send(kind, data, lengths={"data_length": size - 1})
        await connection.exchange.hang()

    async def _speak(self, connection: Connection, asked: Event) -> bool:
        """False: the connection is over."""
        record = connection.exchange.record
        record.kind = "speech"
        text = asked.data.get("text", "")
        record.body = {"text": text, "voice": asked.data.get("voice")}
        fault = self.next_fault()
        spoken = Spoken(text.strip(), len(self.spoken) + 1, time.monotonic(), fault.kind if fault else "")
        self.spoken.append(spoken)
        self.server.request_known(record)
        self.tell_spoken("request", spoken)
        try:
            if not await self._before(connection, fault):
                spoken.complete = await self._sound(connection, text, fault, spoken)
            return spoken.complete
        finally:
            if not spoken.complete:
                spoken.closed_at = time.monotonic()
            self.tell_spoken("answered" if spoken.complete else "closed", spoken)

    async def _sound(self, connection: Connection, text: str, fault: Fault | None, spoken: Spoken) -> bool:
        exchange = connection.exchange
        kind = fault.kind if fault else ""
        form = {"rate": self.rate, "width": 2, "channels": 1, "timestamp": None}

        async def tell_error():
            exchange.record.dropped = True
            await connection.send("error", {"text": "loopback breaks off", "code": None})

        await exchange.sleep(self.first)
        if not text.strip():
            await connection.send("audio-stop", {"timestamp": None})
            return True
        await connection.send("audio-start", form)
        for number, (audio, _letters, _starts, _durations) in enumerate(chunks_of(text, self.rate)):
            if fault and await fault.breaks(exchange, number, tell_error):
                exchange.record.dropped = True
                return False
            if kind == "wrong_length":
                await connection.send("audio-chunk", form, audio[:CHUNK], {"payload_length": CHUNK - 1})
                await exchange.hang()
            if kind == "unknown_event":
                await connection.send("mood", {"x_new": None})
            size = CHUNK - 1 if kind == "odd_bytes" else CHUNK
            spoken.first_byte = spoken.first_byte or time.monotonic()
            for at in range(0, len(audio), size):
                await connection.send("audio-chunk", form, audio[at:at + size])
            spoken.last_byte = time.monotonic()
            await exchange.sleep(self.pace)
        await connection.send("audio-stop", {"timestamp": None})
        return True


async def half_open(exchange: Exchange) -> None:
    """Reads and says nothing more until the client is gone, or the service ends."""
    while await exchange.read_some():
        pass
    exchange.peer_gone()
