"""The official Wyoming package on either side: as the server of our recogniser and our voice, in a whole prot, and as the
client of our loopback server."""
import array
import asyncio
import json
import math
import os
import pathlib
import random
import socket
import sys
import tempfile
import unittest
import wave

import peers

sys.path.insert(0, str(peers.PYTHON))
from foreign_servers_test import ANSWER, Aimock, Talking  # noqa: E402
from instance import wait_for  # noqa: E402
from loopback.elevenlabs_tts import chunks_of  # noqa: E402
from loopback.faults import Fault  # noqa: E402
from loopback.http_server import Loop  # noqa: E402
from loopback.transcription_service import Utterance  # noqa: E402
from loopback.wyoming_service import WyomingService  # noqa: E402
from wyoming.asr import Transcribe, Transcript  # noqa: E402
from wyoming.audio import AudioChunk, AudioStart, AudioStop  # noqa: E402
from wyoming.client import AsyncClient  # noqa: E402
from wyoming.error import Error  # noqa: E402
from wyoming.info import Describe, Info  # noqa: E402
from wyoming.tts import Synthesize, SynthesizeVoice  # noqa: E402

QUESTION = "Which river flows through Paris?"
RATE = 16000
BEFORE, SPEECH = 3.0, 1.5  # seconds of the recording: prot comes up in the first


def make_question(path: pathlib.Path) -> None:
    """Syllables of noise behind a silence."""
    noise = random.Random(7)
    samples = array.array("h", bytes(2 * int(BEFORE * RATE)))
    for i in range(int(SPEECH * RATE)):
        loud = 0.5 - 0.5 * math.cos(2 * math.pi * 4 * i / RATE)
        samples.append(int(noise.gauss(0, 4000) * loud) + 200)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def loud_seconds(path: pathlib.Path) -> float:
    with wave.open(str(path)) as file:
        samples = array.array("h", file.readframes(file.getnframes()))
        return sum(abs(s) > 500 for s in samples) / file.getframerate()


