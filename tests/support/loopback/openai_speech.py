"""A voice behind OpenAI's POST /v1/audio/speech: it streams samples of the same tones as the loopback of ElevenLabs' voice."""
import json
import struct
import time

from .elevenlabs_tts import Spoken, chunks_of
from .faults import Fault
from .http_server import Exchange, Record, Server

PATH = "/v1/audio/speech"
FIELDS = {"model", "input", "voice", "response_format", "speed", "instructions", "stream_format"}
LONGEST = 4096  # characters


def wav_head(rate: int) -> bytes:
    """Of a file whose length is not known yet."""
    return (b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16) +
            b"data\xff\xff\xff\xff")


class OpenAiSpeechService:
    """`first` and `pace`: seconds before the first and between two words; `key`: another one is refused, empty: none is
    needed; `fault` befalls every request while it is set (`fault.times` of them). All of the loop's thread."""

    def __init__(self, tell=None, tell_spoken=None, rate: int = 24000):
        self.server = Server(self._handle, tell)
        self.tell_spoken = tell_spoken or (lambda _kind, _spoken: None)
        self.rate = rate
        self.key = ""
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

    async def _handle(self, exchange: Exchange) -> None:
        record = exchange.record
        record.kind = "other"
        if self.key and exchange.headers.get("authorization") != f"Bearer {self.key}":
            return await exchange.answer(401, "application/json", Fault("status", 401).error_body())
        if exchange.method != "POST" or exchange.path.split("?")[0] != PATH:
            return await exchange.answer(404, "application/json", Fault("status", 404).error_body())
        body = json.loads(exchange.body)
        record.kind, record.body = "speech", body
        if wrong := self._wrong(body):
            self.server.errors.append(f"{PATH}: {wrong}")
            return await exchange.answer(400, "application/json", Fault("status", 400).error_body())
        fault = self.next_fault()
        record.fault = fault.kind if fault else ""
        spoken = Spoken(body["input"].strip(), len(self.spoken) + 1, time.monotonic(), record.fault)
        self.spoken.append(spoken)
        self.server.request_known(record)
        self.tell_spoken("request", spoken)
        exchange.small_writes = record.fault == "small_writes"
        try:
            spoken.complete = await self._answer(exchange, body, fault, spoken)
        finally:
            if not spoken.complete:
                spoken.closed_at = time.monotonic()
            self.tell_spoken("answered" if spoken.complete else "closed", spoken)

    @staticmethod
    def _wrong(body: dict) -> str:
        if unknown := set(body) - FIELDS:
            return f"unknown fields: {sorted(unknown)}"
        if not body.get("input") or not body.get("voice") or not body.get("model") or len(body["input"]) > LONGEST:
            return "model, input (4096 characters at most) and voice are needed"
        if body.get("response_format") not in ("pcm", "wav") or not 0.25 <= body.get("speed", 1) <= 4:
            return "this service has pcm and wav, at 0.25 to 4 times the speed"
        return ""

    async def _answer(self, exchange: Exchange, body: dict, fault: Fault | None, spoken: Spoken) -> bool:
        kind = fault.kind if fault else ""
        await exchange.sleep(self.first + (fault.before_headers() if fault else 0))
        if kind == "status":
            await exchange.answer(fault.status, "application/json", fault.error_body(), fault.headers())
            return False
        if kind == "json_body":
            await exchange.answer(200, "application/json", Fault("status", 500).error_body())
            return False
        if kind == "half_open":
            await exchange.hang()
        wav = body["response_format"] == "wav"
        await exchange.begin(200, "audio/wav" if wav else "audio/pcm")
        await exchange.sleep(fault.before_first() if fault else 0)
        if kind == "empty_body":
            await exchange.end()
            return False
        if wav:
            await exchange.body_part(wav_head(self.rate))

        async def tell_error():
            await exchange.body_part(b"\n" + Fault("status", 500).error_body())

        for number, (audio, _letters, _starts, _durations) in enumerate(chunks_of(body["input"], self.rate)):
            if fault and number >= fault.after and kind == "eof":  # without the last chunk of HTTP
                exchange.keep_alive = False
                exchange.record.dropped = True
                return False
            if fault and await fault.breaks(exchange, number, tell_error):
                return False
            cut = 2 * number + 1 if kind == "odd_bytes" else len(audio)
            spoken.first_byte = spoken.first_byte or time.monotonic()
            await exchange.body_part(audio[:cut])
            if cut < len(audio):
                await exchange.sleep(0.002)  # a write of its own
                await exchange.body_part(audio[cut:])
            spoken.last_byte = time.monotonic()
            await exchange.sleep(self.pace)
        await exchange.end()
        return True
