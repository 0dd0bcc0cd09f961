"""ElevenLabs' realtime recognition: GET /v1/speech-to-text/realtime as a WebSocket, answering what a script says was
spoken, as far as the audio goes that was sent since the last commit."""
import base64
import json
import time
import urllib.parse

from .faults import Fault
from .http_server import Exchange, Record, Server
from .transcription_service import Utterance
from .web_socket import WebSocket

PATH = "/v1/speech-to-text/realtime"
RATE = 16000
LEAST = 0.3  # s of audio in a commit
PARTIAL_EVERY = 3  # chunks
TRANSIENT = "transcriber_error"


def error_body(fault: Fault) -> bytes:
    codes = {401: "invalid_api_key", 402: "payment_required", 403: "missing_permissions", 429: "too_many_requests"}
    code = fault.code or codes.get(fault.status, "error")
    return json.dumps({"detail": {"status": code, "message": f"loopback says {fault.status}"}}).encode()


class Ended(Exception):
    """The service has ended this session."""


class ScribeService:
    """`utterance` is what was said last, `delay` the time from a commit to its text, `idle` seconds without a chunk end a
    session, `fault` befalls every session while it is set (`fault.times` of them). All of the loop's thread.
    A record's body: `query`, `chunks`, `commits` (seconds of each), `answered` (when), `previous_text`, `seconds`, `code` of the close."""

    def __init__(self, tell=None):
        self.server = Server(self._handle, tell)
        self.key = ""  # another one is refused; empty: any is right
        self.idle = 15.0
        self.reset()

    def reset(self) -> None:
        self.delay = 0.0
        self.fault: Fault | None = None
        self.faulted = 0
        self.say(Utterance("", 0.0))
        self.server.records.clear()
        self.server.errors.clear()

    def say(self, utterance: Utterance) -> None:
        self.utterance = utterance
        self.acknowledged = 0.0  # s of it
        self.given = 0  # words of it

    def set_fault(self, fault: Fault | None) -> None:
        self.fault = fault
        self.faulted = 0

    def requests(self) -> list[Record]:
        return [r for r in self.server.records if r.kind == "transcription"]

    def next_fault(self) -> Fault | None:
        if self.fault is None or self.faulted >= self.fault.times:
            return None
        self.faulted += 1
        return self.fault

    async def _handle(self, exchange: Exchange) -> None:
        record = exchange.record
        path, _mark, query = exchange.path.partition("?")
        if path != PATH or "websocket" not in exchange.headers.get("upgrade", "").lower():
            record.kind = "other"
            status = 200 if path == "/v1/models" and self.right_key(exchange) else 404 if path != "/v1/models" else 401
            await exchange.answer(status, "application/json", b"[]" if status == 200 else error_body(Fault("status", status)))
            return
        record.kind = "transcription"
        record.body = {"query": urllib.parse.parse_qs(query), "chunks": 0, "commits": [], "answered": [], "previous_text": "",
                       "seconds": 0.0, "code": 0}
        fault = self.next_fault()
        record.fault = fault.kind if fault else ""
        self.server.request_known(record)
        exchange.keep_alive = False
        exchange.small_writes = record.fault == "small_writes"
        await exchange.sleep(fault.before_headers() if fault else 0)
        if not self.right_key(exchange):
            await exchange.answer(401, "application/json", error_body(Fault("status", 401)))
        elif record.fault == "status":
            await exchange.answer(fault.status, "application/json", error_body(fault), fault.headers())
        elif record.fault in ("empty_body", "json_body"):
            body = b"" if record.fault == "empty_body" else error_body(Fault("status", 429))
            await exchange.answer(200, "application/json", body)
        else:
            socket = WebSocket(exchange)
            await socket.accept()
            try:
                await Session(self, socket, fault).run()
            except Ended:
                pass
            finally:
                record.body["code"] = socket.close_code

    def right_key(self, exchange: Exchange) -> bool:
        given = exchange.headers.get("xi-api-key", "")
        return given == self.key if self.key else bool(given)