class AsServer(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.port = peers.free_port()
        self.notes = self.folder / "notes"
        self.notes.touch()
        self.enterContext(peers.Process(
            [sys.executable, peers.HERE / "wyoming_server.py", str(self.port), self.notes, QUESTION], self.listens,
            environment={**os.environ, "PYTHONPATH": str(peers.PYTHON)}))

    def listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def noted(self, kind: str) -> list:
        return [n for line in self.notes.read_text(encoding="utf-8").splitlines() if kind in (n := json.loads(line))]

    def test_a_question_is_heard_and_its_answer_spoken(self):
        make_question(self.folder / "question.wav")
        said = self.folder / "said.wav"
        url = f"tcp://127.0.0.1:{self.port}"
        with Aimock(self.folder) as model, Talking(
                brain__engine="openai", brain__url=model.url + "/v1", brain__tools="off", general__language="en",
                capture__source="wav", capture__device=str(self.folder / "question.wav"), capture__echo_cancellation="off",
                player__sink="wav", player__device=str(said), player__headphones="true", stt__engine="wyoming", stt__url=url,
                tts__voice_en="wyoming", tts__voice_ko="wyoming", tts__fallback_en="none", tts__fallback_ko="none",
                tts__wyoming_url=url) as prot:
            self.assertEqual(prot.services(), {"language model": "ok", "Wyoming recognition": "ok", "Wyoming voice": "ok"})
            wait_for("the whole answer is spoken",
                     lambda: " ".join(n["spoken"].strip() for n in self.noted("spoken")) == ANSWER, 60)
            self.assertEqual(prot.run("down").returncode, 0)
        heard = self.noted("heard")
        self.assertTrue(all(n["shape"] == [RATE, 2, 1] and n["language"] == "en" for n in heard), heard)
        self.assertGreater(max(n["heard"] for n in heard if n["loud"]), SPEECH * 0.9)
        self.assertAlmostEqual(loud_seconds(said), 0.5 * len(self.noted("spoken")), delta=0.1)


class AsClient(unittest.TestCase):
    FORM = {"rate": RATE, "width": 2, "channels": 1}

    def setUp(self):
        self.loop = Loop()
        self.service = WyomingService(rate=RATE)
        self.loop.call(self.service.server.start())
        self.loop.run(self.service.say, Utterance("turn on the light 불 켜 줘", 1.0))
        self.addCleanup(self.end)

    def end(self):
        self.loop.call(self.service.server.stop())
        errors = self.service.server.errors
        self.loop.stop()
        self.assertEqual(errors, [])

    def with_client(self, use):
        async def run():
            async with AsyncClient.from_uri(f"tcp://127.0.0.1:{self.service.server.port}") as client:
                return await asyncio.wait_for(use(client), 30)
        return asyncio.run(run())

    async def recognise(self, client):
        await client.write_event(Transcribe(language="ko").event())
        await client.write_event(AudioStart(**self.FORM).event())
        for _ in range(10):
            await client.write_event(AudioChunk(audio=bytes(RATE // 5), **self.FORM).event())
        await client.write_event(AudioStop().event())
        while (event := await client.read_event()) is not None:
            if Transcript.is_type(event.type) or Error.is_type(event.type):
                return event, await client.read_event()
        return None, None

    async def speak(self, client):
        await client.write_event(Synthesize("one two three", voice=SynthesizeVoice(language="en")).event())
        audio, rates = b"", set()
        while (event := await client.read_event()) is not None:
            if AudioStart.is_type(event.type):
                rates.add(AudioStart.from_event(event).rate)
            elif AudioChunk.is_type(event.type):
                audio += AudioChunk.from_event(event).audio
            elif AudioStop.is_type(event.type):
                return audio, rates
        return None, rates

    def test_what_it_is(self):
        async def use(client):
            await client.write_event(Describe().event())
            return Info.from_event(await client.read_event())
        info = self.with_client(use)
        self.assertEqual(info.asr[0].models[0].languages, ["en", "ko"])
        self.assertEqual([v.name for v in info.tts[0].voices], ["en_US-loopback", "ko_KR-loopback"])

    def test_a_transcript_whatever_stands_around_it(self):
        for kind in (None, "small_writes", "unknown_event", "unknown_field"):
            with self.subTest(kind=kind):
                self.loop.run(self.service.set_fault, Fault(kind, times=1) if kind else None)
                event, after = self.with_client(self.recognise)
                transcript = Transcript.from_event(event)
                self.assertEqual((transcript.text, transcript.language), ("turn on the light 불 켜 줘", "ko"))
                self.assertIsNone(after)  # it closes, as the real ones do
        body = self.loop.run(self.service.requests)[0].body
        self.assertEqual((body["seconds"], body["shape"], body["language"]), (1.0, (RATE, 1, 2), "ko"))

    def test_speech_whatever_stands_around_it(self):
        whole = b"".join(chunk[0] for chunk in chunks_of("one two three", RATE))
        for kind in (None, "small_writes", "unknown_event", "odd_bytes"):
            with self.subTest(kind=kind):
                self.loop.run(self.service.set_fault, Fault(kind, times=1) if kind else None)
                self.assertEqual(self.with_client(self.speak), (whole, {RATE}))

    def test_errors_and_ends_arrive_as_such(self):
        self.loop.run(self.service.set_fault, Fault("error_event", code="busy", times=1))
        event, _after = self.with_client(self.recognise)
        self.assertEqual(Error.from_event(event).code, "busy")
        for kind in ("eof", "truncated"):
            with self.subTest(kind=kind):
                self.loop.run(self.service.set_fault, Fault(kind, times=1))
                self.assertEqual(self.with_client(self.recognise), (None, None))


if __name__ == "__main__":
    peers.main()
