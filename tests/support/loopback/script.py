"""What the loopback model answers, as a conversation's script says, whatever is retried or asked ahead of time."""
import dataclasses
import re

from .faults import Fault


@dataclasses.dataclass
class Tool:
    name: str
    arguments: str = "{}"
    id: str = ""


@dataclasses.dataclass
class Answer:
    """One entry of the script."""
    text: str = ""
    to: str = ""  # only to a last user message that contains this; empty: in order
    deltas: list[str] = dataclasses.field(default_factory=list)  # instead of `text` cut into words
    pace_ms: int = 0  # between two pieces of text
    first_ms: int = 0  # before the first
    tools: list[Tool] = dataclasses.field(default_factory=list)
    thinking: str = ""  # thoughts before it (Anthropic)
    search: str = ""  # a search of the service itself before it (Anthropic)
    summary: str = ""  # the service sums up what was before (Anthropic)
    pauses: int = 0  # so often the service pauses behind that
    stop: str = ""  # another reason to stop than the usual one
    fault: Fault | None = None
    used: int = 0  # requests that it answered or failed

    def pieces(self) -> list[str]:
        return list(self.deltas) or re.findall(r"\s*\S+|\s+$", self.text)


def text_of(message: dict) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return ""


def last_user(messages: list[dict]) -> tuple[str, int]:
    """The last thing that a person said, and how many messages of tools follow it. What stands on the lines before it
    is not this question: time, memory, what was said before and got no answer."""
    for back, message in enumerate(reversed(messages)):
        if message.get("role") == "user":
            results = sum(m.get("role") == "tool" for m in messages[len(messages) - back:])
            return text_of(message).rsplit("\n", 1)[-1], results
    return "", 0


class Script:
    """Which answer belongs to a request. The same question gets the same answer when it is asked again (a retry, a
    restarted brain), also when it has grown meanwhile (the model was asked ahead on a partial transcript); results of
    tools ask for the next one. Used by one thread."""

    def __init__(self, answers: list[Answer] | None = None):
        self.answers = list(answers or [])
        self.exhausted: list[str] = []  # questions that the script had no answer for
        self._order = iter([a for a in self.answers if not a.to])
        self._given: list[tuple[str, int, Answer]] = []  # question, results of tools, answer; newest last

    def answer_for(self, messages: list[dict]) -> Answer | None:
        question, results = last_user(messages)
        found = self._again(question, results) or self._to(question) or self._grown(question, results) or next(
            self._order, None)
        if found is None:
            self.exhausted.append(question)
            return None
        self._given.append((question, results, found))
        found.used += 1
        return found

    def _again(self, question: str, results: int) -> Answer | None:
        return next((answer for known, known_results, answer in reversed(self._given)
                     if known == question and known_results == results), None)

    def _to(self, question: str) -> Answer | None:
        return next((a for a in self.answers if a.to and not a.used and a.to.lower() in question.lower()), None)

    def _grown(self, question: str, results: int) -> Answer | None:
        if not self._given:
            return None
        known, known_results, answer = self._given[-1]
        return answer if known_results == results and grows(known, question) else None


def grows(before: str, after: str) -> bool:
    """Is `after` the same question with more words? Punctuation at the end of a partial transcript may go."""
    stem = re.sub(r"[\s.,!?…]+$", "", before).lower()
    return bool(stem) and after.lower().startswith(stem) and before != after
