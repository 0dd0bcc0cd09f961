"""The loopback model and recogniser, told what to answer while the conversation goes on."""
import dataclasses
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from loopback.anthropic_service import AnthropicService  # noqa: E402
from loopback.chat_service import ChatService  # noqa: E402
from loopback.faults import Fault  # noqa: E402
from loopback.http_server import Loop, Record  # noqa: E402
from loopback.script import Answer, text_of  # noqa: E402
from loopback.transcription_service import TranscriptionService, Utterance  # noqa: E402

__all__ = ["Answer", "Fault", "Record", "Services", "text_of"]


class Answers:
    """Each question has its answer, however often and however early it is asked. In place of a Script."""

    def __init__(self):
        self.known: dict[str, Answer] = {}
        self.otherwise = Answer("Yes.")
        self.after_tools: Answer | None = None

    def answer_for(self, messages: list[dict]) -> Answer:
        if self.after_tools is not None and messages and messages[-1].get("role") == "tool":
            return self.after_tools
        asked = next((text_of(m) for m in reversed(messages) if m.get("role") == "user"), "")
        # What memory adds stands before the question, and may hold older ones.
        found = [question for question in self.known if question in asked]
        answer = self.known[max(found, key=asked.rfind)] if found else self.otherwise
        answer.used += 1
        return answer


class Services:
    def __init__(self, model: str = "model", recogniser=None):
        self._loop = Loop()
        self._all: list = []
        self.chat = self.add(AnthropicService() if model == "anthropic" else ChatService())
        self.recogniser = self.add(recogniser or TranscriptionService())
        self.answers = Answers()
        self.chat.script = self.answers
        self.told_recognition_s = 0.0

    def add(self, service):
        self._loop.call(service.server.start())
        self._all.append(service)
        return service

    @property
    def model_url(self) -> str:
        return f"http://127.0.0.1:{self.chat.server.port}/v1"

    @property
    def recogniser_url(self) -> str:
        return f"http://127.0.0.1:{self.recogniser.server.port}/v1"

    def will_answer(self, question: str, answer: Answer) -> None:
        self._loop.run(self.answers.known.__setitem__, question, answer)

    def forget_answers(self) -> None:
        self._loop.run(self.answers.known.clear)

    def will_hear(self, text: str, seconds: float, delay: float = 0.0) -> None:
        def tell():
            self.recogniser.say(Utterance(text, seconds))
            self.recogniser.delay = delay
        self.told_recognition_s = delay
        self._loop.run(tell)

    def break_model(self, fault: Fault | None) -> None:
        self._loop.run(setattr, self.chat, "fault", fault)

    def model_requests(self) -> list[Record]:
        return self._loop.run(lambda: [dataclasses.replace(r) for r in self.chat.requests()])

    def recognitions(self) -> list[Record]:
        return self._loop.run(lambda: [dataclasses.replace(r) for r in self.recogniser.requests()])

    def forget_requests(self) -> None:
        self._loop.run(lambda: [s.server.records.clear() for s in self._all])

    def errors(self) -> list[str]:
        """Of the services themselves: they must not look like prot's."""
        return self._loop.run(lambda: [error for s in self._all for error in s.server.errors])

    def close(self) -> None:
        for service in self._all:
            self._loop.call(service.server.stop())
        self._loop.stop()
