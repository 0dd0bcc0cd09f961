"""ElevenLabs' speech: multi-context WebSockets and HTTP with timestamps. It speaks in tones, as prot's voice for tests
does (word n of a text is one of 300 + 50 (n mod 12) Hz, 160 ms long, 40 ms of silence behind it)."""
import array
import asyncio
import base64
import dataclasses
import json
import math
import time
import urllib.parse

from .elevenlabs_stt import error_body
from .faults import Fault
from .http_server import Exchange, PeerGone, Record, Server
from .web_socket import WebSocket

PREFIX = "/v1/text-to-speech/"
MOST_CONTEXTS = 5
TONE_MS, GAP_MS, LEAD_MS, FADE_MS = 160, 40, 20, 10


@dataclasses.dataclass
class Spoken:
    """One text that was asked for. Times are CLOCK_MONOTONIC, seconds; 0: not yet."""
    text: str
    number: int
    asked: float
    fault: str = ""
    first_byte: float = 0.0
    last_byte: float = 0.0
    complete: bool = False
    closed_at: float = 0.0  # by the client, before it was complete


def tone(word: int, rate: int) -> bytes:
    step = 2 * math.pi * (300 + 50 * (word % 12)) / rate
    size, ramp = rate * TONE_MS // 1000, rate * 5 // 1000
    samples = array.array("h", (round(8000 * min(1.0, min(i, size - 1 - i) / ramp) * math.sin(step * i))
                                for i in range(size)))
    return samples.tobytes() + bytes(2 * (rate * GAP_MS // 1000))


def words_of(text: str) -> list[str]:
    """With the white space behind each."""
    out: list[str] = []
    for character in text:
        if out and (character.isspace() or not out[-1][-1].isspace()):
            out[-1] += character
        else:
            out.append(character)
    return [w for w in out if w.strip()]


def chunks_of(text: str, rate: int):
    """(audio, characters, their start and duration in ms from the chunk's start)."""
    tones: dict[int, bytes] = {}
    for number, word in enumerate(words_of(text)):
        audio = tones.setdefault(number % 12, tone(number, rate))
        lead = LEAD_MS if number == 0 else 0
        letters = list(word.rstrip())
        share = (TONE_MS - FADE_MS) / len(letters)
        starts = [lead + share * i for i in range(len(letters))] + [lead + TONE_MS] * (len(word) - len(letters))
        durations = [share] * len(letters) + [0.0] * (len(word) - len(letters))
        yield bytes(2 * (rate * lead // 1000)) + audio, list(word), starts, durations


class SpeechService:
    """`first` and `pace`: seconds before the first and between two words; `fault` befalls every text while it is set
    (`fault.times` of them; those of the handshake: every connection). All of the loop's thread."""

    def __init__(self, tell=None, tell_spoken=None):
        self.server = Server(self._handle, tell)
        self.tell_spoken = tell_spoken or (lambda _kind, _spoken: None)
        self.reset()

    def reset(self) -> None:
        self.first = 0.08
        self.pace = 0.0
        self.fault: Fault | None = None
        self.faulted = 0
        self.spoken: list[Spoken] = []
        self.server.records.clear()
        self.server.errors.clear()

    def set_fault(self, fault: Fault | None) -> None:
        self.fault = fault
        self.faulted = 0

    def requests(self) -> list[Record]:
        return [r for r in self.server.records if r.kind == "speech"]

    def texts(self) -> list[Spoken]:
        return list(self.spoken)

    def next_fault(self) -> Fault | None:
        if self.fault is None or self.faulted >= self.fault.times:
            return None
        self.faulted += 1
        return self.fault

    def begin(self, text: str, fault: Fault | None) -> Spoken:
        spoken = Spoken(text.strip(), len(self.spoken) + 1, time.monotonic(), fault.kind if fault else "")
        self.spoken.append(spoken)
        self.tell_spoken("request", spoken)
        return spoken

    def end(self, spoken: Spoken, complete: bool) -> None:
        spoken.complete = complete
        if not complete and spoken.closed_at == 0:
            spoken.closed_at = time.monotonic()
        self.tell_spoken("answered" if complete else "closed", spoken)

    # -- requests -----------------------------------------------------------------------------------------------
    async def _handle(self, exchange: Exchange) -> None:
        path, _mark, query = exchange.path.partition("?")
        options = {k: v[-1] for k, v in urllib.parse.parse_qs(query).items()}
        if not exchange.headers.get("xi-api-key"):
            return await exchange.answer(401, "application/json", error_body(Fault("status", 401)))
        if path == "/v1/models":
            return await exchange.answer(200, "application/json", b"[]")
        record = exchange.record
        record.kind = "speech"
        rate = int(options.get("output_format", "pcm_24000").removeprefix("pcm_"))
        if path.startswith(PREFIX) and path.endswith("/multi-stream-input"):
            return await self._socket(exchange, options, rate)
        if path.startswith(PREFIX) and path.endswith("/stream/with-timestamps") and exchange.method == "POST":
            return await self._stream(exchange, rate)
        record.kind = "other"
        await exchange.answer(404, "application/json", error_body(Fault("status", 404, code="not_found")))

    async def _refused(self, exchange: Exchange, fault: Fault | None) -> bool:
        if fault is None:
            return False
        await exchange.sleep(fault.before_headers())
        if fault.kind == "status":
            await exchange.answer(fault.status, "application/json", error_body(fault), fault.headers())
        elif fault.kind == "empty_body":
            await exchange.answer(200, "application/json", b"")
        elif fault.kind == "json_body":
            await exchange.answer(200, "application/json", error_body(Fault("status", 429)))
        else:
            return False
        return True

    async def _socket(self, exchange: Exchange, options: dict, rate: int) -> None:
        exchange.keep_alive = False
        handshake = self.fault if self.fault and self.fault.kind in (
            "status", "empty_body", "json_body", "delay_headers") else None
        if handshake is not None and await self._refused(exchange, self.next_fault()):
            return
        socket = WebSocket(exchange)
        await socket.accept()
        self.server.request_known(exchange.record)
        await Contexts(self, socket, rate, float(options.get("inactivity_timeout", 20))).run()

    async def _stream(self, exchange: Exchange, rate: int) -> None:
        body = json.loads(exchange.body)
        fault = self.next_fault()
        spoken = self.begin(body["text"], fault)
        kind = fault.kind if fault else ""
        exchange.small_writes = kind == "small_writes"
        try:
            if await self._refused(exchange, fault):
                return
            await exchange.sleep(self.first)
            await exchange.begin(200, "application/json")
            await exchange.sleep(fault.before_first() if fault else 0)
            offset = 0.0
            for number, (audio, letters, starts, durations) in enumerate(chunks_of(body["text"], rate)):
                if fault and number >= fault.after and kind in ("hang", "half_open"):
                    await exchange.hang()
                if fault and number >= fault.after and kind in ("reset", "close"):
                    return exchange.reset()
                if fault and number >= fault.after and kind == "eof":
                    exchange.keep_alive = False
                    exchange.record.dropped = True
                    return
                if fault and number >= fault.after and kind == "error_event":
                    await exchange.body_part(error_body(Fault("status", 500, code=fault.code or "internal_error")) + b"\n")
                    return await exchange.end()
                line = {"audio_base64": base64.b64encode(audio).decode(), "normalized_alignment": None, "alignment": {
                    "characters": letters,
                    "character_start_times_seconds": [(offset + s) / 1000 for s in starts],
                    "character_end_times_seconds": [(offset + s + d) / 1000 for s, d in zip(starts, durations)]}}
                if kind == "unknown_field":
                    line |= {"x_new": [1, {"deep": None}]}
                if kind == "huge_line":
                    line |= {"x_padding": "x" * (1 << 20)}
                if kind == "no_alignment":
                    line |= {"alignment": None}
                lines = [line]
                if kind == "odd_bytes":
                    cut = 2 * number + 1  # within a sample
                    lines = [line | {"audio_base64": base64.b64encode(audio[:cut]).decode()},
                             line | {"audio_base64": base64.b64encode(audio[cut:]).decode(), "alignment": None}]
                end = b"\r\n" if kind == "crlf" else b"\n\n"
                text = b"".join(json.dumps(one, ensure_ascii=False).encode() + end for one in lines)
                spoken.first_byte = spoken.first_byte or time.monotonic()
                await exchange.body_part(text)
                spoken.last_byte = time.monotonic()
                offset += len(audio) / 2 / rate * 1000
                await exchange.sleep(self.pace)
            await exchange.end()
            self.end(spoken, True)
        finally:
            if not spoken.complete:
                self.end(spoken, False)


class Contexts:
    """One WebSocket."""

    def __init__(self, service: SpeechService, socket: WebSocket, rate: int, idle: float):
        self._service = service
        self._socket = socket
        self._rate = rate
        self._idle = idle
        self._open: dict[str, asyncio.Task | None] = {}
        self._closed: set[str] = set()
        self._over = False
        self._sent_at = 0.0  # the newest sound
        self._ended = asyncio.Event()

    async def run(self) -> None:
        reader = asyncio.ensure_future(self._read())
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({reader, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._over = True
            for task in (reader, ended, *filter(None, self._open.values())):
                task.cancel()
            await asyncio.gather(reader, ended, *filter(None, self._open.values()), return_exceptions=True)
        if reader.done() and not reader.cancelled() and reader.exception() is not None:
            raise reader.exception()

    async def _read(self) -> None:
        while True:
            text = await self._socket.receive(self._idle)
            if text is None:
                return await self._refuse("input_timeout_exceeded", "no new text input within the timeout")
            if not await self._take(json.loads(text)):
                return

    async def _take(self, message: dict) -> bool:
        if message.get("close_socket"):
            await self._socket.close(1000)
            return False
        context = message.get("context_id", "")
        if message.get("close_context"):
            await self._close(context)
            return True
        if context in self._closed:
            self._service.server.errors.append(f"context {context} is used after it was closed")
        if context not in self._open:
            if len(self._open) >= MOST_CONTEXTS:
                await self._refuse("max_contexts", "Maximum simultaneous contexts per WebSocket connection exceeded (5)")
                return False
            self._open[context] = None
        elif "voice_settings" in message:
            await self._refuse("invalid_settings", "voice_settings field must be provided in the first message")
            return False
        if message.get("text", "").strip():
            self._open[context] = asyncio.ensure_future(self._speak(context, message["text"]))
        return True

    async def _close(self, context: str) -> None:
        self._closed.add(context)
        task = self._open.get(context)
        if task is not None and not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if self._open.pop(context, False) is not False:
            await self._socket.send({"isFinal": True, "contextId": context})

    async def _refuse(self, code: str, why: str) -> None:
        await self._socket.send({"message": why, "error": code, "code": 1008})
        await self._socket.close(1008, why[:100])

    async def _speak(self, context: str, text: str) -> None:
        service = self._service
        fault = service.next_fault()
        kind = fault.kind if fault else ""
        spoken = service.begin(text, fault)
        exchange = self._socket.exchange
        exchange.small_writes = kind == "small_writes"
        try:
            await asyncio.sleep(service.first + (fault.before_first() if fault else 0))
            for number, (audio, letters, starts, durations) in enumerate(chunks_of(text, self._rate)):
                if fault and number >= fault.after and await self._break(fault):
                    return
                if number:
                    await asyncio.sleep(service.pace)
                alignment = {"chars": letters, "charStartTimesMs": starts, "charDurationsMs": durations}
                if kind == "no_alignment":
                    alignment = None
                await self._audio(context, kind, number, audio, alignment)
                spoken.first_byte = spoken.first_byte or self._sent_at
                spoken.last_byte = time.monotonic()
            service.end(spoken, True)
        except PeerGone:
            self._ended.set()
        finally:
            if not spoken.complete:
                service.end(spoken, False)

    async def _audio(self, context: str, kind: str, number: int, audio: bytes, alignment: dict | None) -> None:
        message = {"audio": base64.b64encode(audio).decode(), "isFinal": None, "alignment": alignment,
                   "normalizedAlignment": None, "contextId": context}
        if kind == "unknown_event":
            await self._socket.send({"type": "flush_done", "context_id": context})
            await self._socket.send({"type": "mood", "contextId": context})
        if kind == "unknown_field":
            message |= {"x_new": [1, {"deep": None}], "error": None}
        if kind == "pings":
            await self._socket.frame(9, b"ping")
        if kind == "huge_line":
            message |= {"x_padding": "x" * (1 << 20)}
        self._sent_at = time.monotonic()
        if kind != "odd_bytes":
            return await self._socket.send(message)
        cut = 2 * number + 1  # within a sample
        await self._socket.send(message | {"audio": base64.b64encode(audio[:cut]).decode()})
        await self._socket.send(message | {"audio": base64.b64encode(audio[cut:]).decode(), "alignment": None})

    async def _break(self, fault: Fault) -> bool:
        exchange = self._socket.exchange
        if fault.kind == "hang":
            await asyncio.sleep(3600)
        elif fault.kind == "half_open":
            self._socket.deaf = True
            await asyncio.sleep(3600)
        elif fault.kind == "reset":
            exchange.reset()
        elif fault.kind == "eof":
            exchange.record.dropped = True
        elif fault.kind == "close":
            await self._socket.close(fault.status, "loopback closes")
        elif fault.kind == "error_event":
            await self._refuse(fault.code or "internal_error", "loopback breaks off")
        else:
            return False
        self._ended.set()
        return True
