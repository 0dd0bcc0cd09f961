"""A conversation whose every service is a loopback one: recogniser, model, voice, home."""
import dataclasses
import json
import pathlib
import socket
import subprocess
import threading
import time

from rig import BUILD, STAGES, Rig
from services import Answer, Services, text_of

from loopback.elevenlabs_stt import ScribeService
from loopback.elevenlabs_tts import SpeechService
from loopback.faults import Fault
from loopback.home_assistant import HomeAssistantService
from loopback.openai_speech import OpenAiSpeechService
from loopback.script import Tool
from loopback.wyoming_service import WyomingService

ESTABLISHED, CLOSE_WAIT = "01", "08"
MOST_OPEN = 3  # connections that a client may keep for its next request


@dataclasses.dataclass(frozen=True)
class Choice:
    """Which service stands where."""
    model: str = "model"        # or "anthropic"
    recogniser: str = "openai"  # or "elevenlabs", "wyoming"
    voice: str = "tone"         # or "socket", "http": ElevenLabs'; "openai", "wyoming"
    home: bool = False


class EveryService(Services):
    """`parts` are the loopback services by their place in the conversation."""

    def __init__(self, choice: Choice):
        self.choice = choice
        other = {"elevenlabs": ScribeService, "wyoming": WyomingService}.get(choice.recogniser)
        super().__init__(choice.model, other and other())
        self.parts = {"model": self.chat, "recogniser": self.recogniser}
        if choice.voice != "tone":
            self.parts["voice"] = self.add(
                {"openai": OpenAiSpeechService,
                 "wyoming": lambda: WyomingService(rate=24000)}.get(choice.voice, SpeechService)())  # tones keep their length
        if choice.home:
            self.parts["home"] = self.add(HomeAssistantService())

    def url(self, part: str) -> str:
        return f"http://127.0.0.1:{self.parts[part].server.port}"

    def wyoming_url(self, part: str) -> str:
        return f"tcp://127.0.0.1:{self.parts[part].server.port}"

    def befall(self, part: str, fault: Fault | None) -> None:
        """Open connections of the kind that is kept end, so that the fault finds the next one."""
        service = self.parts[part]

        def tell():
            service.fault = fault
            service.faulted = 0
            if part == "recogniser" and self.choice.recogniser == "elevenlabs" or part == "voice":
                service.server.drop()
        self._loop.run(tell)

    def spoken(self) -> list:
        return self._loop.run(lambda: [dataclasses.replace(s) for s in self.parts["voice"].spoken])

    def records(self, part: str) -> list:
        return self._loop.run(lambda: [dataclasses.replace(r) for r in self.parts[part].requests()])

    def change(self, part: str, **values) -> None:
        def tell():
            for name, value in values.items():
                setattr(self.parts[part], name, value)
        self._loop.run(tell)

    def use_home(self, question: str, reply: Answer) -> None:
        """The model reads a lamp, and says the reply when it knows."""
        arguments = json.dumps({"action": "get_state", "entity_id": "light.kitchen"})
        self.will_answer(question, Answer(tools=[Tool("home_assistant", arguments)], first_ms=50))

        def tell():
            self.answers.after_tools = reply
        self._loop.run(tell)


