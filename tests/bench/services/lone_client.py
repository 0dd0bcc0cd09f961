"""One client of the product without a conversation: tests/programs/service_client asks as its stage does, and this tells it
what. The table says how each service is asked, and what of its answers."""
import contextlib
import dataclasses
import json
import os
import pathlib
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable

BUILD = pathlib.Path(os.environ.get("PROT_BUILD", "build"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from loopback.elevenlabs_stt import ScribeService  # noqa: E402
from loopback.elevenlabs_tts import SpeechService, words_of  # noqa: E402
from loopback.home_assistant import HomeAssistantService  # noqa: E402
from loopback.http_server import Loop  # noqa: E402
from loopback.mcp_service import McpService  # noqa: E402
from loopback.openai_speech import OpenAiSpeechService  # noqa: E402
from loopback.transcription_service import TranscriptionService, Utterance  # noqa: E402
from loopback.vector_service import VectorService  # noqa: E402
from loopback.wyoming_service import WyomingService  # noqa: E402

SAYS_S, AUDIO_S = 0.3, 0.6
RATE = 24000
TEXTS = ["Alder and birch.", "Cedar, fern and gorse.", "Hazel.", "Ivy and juniper and kale.", "Larch then."]
SENSOR = "sensor.outside"
PATIENCE_S = 30
SHORTEST_WORD_S = 0.15


def hear(service, n: int):
    text = f"Number {n} is {TEXTS[n % len(TEXTS)]}"
    service.say(Utterance(text, SAYS_S))
    return {"seconds": AUDIO_S, "finish": True}, text


def speak(_service, n: int):
    return {"text": TEXTS[n % len(TEXTS)]}, None


def embed(_service, n: int):
    first = n % len(TEXTS)
    return {"texts": TEXTS[first:] + TEXTS[:first]}, None


def look(service, n: int):
    service.entities[SENSOR] = (f"{n}.5", "Outside Temperature")
    return {"tool": "home_assistant", "arguments": {"action": "get_state", "entity_id": SENSOR}}, f'"state":"{n}.5"'


def echo(_service, n: int):
    return {"tool": "loopback__echo", "arguments": {"text": f"number {n}"}}, f"number {n}"


@dataclasses.dataclass(frozen=True)
class Lone:
    """`order` runs on the service's loop and gives an order and what its answer says; none: the same as the first time.
    `faults` are those that one request or another may meet."""
    called: str
    client: str
    make: Callable
    order: Callable
    faults: tuple[str, ...]
    most_after: int = 4  # pieces before which a fault of the middle may come


COMMON = ("small_writes", "delay_headers", "reset", "eof", "status")
STREAM = ("small_writes", "delay_first", "reset", "eof", "error_event", "unknown_event")
LONE = {
    "recogniser": Lone("OpenAI's recogniser", "recogniser:openai", TranscriptionService, hear, COMMON),
    "scribe": Lone("ElevenLabs' recogniser", "recogniser:elevenlabs", ScribeService, hear,
                   (*COMMON, "delay_first", "pings", "unknown_event", "unknown_field", "twin")),
    "wyoming": Lone("Wyoming recogniser", "recogniser:wyoming", WyomingService, hear, (*STREAM, "unknown_field"),
                    most_after=0),
    "socket": Lone("ElevenLabs' voice, socket", "voice:socket", SpeechService, speak,
                   (*STREAM, "pings", "unknown_field", "status")),
    "http": Lone("ElevenLabs' voice, HTTP", "voice:http", SpeechService, speak,
                 (*COMMON, "delay_first", "error_event", "unknown_field", "crlf")),
    "openai-voice": Lone("OpenAI's voice", "voice:openai", OpenAiSpeechService, speak,
                         (*COMMON, "delay_first", "odd_bytes")),
    "wyoming-voice": Lone("Wyoming voice", "voice:wyoming", lambda tell: WyomingService(tell, rate=RATE), speak,
                          (*STREAM, "odd_bytes")),
    "embeddings": Lone("OpenAI's embeddings", "vectors:openai", VectorService, embed,
                       (*COMMON, "delay_first", "unknown_field")),
    "rerank": Lone("OpenAI's ranks", "vectors:openai-rerank", VectorService, embed,
                   (*COMMON, "delay_first", "unknown_field")),
    "voyage": Lone("Voyage's embeddings", "vectors:voyage", VectorService, embed,
                   (*COMMON, "delay_first", "unknown_field")),
    "voyage-rerank": Lone("Voyage's ranks", "vectors:voyage-rerank", VectorService, embed,
                          (*COMMON, "delay_first", "unknown_field")),
    "home": Lone("Home Assistant", "tool:home", HomeAssistantService, look, COMMON),
    "mcp": Lone("MCP", "tool:mcp", McpService, echo,
                ("small_writes", "delay_first", "unknown_event", "unknown_field", "error_event", "status", "json_body",
                 "pings", "twin", "reset")),
}


class Watch:
    """What a service tells of its requests, and when."""

    def __init__(self):
        self._news = threading.Condition()
        self._told: list[tuple[str, float, object]] = []

    def tell(self, kind: str, record) -> None:
        with self._news:
            self._told.append((kind, time.monotonic(), record))
            self._news.notify_all()

    def mark(self) -> int:
        with self._news:
            return len(self._told)

    def wait(self, kinds: tuple[str, ...], mark: int, timeout: float) -> tuple[str, float, object] | None:
        """The first of those kinds behind the mark; nothing: none came."""
        def found():
            return next((told for told in self._told[mark:] if told[0] in kinds), None)
        with self._news:
            self._news.wait_for(found, timeout)
            return found()


class Program:
    """service_client as a process."""

    def __init__(self, client: str, where: list[str]):
        self._process = subprocess.Popen([BUILD / "tests/programs/service_client", client, *where],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.pid = self._process.pid
        self._lines: queue.Queue = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def write(self, order: dict) -> None:
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()

    def line(self, timeout: float) -> dict | None:
        """Nothing: none came. Raises RuntimeError when the program has ended."""
        with contextlib.suppress(queue.Empty):
            line = self._lines.get(timeout=timeout)
            if line is None:
                raise RuntimeError(f"service_client ended with {self._process.wait(5)}")
            return line
        return None

    def close(self) -> int:
        """How it ended."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            return self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait(5)
        finally:
            self._reader.join(5)


class LoneRig:
    """A service and its client. Use as a context manager; `ended` tells afterwards how the client's program ended."""

    def __init__(self, name: str):
        self.lone = LONE[name]
        self.watch = Watch()
        self.ended = -1
        self._first: dict[str, str] = {}  # the answer to an order that is always answered alike
        self._expected: str | None = None
        self._order = ""
        self._number = 0
        self._found_from = 0

    def __enter__(self) -> "LoneRig":
        self._loop = Loop()
        self.service = self.lone.make(self.watch.tell)
        self.service.first = 0.01  # of a voice
        self._loop.call(self.service.server.start())
        self.program = Program(self.lone.client, self._where())
        try:
            self.await_ready()
            for _ in TEXTS:  # and connections, caches
                self.ask()
                if wrong := self.wrong_answer():
                    raise RuntimeError(f"{self.lone.called} alone: {wrong}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error) -> None:
        self.ended = self.program.close()
        self._loop.call(self.service.server.stop())
        self._loop.stop()

    def _where(self) -> list[str]:
        if isinstance(self.service, McpService):
            return self.service.command()
        scheme = "tcp" if isinstance(self.service, WyomingService) else "http"
        return [f"{scheme}://127.0.0.1:{self.service.server.port}"]

    def run(self, function, *arguments):
        return self._loop.run(function, *arguments)

    def change(self, **values) -> None:
        self.run(lambda: [setattr(self.service, name, value) for name, value in values.items()])

    def befall(self, fault) -> None:
        def tell():
            self.service.fault = fault
            self.service.faulted = 0
            self._found_from = len(self.service.server.records)
            if fault is not None and self._needs_new_connection(fault):
                self.service.server.drop()
        self.run(tell)

    def _needs_new_connection(self, fault) -> bool:
        """Of a service whose connection is kept for the next request."""
        return isinstance(self.service, ScribeService) or self.lone.client == "voice:socket" and fault.kind == "status"

    def struck(self) -> bool:
        """Has the newest fault met anything?"""
        return self.run(lambda: getattr(self.service, "faulted", 0) > 0 or
                        any(record.fault for record in self.service.server.records[self._found_from:]))

    def await_ready(self) -> None:
        """Until an MCP server's process has told its tools."""
        until = time.monotonic() + PATIENCE_S
        while isinstance(self.service, McpService) and time.monotonic() < until:
            if self.run(lambda: self.service.ready):
                return time.sleep(0.05)  # and the client has read them
            time.sleep(0.02)
        return None

    def ask(self, **more) -> None:
        """The next order; `more` changes it."""
        order, self._expected = self.run(self.lone.order, self.service, self._number)
        self._number += 1
        self._order = json.dumps(order)
        self.program.write({**order, **more})

    def cancel(self) -> float:
        """When the client was told. Raises RuntimeError when it had its answer already."""
        self.program.write({"cancel": True})
        line = self.program.line(PATIENCE_S)
        if line is None or "cancelled" not in line:
            raise RuntimeError(f"{self.lone.called}: {line} instead of a cancel")
        return line["cancelled"]

    def answer(self) -> dict | None:
        return self.program.line(PATIENCE_S)

    def is_whole(self, answer: dict | None) -> bool:
        """The answer to the newest order, all of it."""
        if answer is None or answer.get("failure") != "":
            return False
        if self._expected is not None:
            return self._expected == answer["text"] or (self._expected in answer["text"] and self.lone.order is look)
        return self._first.setdefault(self._order, answer["text"]) == answer["text"] and self._is_plausible(answer)

    def _is_plausible(self, answer: dict) -> bool:
        if self.lone.order is not speak:
            return True
        words = len(words_of(json.loads(self._order)["text"]))
        return int(answer["text"].split()[0]) >= words * SHORTEST_WORD_S * RATE

    def wrong_answer(self) -> str:
        """Waits for the answer; empty: it is whole."""
        answer = self.answer()
        return "" if self.is_whole(answer) else f"the answer to {self._order} was {answer}"

    def errors(self) -> list[str]:
        """Of the service itself: they must not look like the client's."""
        return self.run(lambda: list(self.service.server.errors))
