"""The loopback services for ElevenLabs, by plain sockets: what they answer, do wrong on purpose, and record."""
import base64
import json
import os
import pathlib
import socket
import struct
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from loopback.elevenlabs_stt import PATH, RATE, ScribeService  # noqa: E402
from loopback.elevenlabs_tts import SpeechService, chunks_of, words_of  # noqa: E402
from loopback.faults import make_fault  # noqa: E402
from loopback.http_server import Loop  # noqa: E402
from loopback.transcription_service import Utterance  # noqa: E402

TIMEOUT = 10


class Client:
    """A WebSocket client of a few lines."""

    def __init__(self, port: int, path: str, key: str = "secret"):
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        header = f"xi-api-key: {key}\r\n" if key else ""
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{header}"
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                break
            self.buffer += data
        self.head, _blank, self.buffer = self.buffer.partition(b"\r\n\r\n")

    def send(self, message: dict, opcode: int = 1) -> None:
        payload = json.dumps(message).encode()
        mask = os.urandom(4)
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else struct.pack(">BH", 0xFE, size) if size < 65536 else struct.pack(
            ">BQ", 0xFF, size)
        self.socket.sendall(bytes([0x80 | opcode]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def frame(self) -> tuple[int, bytes]:
        """(opcode, payload); (0, b""): the end. Raises TimeoutError, ConnectionResetError."""
        while True:
            if len(self.buffer) >= 2:
                size, at = self.buffer[1] & 127, 2
                if size >= 126:
                    width = 2 if size == 126 else 8
                    size, at = int.from_bytes(self.buffer[2:2 + width], "big"), 2 + width
                    at = at if len(self.buffer) >= at else len(self.buffer) + 1
                if len(self.buffer) >= at + size:
                    payload, opcode = self.buffer[at:at + size], self.buffer[0] & 15
                    self.buffer = self.buffer[at + size:]
                    return opcode, payload
            data = self.socket.recv(65536)
            if not data:
                return 0, b""
            self.buffer += data

    def message(self) -> dict:
        opcode, payload = self.frame()
        while opcode == 9:
            opcode, payload = self.frame()
        if opcode == 8:
            return {"close": int.from_bytes(payload[:2], "big")}
        return json.loads(payload) if opcode == 1 else {"end": True}


class Service(unittest.TestCase):
    def setUp(self):
        self.loop = Loop()
        self.service = self.make()
        self.loop.call(self.service.server.start())

    def tearDown(self):
        self.assertEqual(self.service.server.errors, [])
        self.loop.call(self.service.server.stop())
        self.loop.stop()

    def connect(self, path: str, key: str = "secret") -> Client:
        client = Client(self.service.server.port, path, key)
        self.addCleanup(client.socket.close)
        return client

    def fault(self, **options) -> None:
        self.loop.run(self.service.set_fault, make_fault(options))


class Scribe(Service):
    def make(self):
        return ScribeService()

    def say(self, text: str, seconds: float, texts=()) -> None:
        self.loop.run(self.service.say, Utterance(text, seconds, list(texts)))

    def session(self) -> Client:
        client = self.connect(PATH + "?model_id=scribe_v2_realtime")
        self.assertTrue(client.head.startswith(b"HTTP/1.1 101 "), client.head)
        self.assertEqual(client.message()["message_type"], "session_started")
        return client

    def chunk(self, client: Client, seconds: float, commit=False, **more) -> None:
        audio = base64.b64encode(b"\1\0" * int(RATE * seconds)).decode()
        client.send({"message_type": "input_audio_chunk", "audio_base_64": audio, "commit": commit, "sample_rate": RATE,
                     **more})

    def final(self, client: Client) -> str:
        while (message := client.message())["message_type"] == "partial_transcript":
            pass
        self.assertEqual(message["message_type"], "committed_transcript")
        return message["text"].strip()

    def record(self):
        return self.loop.run(self.service.requests)[-1]

    def test_words_come_with_the_audio_and_are_final_at_a_commit(self):
        self.say("one two three four", 2.0)
        client = self.session()
        for _ in range(6):
            self.chunk(client, 0.2)
        self.assertEqual([client.message()["text"] for _ in range(2)], ["", "one"])
        self.chunk(client, 0, commit=True)
        self.assertEqual(self.final(client), "one")
        self.chunk(client, 0.9)
        self.chunk(client, 0.1, commit=True)
        self.assertEqual(self.final(client), "two three four")
        body = self.record().body
        self.assertEqual((body["commits"], body["chunks"], body["seconds"]), ([1.2, 1.0], 8, 2.2))
        self.assertEqual(body["query"]["model_id"], ["scribe_v2_realtime"])
        self.assertNotIn("secret", str(self.record()))

    def test_a_new_session_goes_on_behind_what_was_acknowledged(self):
        self.say("one two three four", 2.0)
        first = self.session()
        self.chunk(first, 0.95)
        self.chunk(first, 0.3, commit=True)
        self.assertEqual(self.final(first), "one two")
        first.socket.close()
        second = self.session()
        self.chunk(second, 0.9, previous_text="one two")
        self.chunk(second, 0.1, commit=True)
        self.assertEqual(self.final(second), "three four")
        self.assertEqual(self.record().body["previous_text"], "one two")

    def test_what_a_client_must_not_do(self):
        for message, code in (({"message_type": "commit"}, "input_error"),
                              ({"message_type": "input_audio_chunk", "audio_base_64": "", "commit": False},
                               "input_error"),
                              ({"message_type": "input_audio_chunk", "audio_base_64": "AAA=", "commit": False,
                                "sample_rate": 8000}, "invalid_request")):
            client = self.session()
            client.send(message)
            self.assertEqual(client.message()["message_type"], code)
            self.assertEqual(client.message(), {"close": 1000})
        client = self.session()
        self.chunk(client, 0.1)
        self.chunk(client, 0.1, previous_text="late")
        self.assertEqual(client.message()["message_type"], "input_error")
        client = self.session()
        self.chunk(client, 1.6)
        self.assertEqual(client.message()["message_type"], "chunk_size_exceeded")

    def test_a_commit_with_too_little_in_it_is_refused(self):
        client = self.session()
        self.chunk(client, 0.2)
        self.chunk(client, 0, commit=True)
        self.assertEqual(client.message()["message_type"], "commit_throttled")

    def test_an_idle_session_is_closed(self):
        self.loop.run(setattr, self.service, "idle", 0.1)
        self.assertEqual(self.session().message(), {"close": 1000})

    def test_keys(self):
        self.assertIn(b" 401 ", self.connect(PATH, key="").head)
        self.loop.run(setattr, self.service, "key", "another")
        self.assertIn(b" 401 ", self.connect(PATH).head)

    def test_handshakes_that_fail(self):
        for status in (400, 401, 403, 429, 500, 503):
            self.fault(kind="status", status=status)
            self.assertIn(f" {status} ".encode(), self.connect(PATH).head)
        self.fault(kind="json_body")
        self.assertIn(b" 200 ", self.connect(PATH).head)

    def test_sessions_that_break(self):
        for fault, seen in (({"kind": "close", "status": 1011, "after": 2}, {"close": 1011}),
                            ({"kind": "eof", "after": 2}, {"end": True})):
            self.fault(**fault)
            client = self.session()
            for _ in range(2):
                self.chunk(client, 0.1)
            self.assertEqual(client.message(), seen)
        self.fault(kind="reset", after=1)
        client = self.session()
        self.chunk(client, 0.1)
        with self.assertRaises(ConnectionResetError):
            client.message()
        self.fault(kind="error_event", after=1, code="rate_limited")
        client = self.session()
        self.chunk(client, 0.1)
        self.assertEqual(client.message()["message_type"], "rate_limited")
        for kind in ("hang", "half_open"):
            self.fault(kind=kind, after=1)
            client = self.session()
            client.socket.settimeout(0.2)
            self.chunk(client, 0.5, commit=True)
            client.send({}, opcode=9)
            if kind == "hang":
                self.assertEqual(client.frame()[0], 10)  # it still answers pings
            with self.assertRaises(TimeoutError):
                client.frame()
        self.loop.run(self.service.server.drop)

    def test_sessions_that_look_odd_and_are_right(self):
        for kind in ("small_writes", "unknown_event", "unknown_field", "pings", "huge_line"):
            self.say("one two", 0.5)
            self.fault(kind=kind)
            client = self.connect(PATH)
            self.chunk(client, 0.6, commit=True)
            kinds = []
            while "committed_transcript" not in kinds:
                message = client.message()
                kinds.append(message["message_type"])
            self.assertEqual(message["text"], " one two", kind)
            self.assertEqual("mood" in kinds, kind == "unknown_event")

    def test_texts_that_come_twice(self):
        self.say("one two", 0.5)
        self.fault(kind="twin")
        client = self.session()
        self.chunk(client, 0.6, commit=True)
        self.assertEqual([client.message()["message_type"] for _ in range(2)],
                         ["committed_transcript", "committed_transcript_with_timestamps"])
        self.say("one two", 0.5)
        self.fault(kind="repeated_text")
        client = self.session()
        self.chunk(client, 0.6, commit=True)
        self.assertEqual(self.final(client), "one two one two")


class Speech(Service):
    PATH = "/v1/text-to-speech/VID/multi-stream-input?model_id=m&output_format=pcm_8000"

    def make(self):
        self.told: list[tuple[str, str]] = []
        self.closed = threading.Event()
        service = SpeechService(tell_spoken=self.tell)
        service.first = 0.0
        return service

    def tell(self, kind, spoken):
        self.told.append((kind, spoken.text))
        if kind == "closed":
            self.closed.set()

    def ask(self, client: Client, text: str, context: str = "c1") -> None:
        client.send({"text": " ", "context_id": context, "voice_settings": {"stability": 0.5}})
        client.send({"text": text + " ", "context_id": context, "flush": True})

    def test_a_word_is_a_chunk_with_its_characters(self):
        client = self.connect(self.PATH)
        self.ask(client, "Hi you.")
        first, second = client.message(), client.message()
        self.assertEqual((first["alignment"]["chars"], second["alignment"]["chars"]), (list("Hi "), list("you. ")))
        self.assertEqual(len(base64.b64decode(first["audio"])), 2 * 8 * (20 + 200))
        client.send({"context_id": "c1", "close_context": True})
        self.assertEqual(client.message(), {"isFinal": True, "contextId": "c1"})
        self.assertEqual(self.told, [("request", "Hi you."), ("answered", "Hi you.")])

    def test_a_context_that_is_closed_says_nothing_more(self):
        self.loop.run(setattr, self.service, "pace", 60.0)
        client = self.connect(self.PATH)
        self.ask(client, "one two three")
        client.message()
        client.send({"context_id": "c1", "close_context": True})
        self.assertEqual(client.message(), {"isFinal": True, "contextId": "c1"})
        self.assertTrue(self.closed.wait(TIMEOUT))
        spoken, = self.loop.run(self.service.texts)
        self.assertLessEqual(spoken.last_byte, spoken.closed_at)
        self.assertFalse(spoken.complete)

    def test_the_sixth_context_and_settings_that_come_again_are_refused(self):
        client = self.connect(self.PATH)
        for number in range(6):
            client.send({"text": " ", "context_id": f"c{number}", "voice_settings": {}})
        self.assertIn("Maximum simultaneous contexts", client.message()["message"])
        self.assertEqual(client.message(), {"close": 1008})
        client = self.connect(self.PATH)
        for _ in range(2):
            client.send({"text": " ", "context_id": "c", "voice_settings": {}})
        self.assertIn("voice_settings", client.message()["message"])

    def test_it_waits_no_longer_than_the_client_has_asked_for(self):
        client = self.connect(self.PATH + "&inactivity_timeout=0.1")
        self.assertEqual(client.message()["error"], "input_timeout_exceeded")
        self.assertEqual(client.message(), {"close": 1008})

    def test_faults(self):
        for fault, seen in (({"kind": "close", "status": 1011, "after": 1}, {"close": 1011}),
                            ({"kind": "eof", "after": 1}, {"end": True})):
            self.fault(**fault)
            client = self.connect(self.PATH)
            self.ask(client, "one two")
            self.assertIn("audio", client.message())
            self.assertEqual(client.message(), seen)
        self.fault(kind="error_event", after=0, code="quota_exceeded")
        client = self.connect(self.PATH)
        self.ask(client, "one")
        self.assertEqual(client.message()["error"], "quota_exceeded")
        self.fault(kind="odd_bytes")
        client = self.connect(self.PATH)
        self.ask(client, "one")
        parts = [base64.b64decode(client.message()["audio"]) for _ in range(2)]
        self.assertEqual([len(part) % 2 for part in parts], [1, 1])
        self.fault(kind="status", status=503)
        self.assertIn(b" 503 ", self.connect(self.PATH).head)

    def test_by_http(self):
        connection = socket.create_connection(("127.0.0.1", self.service.server.port), TIMEOUT)
        self.addCleanup(connection.close)
        body = json.dumps({"text": "Hi you."}).encode()
        connection.sendall(b"POST /v1/text-to-speech/VID/stream/with-timestamps?output_format=pcm_8000 HTTP/1.1\r\n"
                           b"Host: x\r\nxi-api-key: secret\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
                           + body)
        raw = b""
        while data := connection.recv(65536):
            raw += data
        times = [json.loads(part)["alignment"]["character_end_times_seconds"] for part in raw.split(b"\n")
                 if part.startswith(b"{")]
        self.assertEqual(len(times), 2)
        self.assertGreater(times[1][0], times[0][-1])

    def test_words(self):
        self.assertEqual(words_of(" one  two. "), ["one  ", "two. "])
        self.assertEqual(["".join(letters) for _audio, letters, _s, _d in chunks_of("안녕 하세요.", 8000)],
                         ["안녕 ", "하세요."])


if __name__ == "__main__":
    unittest.main(verbosity=2)
