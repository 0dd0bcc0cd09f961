"""Everything that happened in a scenario, in one order and on one clock (CLOCK_MONOTONIC, seconds)."""
import dataclasses
import threading
import time


@dataclasses.dataclass
class Event:
    at: float
    label: str
    text: str = ""
    data: dict = dataclasses.field(default_factory=dict)

    def matches(self, pattern: str) -> bool:
        label, colon, text = pattern.partition(":")
        return self.label == label and (not colon or text.strip() in self.text)


class Timeline:
    """Any thread adds; the runner reads. A wait looks at what came since the last action began, or since the last
    event of the same label that was waited for, whichever is later."""

    def __init__(self):
        self._lock = threading.Condition()
        self._events: list[Event] = []
        self._action = 0  # number of events when the last action began
        self._seen: dict[str, int] = {}  # label -> number of events up to and with the last one waited for

    def add(self, label: str, text: str = "", at: float | None = None, **data) -> None:
        with self._lock:
            self._events.append(Event(time.monotonic() if at is None else at, label, text, data))
            self._lock.notify_all()

    def clear(self) -> None:
        with self._lock:
            self._events.clear()
            self._action = 0
            self._seen.clear()

    def act(self) -> None:
        with self._lock:
            self._action = len(self._events)

    def wait(self, pattern: str, seconds: float) -> Event | None:
        label = pattern.partition(":")[0]
        deadline = time.monotonic() + seconds
        with self._lock:
            at = max(self._action, self._seen.get(label, 0))
            while True:
                while at < len(self._events):
                    at += 1
                    if self._events[at - 1].matches(pattern):
                        self._seen[label] = at
                        return self._events[at - 1]
                left = deadline - time.monotonic()
                if left <= 0 or not self._lock.wait(left):
                    if time.monotonic() >= deadline and at >= len(self._events):
                        return None

    def events(self) -> list[Event]:
        with self._lock:
            return list(self._events)

    def all(self, label: str) -> list[Event]:
        return [e for e in self.events() if e.label == label]