class Session:
    """One connection, from session_started on."""

    def __init__(self, service: ScribeService, socket: WebSocket, fault: Fault | None):
        self._service = service
        self._socket = socket
        self._fault = fault
        self._kind = fault.kind if fault else ""
        self._seen = socket.exchange.record.body
        self._pending = 0.0  # s of audio since the last commit
        self._messages = 0

    async def run(self) -> None:
        exchange = self._socket.exchange
        if self._kind == "hang" and self._fault.after == 0:
            await exchange.hang()
        await exchange.sleep(self._fault.before_first() if self._fault else 0)
        await self._send({"message_type": "session_started", "session_id": "s1",
                          "config": {"sample_rate": RATE, "audio_format": "pcm_16000", "commit_strategy": "manual",
                                     "language_code": None}})
        while True:
            await self._break()
            message = await self._socket.receive(self._service.idle)
            if message is None:
                await self._socket.close(1000)
                raise Ended
            await self._take(json.loads(message))

    async def _take(self, message: dict) -> None:
        kind = message.get("message_type")
        if kind != "input_audio_chunk" or not {"audio_base_64", "commit", "sample_rate"} <= set(message):
            return await self._fatal("input_error", f"unknown message {kind!r}")
        audio = base64.b64decode(message["audio_base_64"], validate=True)
        if len(audio) > RATE * 2 * 1.5:
            return await self._fatal("chunk_size_exceeded", "at most 1 s")
        if message["sample_rate"] != RATE:
            return await self._fatal("invalid_request", "the sample rate is another one")
        self._messages += 1
        if audio:
            await self._take_audio(len(audio) / 2 / RATE, message.get("previous_text"))
        if message["commit"]:
            await self._commit()

    async def _take_audio(self, seconds: float, previous: str | None) -> None:
        first = self._seen["chunks"] == 0
        if previous is not None and not first:
            return await self._fatal("input_error", "previous_text behind the first chunk")
        if previous is not None:
            self._seen["previous_text"] = previous
        elif first:
            self._service.acknowledged, self._service.given = 0.0, 0
        self._pending += seconds
        self._seen["seconds"] = round(self._seen["seconds"] + seconds, 3)
        self._seen["chunks"] += 1
        if self._seen["chunks"] % PARTIAL_EVERY == 0:
            if self._kind == "unasked":
                await self._send({"message_type": "committed_transcript", "text": ""})
            await self._send({"message_type": "partial_transcript", "text": self._words()[0]})

    def _words(self) -> tuple[str, int]:
        """Of the segment so far; how many words of the utterance that makes."""
        service = self._service
        words = service.utterance.heard_in(service.acknowledged + self._pending).split()
        return " ".join(words[service.given:]), len(words)

    async def _commit(self) -> None:
        service = self._service
        self._seen["commits"].append(round(self._pending, 3))
        service.server.request_known(self._socket.exchange.record)
        if self._pending < LEAST:
            return await self._send({"message_type": "commit_throttled", "error": "too little audio"})
        text, given = self._words()
        if service.utterance.texts:
            text = service.utterance.next_text(0)
        await self._socket.exchange.sleep(service.delay)
        await self._break(commit=True)
        if self._kind == "repeated_text":
            text = f"{text} {text}"
        plain = {"message_type": "committed_transcript", "text": f" {text}" if text else ""}
        self._seen["answered"].append(time.monotonic())
        await self._send(plain)
        if self._kind == "twin" or self._seen["query"].get("include_timestamps") == ["true"]:
            await self._send({**plain, "message_type": "committed_transcript_with_timestamps", "language_code": None,
                              "words": None})
        self._socket.exchange.record.sent += text
        service.acknowledged += self._pending
        service.given = max(service.given, given)
        self._pending = 0.0

    # -- faults -------------------------------------------------------------------------------------------------
    async def _break(self, commit: bool = False) -> None:
        """At the message that the fault names, or at a commit before it."""
        if self._fault is None or (self._messages < self._fault.after and not commit):
            return
        if self._kind == "hang":
            while True:
                await self._socket.receive()
        if self._kind == "half_open":
            await self._socket.ignore()
        if self._kind == "reset":
            self._socket.exchange.reset()
            raise Ended
        if self._kind == "eof":
            self._socket.exchange.record.dropped = True
            raise Ended
        if self._kind == "close":
            await self._socket.close(self._fault.status, "loopback closes")
            raise Ended
        if self._kind == "error_event" and (self._messages or self._fault.after == 0):
            await self._fatal(self._fault.code or TRANSIENT, "loopback breaks off")

    async def _fatal(self, code: str, why: str) -> None:
        await self._send({"message_type": code, "error": why})
        await self._socket.close(1000)
        raise Ended

    async def _send(self, message: dict) -> None:
        if self._kind == "unknown_event":
            await self._socket.send({"message_type": "mood", "text": "cheerful"})
            await self._socket.send({"message_type": "warning", "warning": "take care"})
        if self._kind == "unknown_field":
            message = message | {"x_new": {"deep": [1, None]}, "error": None}
        if self._kind == "pings":
            await self._socket.frame(9, b"ping")
        if self._kind == "huge_line":
            message = message | {"x_padding": "x" * (1 << 20)}
        if self._kind == "invalid_utf8" and message.get("text"):
            text = json.dumps(message).encode().replace(b'"text": "', b'"text": "\xff\xc3')
            return await self._socket.frame(1, text)
        await self._socket.send(message)