class ServiceRig(Rig):
    def __init__(self, name: str, choice: Choice, settings: dict | None = None, seed: int = 1, fragment_ms: int = 10):
        super().__init__(name, settings, fragment_ms, seed, choice.model)
        self.choice = choice

    def make_services(self) -> Services:
        return EveryService(self.choice)

    def adapt(self, settings: dict, environment: dict) -> None:
        environment |= {"ELEVENLABS_API_KEY": "loopback", "HASS_TOKEN": "loopback-secret"}
        if self.choice.recogniser == "elevenlabs":
            settings |= {"stt.engine": "elevenlabs", "stt.url": self.services.url("recogniser")}
        if self.choice.recogniser == "wyoming":
            settings |= {"stt.engine": "wyoming", "stt.url": self.services.wyoming_url("recogniser")}
        if self.choice.voice in ("openai", "wyoming"):
            settings |= {"tts.voice_en": self.choice.voice, "tts.fallback_en": "tone",
                         "tts.openai_url": self.services.url("voice"),
                         "tts.wyoming_url": self.services.wyoming_url("voice")}
        elif self.choice.voice != "tone":
            settings |= {"tts.voice_en": "elevenlabs", "tts.fallback_en": "tone", "tts.elevenlabs_voice": "loopback",
                         "tts.elevenlabs_url": self.services.url("voice"),
                         "tts.elevenlabs_transport": self.choice.voice}
        if self.choice.home:
            settings["home_assistant.url"] = self.services.url("home")

    def restart(self, stage: str) -> None:
        """As a person does who has mended what was wrong."""
        old = self.board.program(stage)["pid"]
        self.prot.command("restart", stage)
        self.ready_again(stage, old)
        if stage == "brain":
            self.events.subscribed.wait(10)

    def crashes(self) -> int:
        return len(list((self.state_folder / "crashes").glob("*")))

    def leaked_sockets(self) -> int:
        """Connections of prot to its services that the other side has closed, or that are too many."""
        leaked = 0
        for service in self.services.parts.values():
            states = client_states(service.server.port)
            leaked += states.count(CLOSE_WAIT) + max(0, states.count(ESTABLISHED) - MOST_OPEN)
        return leaked

    def files(self) -> dict[str, int]:
        return {name: len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir())) for name, pid in self.pids().items()}

    def anonymous_kib(self, stage: str) -> int:
        text = pathlib.Path(f"/proc/{self.pids()[stage]}/status").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("RssAnon"))


def client_states(port: int) -> list[str]:
    """Of the connections whose other end is that port."""
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row[3] for row in rows if int(row[2].rpartition(":")[2], 16) == port]


class RingTail:
    """The frames of a ring as they are published, by prot-top."""

    def __init__(self, rig: Rig, ring: str):
        self.frames: list[dict] = []
        self._process = subprocess.Popen([BUILD / "top/prot-top", "--instance", rig.instance, "--ring", ring, "--tail", "--json"],
                                         env=rig.prot.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            frame = json.loads(line)
            if "kind" in frame:
                self.frames.append(frame)

    def published(self, kind: str) -> list[float]:
        return [f["published_ns"] / 1e9 for f in list(self.frames) if f["kind"] == kind]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._thread.join(5)


class TextClient:
    """prot's chat socket: one conversation, one message after the other."""

    def __init__(self, rig: Rig):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(rig.prot.runtime / "chat.sock"))
        self._buffer = b""
        self._send({"type": "hello"})
        self.conversation = self.next(5)["conversation"]

    def _send(self, message: dict) -> None:
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def ask(self, text: str) -> None:
        self._send({"type": "message", "content": text, "conversation": self.conversation})

    def stop(self) -> float:
        at = time.monotonic()
        self._send({"type": "stop"})
        return at

    def next(self, timeout: float) -> dict | None:
        """Nothing: no line came in that time."""
        until = time.monotonic() + timeout
        while b"\n" not in self._buffer:
            left = until - time.monotonic()
            if left <= 0:
                return None
            self._socket.settimeout(left)
            try:
                got = self._socket.recv(65536)
            except TimeoutError:
                return None
            if not got:
                raise ConnectionError("brain closed the chat socket")
            self._buffer += got
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def answer(self, timeout: float) -> tuple[str, str, dict | None]:
        """The kind of its end ("done", "error", "nothing"), the chunks, and the last line."""
        text = ""
        while (line := self.next(timeout)) is not None:
            if line["type"] == "chunk":
                text += line["content"]
            elif line["type"] in ("done", "error"):
                return line["type"], text, line
        return "nothing", text, None

    def close(self) -> None:
        self._socket.close()


__all__ = ["Answer", "Choice", "EveryService", "Fault", "RingTail", "ServiceRig", "STAGES", "TextClient", "text_of"]
