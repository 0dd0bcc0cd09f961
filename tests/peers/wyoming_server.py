"""A Wyoming server made of the official package, which reads and writes all that goes over the connection: it hears TEXT in
whatever is said, and speaks half a second of a tone for whatever it is to say. FILE gets what was asked, an object a line.

Use: wyoming_server.py PORT FILE TEXT"""
import asyncio
import functools
import json
import math
import struct
import sys

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info, TtsProgram, TtsVoice
from wyoming.server import AsyncEventHandler, AsyncServer
from wyoming.tts import Synthesize

RATE = 22050
TONE = b"".join(struct.pack("<h", int(9000 * math.sin(2 * math.pi * 440 * i / RATE))) for i in range(RATE // 2))
CHUNK = 2048
ABOUT = {"attribution": Attribution(name="peer", url=""), "installed": True, "description": None, "version": "1"}
INFO = Info(asr=[AsrProgram(name="peer", models=[AsrModel(name="m", languages=["en", "ko"], **ABOUT)], **ABOUT)],
            tts=[TtsProgram(name="peer", voices=[TtsVoice(name="v", languages=["en", "ko"], **ABOUT)], **ABOUT)])


class Handler(AsyncEventHandler):
    def __init__(self, note, text, reader, writer):
        super().__init__(reader, writer)
        self.note, self.text = note, text
        self.asked = Transcribe()
        self.shape, self.audio = None, b""

    async def handle_event(self, event: Event) -> bool:
        if Describe.is_type(event.type):
            await self.write_event(INFO.event())
        elif Transcribe.is_type(event.type):
            self.asked = Transcribe.from_event(event)
        elif AudioStart.is_type(event.type):
            start = AudioStart.from_event(event)
            self.shape, self.audio = (start.rate, start.width, start.channels), b""
        elif AudioChunk.is_type(event.type):
            self.audio += AudioChunk.from_event(event).audio
        elif AudioStop.is_type(event.type):
            self.note(heard=len(self.audio) / math.prod(self.shape), shape=self.shape, language=self.asked.language,
                      loud=any(abs(s) > 500 for (s,) in struct.iter_unpack("<h", self.audio)))
            await self.write_event(Transcript(text=self.text, language=self.asked.language).event())
            return False  # as faster-whisper's server does
        elif Synthesize.is_type(event.type):
            await self.speak(Synthesize.from_event(event))
        return True

    async def speak(self, asked: Synthesize) -> None:
        form = {"rate": RATE, "width": 2, "channels": 1}
        await self.write_event(AudioStart(**form).event())
        for at in range(0, len(TONE), CHUNK):
            await self.write_event(AudioChunk(audio=TONE[at:at + CHUNK], **form).event())
        await self.write_event(AudioStop().event())
        self.note(spoken=asked.text, language=asked.voice.language if asked.voice else None)


async def main(port: str, path: str, text: str) -> None:
    with open(path, "a", encoding="utf-8", buffering=1) as file:
        def note(**what):
            file.write(json.dumps(what, ensure_ascii=False) + "\n")
        await AsyncServer.from_uri(f"tcp://127.0.0.1:{port}").run(functools.partial(Handler, note, text))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
