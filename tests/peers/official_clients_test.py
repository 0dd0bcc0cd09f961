"""The official packages against our loopback servers: what they make of the answers shows whether tests against these servers
mean anything."""
import json
import pathlib
import tempfile
import unittest
import wave

import peers
from loopback.anthropic_service import AnthropicService
from loopback.chat_service import ChatService
from loopback.elevenlabs_stt import ScribeService
from loopback.elevenlabs_tts import SpeechService
from loopback.faults import Fault
from loopback.http_server import Loop
from loopback.openai_speech import OpenAiSpeechService
from loopback.script import Answer, Script, Tool
from loopback.transcription_service import TranscriptionService, Utterance
from loopback.vector_service import VectorService, vector_of

KEY = "sk-peers"
TEXT = "The Seine flows through Paris. 센강이 흘러요 🦊."
QUESTION = [{"role": "user", "content": "Which river?"}]


class Peer(unittest.TestCase):
    """One loopback service for each test; after it nothing may be wrong with the service itself."""
    kind = None

    def setUp(self):
        self.loop = Loop()
        self.service = self.kind()
        if hasattr(self.service, "key"):
            self.service.key = KEY
        self.loop.call(self.service.server.start())
        self.addCleanup(self.end)

    def end(self):
        self.loop.call(self.service.server.stop())
        errors = self.service.server.errors
        self.loop.stop()
        self.assertEqual(errors, [])

    def script(self, *answers):
        self.loop.run(self.service.reset, Script(list(answers)))

    def fault(self, *arguments, **options):
        self.loop.run(self.service.set_fault, Fault(*arguments, **options))

    def ask(self, action, **options):
        url = f"http://127.0.0.1:{self.service.server.port}"
        return peers.run_client(action, {"url": url, "key": KEY, **options})

    def records(self):
        return self.loop.run(lambda: list(self.service.requests()))


class Anthropic(Peer):
    kind = AnthropicService

    def test_a_stream(self):
        self.script(Answer(text=TEXT))
        got = self.ask("anthropic", messages=QUESTION)
        self.assertEqual((got["text"], got["stop"]), (TEXT, "end_turn"))
        self.assertEqual(got["events"][0], "message_start")
        self.assertEqual(got["events"][-1], "message_stop")
        self.assertGreater(got["usage"]["input_tokens"], 0)
        self.assertGreater(got["usage"]["output_tokens"], 0)

    def test_all_at_once(self):
        self.script(Answer(text=TEXT))
        got = self.ask("anthropic_at_once", messages=QUESTION)
        self.assertEqual((got["text"], got["stop"]), (TEXT, "end_turn"))

    def test_a_stream_in_small_pieces_with_strange_lines_in_between(self):
        for kind in ("small_writes", "crlf", "pings", "unknown_event", "unknown_field", "huge_line"):
            with self.subTest(kind=kind):
                self.script(Answer(text=TEXT))
                self.fault(kind)
                self.assertEqual(self.ask("anthropic", messages=QUESTION).get("text"), TEXT)

    def test_thoughts_a_search_and_a_tool(self):
        tool = {"name": "date_time", "description": "now", "input_schema": {"type": "object", "properties": {}}}
        arguments = '{"time_zone": "Asia/Seoul", "why": "\\"지금\\""}'
        self.script(Answer(text="Let me look.", thinking="They want the time.", tools=[Tool("date_time", arguments, "toolu_1")]))
        got = self.ask("anthropic", messages=QUESTION, tools=[tool])
        self.assertEqual(got["stop"], "tool_use")
        call = next(b for b in got["content"] if b["type"] == "tool_use")
        self.assertEqual((call["id"], call["name"], call["input"]), ("toolu_1", "date_time", json.loads(arguments)))
        self.assertEqual([b["type"] for b in got["content"]], ["thinking", "text", "tool_use"])
        self.script(Answer(text="Found.", search="seine"))
        kinds = [b["type"] for b in self.ask("anthropic", messages=QUESTION)["content"]]
        self.assertEqual(kinds[:2], ["server_tool_use", "web_search_tool_result"])

    def test_errors_have_the_classes_that_the_package_has_for_them(self):
        for status, name in ((400, "BadRequestError"), (401, "AuthenticationError"), (403, "PermissionDeniedError"),
                             (404, "NotFoundError"), (429, "RateLimitError"), (500, "InternalServerError")):
            with self.subTest(status=status):
                self.script(Answer(text=TEXT))
                self.fault("status", status=status)
                got = self.ask("anthropic", messages=QUESTION)
                self.assertEqual((got["error"], got["status"]), (name, status))
        self.fault("status", status=529)
        got = self.ask("anthropic", messages=QUESTION)
        self.assertEqual((got["status"], got["body"]["error"]["type"]), (529, "overloaded_error"))

    def test_a_wrong_key(self):
        self.script(Answer(text=TEXT))
        self.assertEqual(self.ask("anthropic", messages=QUESTION, key="sk-other")["error"], "AuthenticationError")

    def test_an_error_within_the_stream_and_a_stream_without_end(self):
        for kind in ("error_event", "eof", "reset"):
            with self.subTest(kind=kind):
                self.script(Answer(text=TEXT))
                self.fault(kind, after=2)
                self.assertIn("error", self.ask("anthropic", messages=QUESTION))

    def test_a_cancel_closes_the_connection(self):
        self.script(Answer(text="word " * 400, pace_ms=20))
        self.assertEqual(self.ask("anthropic_abort", messages=QUESTION), {"aborted": True})
        self.assertTrue(self.records()[-1].closed_early)


