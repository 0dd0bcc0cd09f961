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
from loopback.mcp_service import McpService
from loopback.openai_speech import OpenAiSpeechService
from loopback.script import Tool
from loopback.vector_service import VectorService
from loopback.wyoming_service import WyomingService

ESTABLISHED, CLOSE_WAIT = "01", "08"
MOST_OPEN = 3  # connections that a client may keep for its next request
REMEMBERED = 3  # messages of another conversation, so that there is something to find
VECTORS_QUIET_S = 0.4
TOOLS = {"home": Tool("home_assistant", json.dumps({"action": "get_state", "entity_id": "light.kitchen"})),
         "mcp": Tool("loopback__echo", json.dumps({"text": "all is well"}))}


@dataclasses.dataclass(frozen=True)
class Choice:
    """Which service stands where."""
    model: str = "model"        # or "anthropic"
    recogniser: str = "openai"  # or "elevenlabs", "wyoming"
    voice: str = "tone"         # or "socket", "http": ElevenLabs'; "openai", "wyoming"
    home: bool = False
    mcp: bool = False
    vectors: str = ""           # or "openai", "voyage": embeddings and ranks


class EveryService(Services):
    """`parts` are the loopback services by their place in the conversation."""

    def __init__(self, choice: Choice):
        self.choice = choice
        self._found_from = 0
        other = {"elevenlabs": ScribeService, "wyoming": WyomingService}.get(choice.recogniser)
        super().__init__(choice.model, other and other())
        self.parts = {"model": self.chat, "recogniser": self.recogniser}
        if choice.voice != "tone":
            self.parts["voice"] = self.add(
                {"openai": OpenAiSpeechService,
                 "wyoming": lambda: WyomingService(rate=24000)}.get(choice.voice, SpeechService)())  # tones keep their length
        if choice.home:
            self.parts["home"] = self.add(HomeAssistantService())
        if choice.mcp:
            self.parts["mcp"] = self.add(McpService())
        if choice.vectors:
            self.parts |= {"vectors": self.add(VectorService()), "ranks": self.add(VectorService())}

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
            self._found_from = len(service.server.records)
            if part == "recogniser" and self.choice.recogniser == "elevenlabs" or part == "voice":
                service.server.drop()
        self._loop.run(tell)

    def struck(self, part: str) -> bool:
        """Has the newest fault of that part met anybody?"""
        def look():
            service = self.parts[part]
            return service.faulted > 0 or any(r.fault for r in service.server.records[self._found_from:])
        return self._loop.run(look)

    def spoken(self) -> list:
        return self._loop.run(lambda: [dataclasses.replace(s) for s in self.parts["voice"].spoken])

    def records(self, part: str) -> list:
        return self._loop.run(lambda: [dataclasses.replace(r) for r in self.parts[part].requests()])

    def change(self, part: str, **values) -> None:
        def tell():
            for name, value in values.items():
                setattr(self.parts[part], name, value)
        self._loop.run(tell)

    def use_tool(self, part: str, question: str, reply: Answer) -> None:
        """The model asks that part, and says the reply when it knows."""
        tool = TOOLS[part]
        self.will_answer(question, Answer(tools=[dataclasses.replace(tool)], first_ms=50))

        def tell():
            self.answers.after_tools = reply
        self._loop.run(tell)

    def await_mcp(self) -> None:
        """Until its process has told its tools."""
        until = time.monotonic() + 20
        while not self._loop.run(lambda: self.parts["mcp"].ready) and time.monotonic() < until:
            time.sleep(0.02)


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
        if self.choice.mcp:
            settings["mcp.servers"] = json.dumps([{"name": "loopback", "command": self.services.parts["mcp"].command()}])
        if self.choice.vectors:
            self._adapt_vectors(settings, environment)

    def _adapt_vectors(self, settings: dict, environment: dict) -> None:
        ranks = self.services.url("ranks")
        if self.choice.vectors == "voyage":  # the ranks' address says whose they are
            ranks += "/voyageai.com"
            environment["VOYAGE_API_KEY"] = "loopback"
            settings["memory.rerank_key_env"] = "VOYAGE_API_KEY"
        settings |= {"memory.embedder": self.choice.vectors, "memory.embedding_url": self.services.url("vectors") + "/v1",
                     "memory.embedding_model": "loopback", "memory.rerank_url": ranks + "/v1",
                     "memory.rerank_model": "loopback"}

    def remember(self) -> None:
        """Something that the next question has to do with, with its vectors: returns when they are made."""
        before = len(self.services.records("vectors"))
        client = TextClient(self)
        for _ in range(REMEMBERED):
            client.ask(self.question() + " is what we talked about")
            client.answer(10)
        client.close()
        until = time.monotonic() + 10
        while time.monotonic() < until:
            seen = self.services.records("vectors")[before:]
            if seen and all(r.done for r in seen) and time.monotonic() - seen[-1].received > VECTORS_QUIET_S:
                return
            time.sleep(0.05)
        raise TimeoutError("memory does not ask for vectors")

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


__all__ = ["TOOLS", "Answer", "Choice", "EveryService", "Fault", "RingTail", "ServiceRig", "STAGES", "TextClient", "text_of"]
