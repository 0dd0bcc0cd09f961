"""The loopback services of one scenario run, and how they speak to its timeline."""
import json

from loopback.anthropic_service import AnthropicService
from loopback.chat_service import ChatService
from loopback.elevenlabs_stt import ScribeService
from loopback.elevenlabs_tts import SpeechService, Spoken
from loopback.faults import Fault
from loopback.home_assistant import HomeAssistantService, agent_answer
from loopback.http_server import Loop, Record
from loopback.openai_speech import OpenAiSpeechService
from loopback.script import Script, text_of
from loopback.transcription_service import TranscriptionService, Utterance
from loopback.wyoming_service import WyomingService

from .format import Scenario
from .keys import MODELS
from .timeline import Timeline

RECOGNISERS = {"scripted": "transcription", "elevenlabs": "scribe", "wyoming": "wyoming"}
VOICES = {"elevenlabs": "speech", "openai": "openai_voice", "wyoming": "wyoming_voice"}


class Services:
    """Models and recogniser on one loop thread. Used by one thread."""

    def __init__(self, timeline: Timeline):
        self._timeline = timeline
        self._loop = Loop()
        self._services = {name: (AnthropicService if name == "anthropic" else ChatService)(
            lambda kind, record, n=name: self._model_tells(n, kind, record)) for name in MODELS}
        self._services["transcription"] = TranscriptionService(
            lambda kind, record: self._transcription_tells("transcription", kind, record))
        self._services["scribe"] = ScribeService(self._scribe_tells)
        self._services["speech"] = SpeechService(tell_spoken=self._speech_tells)
        self._services["wyoming"] = WyomingService(
            lambda kind, record: self._transcription_tells("wyoming", kind, record))
        self._services["wyoming_voice"] = WyomingService(tell_spoken=self._speech_tells)
        self._services["openai_voice"] = OpenAiSpeechService(tell_spoken=self._speech_tells)
        # The ones that are in use go by the names of the first.
        self._recogniser, self._voice = "transcription", "speech"
        self._services["home"] = HomeAssistantService(self._home_tells)
        for service in self._services.values():
            self._loop.call(service.server.start())

    def url(self, name: str) -> str:
        path = "" if name == "home" else "/v1"
        return f"http://127.0.0.1:{self._services[name].server.port}{path}"

    def wyoming_url(self, name: str) -> str:
        return f"tcp://127.0.0.1:{self._services[name].server.port}"

    def stop(self) -> None:
        for service in self._services.values():
            self._loop.call(service.server.stop())
        self._loop.stop()

    def _model_tells(self, service: str, kind: str, record: Record) -> None:
        if record.kind != "chat":
            return
        text, at = record.sent, record.last_byte or None
        if kind == "request":
            messages = record.body.get("messages") or [{}]
            text, at = text_of(messages[-1]), record.received
        elif kind == "closed":
            at = record.closed_at
        label = kind if service == "model" else f"{service} {kind}"
        self._timeline.add(label, text, at=at, number=record.number, fault=record.fault)

    def _transcription_tells(self, service: str, kind: str, record: Record) -> None:
        if kind == "request" and record.kind == "transcription":
            self._timeline.add("transcribe" if service == self._recogniser else "fallback transcribe", f"{record.body['seconds']} s", at=record.received, number=record.number)

    def _scribe_tells(self, kind: str, record: Record) -> None:
        if kind != "request" or record.kind != "transcription":
            return
        if record.body["commits"]:
            self._timeline.add("transcribe", f"{record.body['commits'][-1]} s", number=record.number)
        else:
            terms = ", ".join(record.body["query"].get("keyterms", []))
            self._timeline.add("connect", record.fault or terms, at=record.received, number=record.number)

    def _speech_tells(self, kind: str, spoken: Spoken) -> None:
        at = {"request": spoken.asked, "answered": spoken.last_byte, "closed": spoken.closed_at}[kind]
        self._timeline.add(f"voice {kind}", spoken.text, at=at, number=spoken.number, fault=spoken.fault)

    def _name_of(self, service: str) -> str:
        return {"transcription": self._recogniser, "speech": self._voice}.get(service, service)

    def _home_tells(self, kind: str, record: Record) -> None:
        if kind == "request" and record.kind in ("service", "agent"):
            self._timeline.add("home", call_text(record.path, record.body), at=record.received, number=record.number)

    # -- set by steps -----------------------------------------------------------------------------------------------
    def begin(self, scenario: Scenario) -> None:
        def inside():
            for name in MODELS:
                self._services[name].reset(Script(scenario.script(name)))
            self._recogniser = RECOGNISERS.get(scenario.recognizer, "transcription")
            self._voice = VOICES.get(scenario.voice, "speech")
            for name in RECOGNISERS.values():
                self._services[name].reset()
                self._services[name].delay = scenario.delay_ms / 1000
                self._services[name].say(Utterance(scenario.transcription_text, 0.0))
            self._services[self._recogniser].set_fault(scenario.transcription_fault)
            speech = self._services[self._voice]
            speech.reset()
            speech.first, speech.pace = scenario.first_ms / 1000, scenario.pace_ms / 1000
            speech.set_fault(scenario.speech_fault)
            home = self._services["home"]
            home.reset()
            home.delay = scenario.home.get("delay_ms", 0) / 1000
            home.padding = scenario.home.get("padding", 0)
            home.set_fault(scenario.home_fault)
            error = scenario.home.get("agent_error", "")
            home.agent = agent_answer(scenario.home.get("agent", "Done."), "error" if error else "action_done", error)
        self._loop.run(inside)

    def end_faults(self) -> None:
        """prot connects to some services when it starts, before its scenario begins."""
        self._loop.run(lambda: [service.set_fault(None) for service in self._services.values()])

    def spoken(self, text: str, seconds: float, texts: list[str]) -> None:
        def inside():
            for name in RECOGNISERS.values():  # each of them may be asked
                self._services[name].say(Utterance(text, seconds, list(texts)))
        self._loop.run(inside)

    def fault(self, name: str, fault: Fault | None) -> None:
        self._loop.run(self._services[self._name_of(name)].set_fault, fault)

    def drop(self, name: str) -> int:
        return self._loop.run(self._services[self._name_of(name)].server.drop)

    # -- what was seen ----------------------------------------------------------------------------------------------
    def requests(self, name: str = "model") -> list[Record]:
        return self._loop.run(self._services[self._name_of(name)].requests)

    def home_calls(self) -> list[str]:
        return self._loop.run(lambda: [f"{name} {json.dumps(data, ensure_ascii=False)}"
                                       for name, data in self._services["home"].calls])

    def problems(self) -> list[str]:
        """Defects of the script or the services themselves."""
        def inside():
            found = [f"the {name} was asked {question!r}, and the script has no answer for it"
                     for name in MODELS for question in self._services[name].script.exhausted]
            return found + [f"loopback {e}" for service in self._services.values() for e in service.server.errors]
        return self._loop.run(inside)


def call_text(path: str, body) -> str:
    name = ".".join(path.split("/")[-2:]) if "/services/" in path else "conversation"
    return f"{name} {json.dumps(body, ensure_ascii=False)}"