class OpenAi(Peer):
    kind = ChatService

    def test_a_stream(self):
        self.script(Answer(text=TEXT))
        got = self.ask("openai", messages=QUESTION)
        self.assertEqual((got["text"], got["finish"]), (TEXT, "stop"))
        self.assertGreater(got["usage"]["total_tokens"], 0)

    def test_all_at_once(self):
        self.script(Answer(text=TEXT))
        got = self.ask("openai_at_once", messages=QUESTION)
        self.assertEqual((got["text"], got["finish"]), (TEXT, "stop"))

    def test_a_stream_in_small_pieces(self):
        for kind in ("small_writes", "crlf", "unknown_field"):
            with self.subTest(kind=kind):
                self.script(Answer(text=TEXT))
                self.fault(kind)
                self.assertEqual(self.ask("openai", messages=QUESTION).get("text"), TEXT)

    def test_a_tool(self):
        arguments = '{"time_zone": "Asia/Seoul"}'
        self.script(Answer(tools=[Tool("date_time", arguments, "call_7"), Tool("other", "{}", "call_8")]))
        tool = {"type": "function", "function": {"name": "date_time", "parameters": {"type": "object", "properties": {}}}}
        got = self.ask("openai", messages=QUESTION, tools=[tool])
        self.assertEqual(got["finish"], "tool_calls")
        self.assertEqual(got["calls"], [{"id": "call_7", "name": "date_time", "arguments": arguments},
                                        {"id": "call_8", "name": "other", "arguments": "{}"}])

    def test_errors(self):
        for status, name in ((400, "BadRequestError"), (401, "AuthenticationError"), (404, "NotFoundError"),
                             (429, "RateLimitError"), (500, "InternalServerError")):
            with self.subTest(status=status):
                self.script(Answer(text=TEXT))
                self.fault("status", status=status)
                got = self.ask("openai", messages=QUESTION)
                self.assertEqual((got["error"], got["status"]), (name, status))
        self.script(Answer(text=TEXT))
        self.fault("error_event", after=2)
        self.assertIn("error", self.ask("openai", messages=QUESTION))

    def test_a_cancel_closes_the_connection(self):
        self.script(Answer(text="word " * 400, pace_ms=20))
        self.assertEqual(self.ask("openai_abort", messages=QUESTION), {"aborted": True})
        self.assertTrue(self.records()[-1].closed_early)


class Transcription(Peer):
    kind = TranscriptionService

    def test_a_recording(self):
        self.loop.run(self.service.say, Utterance("turn on the light", 0.5))
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "speech.wav"
            with wave.open(str(file), "wb") as writer:
                writer.setnchannels(1)
                writer.setsampwidth(2)
                writer.setframerate(16000)
                writer.writeframes(bytes(32000))
            self.assertEqual(self.ask("openai_transcription", file=str(file)), {"text": "turn on the light"})


