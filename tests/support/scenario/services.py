"""The loopback services of one scenario run, and how they speak to its timeline."""
from loopback.anthropic_service import AnthropicService
from loopback.chat_service import ChatService
from loopback.faults import Fault
from loopback.http_server import Loop, Record
from loopback.script import Script, text_of
from loopback.transcription_service import TranscriptionService, Utterance

from .format import Scenario
from .keys import MODELS
from .timeline import Timeline


class Services:
    """Models and recogniser on one loop thread. Used by one thread."""

    def __init__(self, timeline: Timeline):
        self._timeline = timeline
        self._loop = Loop()
        self._services = {name: (AnthropicService if name == "anthropic" else ChatService)(
            lambda kind, record, n=name: self._model_tells(n, kind, record)) for name in MODELS}
        self._services["transcription"] = TranscriptionService(self._transcription_tells)
        for service in self._services.values():
            self._loop.call(service.server.start())

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._services[name].server.port}/v1"

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

    def _transcription_tells(self, kind: str, record: Record) -> None:
        if kind == "request" and record.kind == "transcription":
            self._timeline.add("transcribe", f"{record.body['seconds']} s", at=record.received, number=record.number)

    # -- set by steps -----------------------------------------------------------------------------------------------
    def begin(self, scenario: Scenario) -> None:
        def inside():
            for name in MODELS:
                self._services[name].reset(Script(scenario.script(name)))
            recogniser = self._services["transcription"]
            recogniser.reset()
            recogniser.delay = scenario.delay_ms / 1000
            recogniser.utterance = Utterance(scenario.transcription_text, 0.0)
            recogniser.set_fault(scenario.transcription_fault)
        self._loop.run(inside)

    def spoken(self, text: str, seconds: float, texts: list[str]) -> None:
        self._loop.run(setattr, self._services["transcription"], "utterance", Utterance(text, seconds, texts))

    def fault(self, name: str, fault: Fault | None) -> None:
        self._loop.run(self._services[name].set_fault, fault)

    def drop(self, name: str) -> int:
        return self._loop.run(self._services[name].server.drop)

    # -- what was seen ----------------------------------------------------------------------------------------------
    def requests(self, name: str = "model") -> list[Record]:
        return self._loop.run(self._services[name].requests)

    def problems(self) -> list[str]:
        """Defects of the script or the services themselves."""
        def inside():
            found = [f"the {name} was asked {question!r}, and the script has no answer for it"
                     for name in MODELS for question in self._services[name].script.exhausted]
            return found + [f"loopback {e}" for service in self._services.values() for e in service.server.errors]
        return self._loop.run(inside)
