"""A recogniser behind the OpenAI interface: POST /v1/audio/transcriptions (multipart), answering what a script says was
spoken, as far as the audio in the request goes."""
import dataclasses
import io
import json
import re
import wave

from .faults import Fault
from .http_server import Exchange, Record, Server

SLACK = 0.15  # s: audio that is this much shorter than what was said still holds all of it
PRE_ROLL = 0.25  # s: silence before the speech in the audio


@dataclasses.dataclass
class Utterance:
    """What is being said into the microphone. `texts`: an answer for each request in turn, instead of the words."""
    text: str
    seconds: float  # of the speech alone
    texts: list[str] = dataclasses.field(default_factory=list)
    asked: int = 0

    def heard_in(self, seconds: float) -> str:
        """The words that are complete in that much audio."""
        if seconds >= self.seconds - SLACK:
            return self.text
        words = self.text.split()
        complete = int(len(words) * max(0.0, seconds - PRE_ROLL) / max(self.seconds, 0.01))
        return " ".join(words[:complete])

    def next_text(self, seconds: float) -> str:
        if not self.texts:
            return self.heard_in(seconds)
        self.asked += 1
        return self.texts[min(self.asked, len(self.texts)) - 1]


class TranscriptionService:
    """`utterance` is what was said last, `delay` the time that an answer takes, `fault` befalls every request while it
    is set (`fault.times` of them). All of the loop's thread."""

    def __init__(self, tell=None):
        self.server = Server(self._handle, tell)
        self.reset()

    def reset(self) -> None:
        self.say(Utterance("", 0.0))
        self.delay = 0.0
        self.fault: Fault | None = None
        self.faulted = 0
        self.server.records.clear()
        self.server.errors.clear()

    def say(self, utterance: Utterance) -> None:
        self.utterance = utterance

    def set_fault(self, fault: Fault | None) -> None:
        self.fault = fault
        self.faulted = 0

    def requests(self) -> list[Record]:
        return [r for r in self.server.records if r.kind == "transcription"]

    async def _handle(self, exchange: Exchange) -> None:
        record = exchange.record
        if exchange.method != "POST" or not exchange.path.split("?")[0].endswith("/audio/transcriptions"):
            record.kind = "other"
            await exchange.answer(404, "application/json", b'{"error":{"message":"no such path"}}')
            return
        record.kind = "transcription"
        fields = form_of(exchange.headers.get("content-type", ""), exchange.body)
        audio = fields.pop("file", b"")
        fields = {name: value.decode("utf-8", "replace") for name, value in fields.items()}
        with wave.open(io.BytesIO(audio)) as reader:  # a file that is none is prot's mistake: the service's error
            seconds = reader.getnframes() / reader.getframerate()
            shape = (reader.getframerate(), reader.getnchannels(), reader.getsampwidth())
        record.body = fields | {"seconds": round(seconds, 3), "shape": shape}
        self.server.request_known(record)
        text = self.utterance.next_text(seconds)
        fault = self._next_fault()
        record.fault = fault.kind if fault else ""
        await exchange.sleep(self.delay + (fault.before_headers() if fault else 0))
        await self._answer(exchange, fields, text, fault)

    def _next_fault(self) -> Fault | None:
        if self.fault is None or self.faulted >= self.fault.times:
            return None
        self.faulted += 1
        return self.fault

    async def _answer(self, exchange: Exchange, fields: dict, text: str, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        body = json.dumps({"text": text, "usage": {"type": "duration", "seconds": 1}}, ensure_ascii=False).encode()
        if kind == "invalid_utf8":
            body = body.replace(b'"text": "', b'"text": "\xff\xc3')
        if kind == "status":
            return await exchange.answer(fault.status, "application/json", fault.error_body(), fault.headers())
        if kind == "empty_body":
            return await exchange.answer(200, "application/json", b"")
        if kind == "json_body":
            return await exchange.answer(200, "application/json", fault.error_body())
        if kind == "hang":
            await exchange.begin(200, "application/json")
            await exchange.hang()
        if kind == "dribble":
            await exchange.begin(200, "application/json", len(body))
            for at in range(len(body)):
                await exchange.body_part(body[at:at + 1])
                await exchange.sleep(fault.ms / 1000)
            return None
        if kind == "reset":
            await exchange.begin(200, "application/json", len(body))
            await exchange.body_part(body[:5])
            return exchange.reset()
        if kind == "eof":
            exchange.keep_alive = False
            await exchange.begin(200, "application/json", len(body))
            return await exchange.body_part(body[:5])
        if kind == "unknown_field":
            body = b'{"x_new": {"deep": [1, null]}, ' + body[1:]
        if kind == "huge_line":
            body += b" " * (1 << 20)
        exchange.small_writes = kind == "small_writes"
        exchange.body_delay = fault.before_first() if fault else 0.0
        exchange.record.sent = text
        if fields.get("response_format") == "text":
            await exchange.answer(200, "text/plain; charset=utf-8", text.encode())
        elif fields.get("stream") == "true":
            events = [{"type": "transcript.text.delta", "delta": text}, {"type": "transcript.text.done", "text": text}]
            data = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
            await exchange.answer(200, "text/event-stream", data.encode())
        else:
            await exchange.answer(200, "application/json", body)


def form_of(content_type: str, body: bytes) -> dict[str, bytes]:
    """The fields of multipart/form-data; of a field that comes twice the last."""
    found = re.search(r'^multipart/form-data\b.*boundary="?([^";]+)"?', content_type, re.IGNORECASE)
    if not found:
        raise ValueError("the body is not multipart/form-data")
    fields = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + found.group(1).encode())[1:-1]:
        head, _blank, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'\bname="([^"]*)"', head)
        if name:
            fields[name.group(1).decode()] = content
    return fields