class Speech(Peer):
    kind = OpenAiSpeechService

    def test_pcm_and_wav(self):
        plain = self.ask("openai_speech", text="one two three", format="pcm")
        self.assertGreater(plain.get("bytes", 0), 24000 * 2 * 0.5, plain)
        self.assertEqual(plain["bytes"] % 2, 0)
        self.assertEqual(self.ask("openai_speech", text="one two three", format="wav")["head"], "RIFF")

    def test_a_wrong_key(self):
        self.assertEqual(self.ask("openai_speech", text="one", format="pcm", key="sk-other")["error"], "AuthenticationError")


class ElevenLabsVoice(Peer):
    kind = SpeechService

    def test_sound_and_the_times_of_its_characters(self):
        got = self.ask("elevenlabs_voice", text="one two three")
        self.assertEqual(got["characters"], "one two three")
        self.assertEqual(got["bytes"] % 2, 0)
        self.assertGreater(got["bytes"], 16000 * 2 * 0.5)
        self.assertTrue(self.loop.run(lambda: self.service.spoken[-1].complete))

    def test_a_wrong_key_and_a_spent_plan(self):
        self.fault("status", status=401)
        got = self.ask("elevenlabs_voice", text="one")
        self.assertEqual(got["status"], 401)
        self.fault("status", status=401, code="quota_exceeded")
        got = self.ask("elevenlabs_voice", text="one")
        self.assertEqual((got["status"], got["body"]["detail"]["status"]), (401, "quota_exceeded"))


class ElevenLabsRecognition(Peer):
    kind = ScribeService

    def test_a_session(self):
        self.loop.run(self.service.say, Utterance("turn on the light", 0.8))
        got = self.ask("elevenlabs_realtime", chunks=10)
        self.assertEqual(got["error"], None)
        self.assertEqual(got["events"], ["session_started"])
        self.assertEqual(got["committed"].strip(), "turn on the light")
        self.assertTrue(got["partials"])
        record = self.records()[-1]
        self.assertEqual((record.body["chunks"], record.body["commits"]), (10, [1.0]))
        self.assertEqual(record.body["query"]["commit_strategy"], ["manual"])

    def test_errors_arrive_as_such(self):
        self.fault("error_event", code="quota_exceeded")
        self.assertIn("loopback", str(self.ask("elevenlabs_realtime", chunks=10)["error"]))

    def test_a_wrong_key(self):
        got = self.ask("elevenlabs_realtime", chunks=1, key="sk-other")
        self.assertTrue(got["error"])
        self.assertIsNone(got.get("committed"))


class Voyage(Peer):
    kind = VectorService
    TEXTS = ["a cat sleeps", "the river is long", "a cat eats"]

    def records(self):
        return self.loop.run(lambda: self.service.requests("embeddings") + self.service.requests("rerank"))

    def test_vectors_and_ranks(self):
        got = self.ask("voyage", texts=self.TEXTS, query="cat")
        self.assertEqual(got.get("indexes"), [0, 1, 2], got)
        for text, vector in zip(self.TEXTS, got["vectors"], strict=True):
            self.assertEqual(len(vector), len(vector_of(text)))
            for one, other in zip(vector, vector_of(text), strict=True):
                self.assertAlmostEqual(one, other, places=5)
        self.assertEqual(len(got["ranked"]), 2)
        self.assertEqual([r["score"] for r in got["ranked"]], sorted((r["score"] for r in got["ranked"]), reverse=True))
        self.assertEqual([r.body.get("input_type") for r in self.records()], ["document", None])

    def test_vectors_as_openais_package_wants_them(self):
        got = self.ask("openai_embeddings", texts=self.TEXTS)
        self.assertEqual(len(got["vectors"]), 3)
        for one, other in zip(got["vectors"][1], vector_of(self.TEXTS[1]), strict=True):
            self.assertAlmostEqual(one, other, places=5)

    def test_a_wrong_key_and_too_many_requests(self):
        self.assertEqual(self.ask("voyage", texts=self.TEXTS, query="cat", key="pa-other")["status"], 401)
        self.fault("status", status=400)
        self.assertEqual(self.ask("voyage", texts=self.TEXTS, query="cat")["status"], 400)


if __name__ == "__main__":
    peers.main()
