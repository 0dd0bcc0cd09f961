"""A whole prot on virtual audio with loopback services, in folders of its own, and all that is heard of it."""
import dataclasses
import json
import os
import pathlib
import random
import shutil
import signal
import tempfile
import threading
import time

import sound
from board import Board
from pulse import Ear, Mouth
from services import Answer, Services

from audio import VirtualAudio  # tools/demo
from client import Events, Prot

BUILD = pathlib.Path(os.environ.get("PROT_BUILD", "build"))
STAGES = ("capture", "stt", "brain", "tts", "player", "memory")
SETTLE_S = 2.5  # an idle null sink has rendered two seconds ahead
WORDS = ("alder birch cedar daisy elm fern gorse hazel ivy juniper kale larch maple nettle oak pine quince rose "
         "sage thyme umber violet willow yew zinnia").split()


@dataclasses.dataclass(frozen=True)
class Said:
    text: str
    begin: float  # in the microphone's recording
    end: float


class Conversation(Events):
    """The events of chat.sock, all of them, in order."""

    def __init__(self, path: pathlib.Path):
        self.all: list[dict] = []
        self._news = threading.Condition()
        super().__init__(path)
        self._collector = threading.Thread(target=self._collect, daemon=True)
        self._collector.start()

    def _collect(self) -> None:
        while not self._stopping:
            event = self.next(0.5)
            if event is not None:
                event["arrived"] = time.monotonic()
                with self._news:
                    self.all.append(event)
                    self._news.notify_all()

    def mark(self) -> int:
        with self._news:
            return len(self.all)

    def since(self, mark: int, kind: str) -> list[dict]:
        with self._news:
            return [e for e in self.all[mark:] if e["type"] == kind]

    def wait(self, kind: str, mark: int, timeout: float, fits=lambda _event: True) -> dict:
        until = time.monotonic() + timeout
        with self._news:
            while True:
                for event in self.all[mark:]:
                    if event["type"] == kind and fits(event):
                        return event
                left = until - time.monotonic()
                if left <= 0 or not self._news.wait(left) and time.monotonic() >= until:
                    raise TimeoutError(f"no event '{kind}' within {timeout:.0f} s")

    def forget(self) -> None:
        with self._news:
            self.all.clear()


class Rig:
    """Use as a context manager. `settings` beat those of the rig."""

    def __init__(self, name: str, settings: dict | None = None, fragment_ms: int = 10, seed: int = 1,
                 service: str = "model"):
        self.service = service  # or "anthropic"
        self.instance = f"talk-{name}-{os.getpid()}"
        self.random = random.Random(seed)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="prot-talk-"))
        self.folder.chmod(0o711)  # the database's user must get through
        (self.folder / "run").mkdir(mode=0o711)
        self.fragment_ms = fragment_ms
        self._open: list = []
        self.settings = settings or {}
        self.numbers = iter(range(1, 1 << 30))

    def __enter__(self) -> "Rig":
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self) -> None:
        self.services = self._opened(self.make_services())
        self.audio = VirtualAudio(self.folder / "audio")
        self._open.append(self.audio.stop)
        opened = time.monotonic()
        for name in ("mouth", "microphone", "loudspeaker"):
            made = (Mouth(self.audio.server, "micsrc", max(30, self.fragment_ms)) if name == "mouth" else
                    Ear(self.audio.server, {"microphone": "micsrc", "loudspeaker": "speaker"}[name] + ".monitor",
                        self.fragment_ms))
            setattr(self, name, self._opened(made))
        environment = dict(os.environ, PULSE_SERVER=self.audio.server, XDG_RUNTIME_DIR=str(self.folder / "run"),
                           XDG_STATE_HOME=str(self.folder / "state"), XDG_CONFIG_HOME=str(self.folder / "config"))
        settings = {"general.language": "en", "capture.source": "pulse", "capture.device": "mic",
                    "capture.detector": "energy", "capture.turn_model": "silence", "player.sink": "pulse",
                    "player.device": "speaker", "player.headphones": "true", "stt.engine": "openai", "stt.url": self.services.recogniser_url,
                    "brain.url": self.services.model_url, "tts.voice_en": "tone", "memory.store": "ram", "stt.fallback": "[]", "brain.fallback": "[]",
                    "memory.database_url": "postgresql:///nowhere", "memory.extraction": "false"}
        if self.service == "anthropic":
            settings |= {"brain.engine": "anthropic", "anthropic.url": self.services.model_url}
            environment["ANTHROPIC_API_KEY"] = "loopback"
        self.adapt(settings, environment)
        settings |= self.settings
        self.prot = Prot(BUILD / "supervisor", self.instance, settings, environment)
        self._open.append(lambda: self.prot.command("down", "--now", timeout=90))
        self.prot.up()
        self.board = self._opened(Board(self.instance))
        self.events = Conversation(self.prot.runtime / "chat.sock")
        self._open.append(self.events.stop)
        if not self.events.subscribed.wait(10):
            raise RuntimeError("brain does not listen on its chat socket")
        self.loudspeaker.wait_until(time.monotonic() - 0.1, 10)
        self.microphone.wait_until(time.monotonic() - 0.1, 10)
        time.sleep(max(0.0, opened + SETTLE_S - time.monotonic()))

    def make_services(self) -> Services:
        return Services(self.service)

    def adapt(self, settings: dict, environment: dict) -> None:
        """For a rig with other services."""

    def _opened(self, part):
        self._open.append(part.close)
        return part

    def __exit__(self, *_error) -> None:
        while self._open:
            try:
                self._open.pop()()
            except Exception as error:  # the rest must be closed all the same
                print(f"conversation bench: while closing: {error}")
        for segment in pathlib.Path("/dev/shm").glob(f"prot.{self.instance}.*"):
            segment.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- talking ------------------------------------------------------------------------------------------------
    def question(self) -> str:
        """A question that was never asked: its number makes the answer its own."""
        number = next(self.numbers)
        return f"Question {number} about {WORDS[number % len(WORDS)]}"

    def reply(self, words: int, per_sentence: int = 7) -> str:
        """That many words, in sentences. No word that anything would read in another way."""
        text = []
        for n in range(words):
            word = self.random.choice(WORDS)
            first = n % per_sentence == 0
            last = n % per_sentence == per_sentence - 1 or n == words - 1
            text.append((word.capitalize() if first else word) + ("." if last else ""))
        return " ".join(text)

    def prepare(self, question: str, answer: Answer, seconds: float, recognition_s: float = 0.0) -> None:
        self.services.will_answer(question, answer)
        self.services.will_hear(question, seconds, recognition_s)

    def begin_to_say(self, seconds: float) -> float:
        """Returns at once; from when on it may be in the recording."""
        begin = time.monotonic() - 0.02
        self.mouth.say(sound.utterance(seconds))
        return begin

    def said_since(self, since: float, text: str, seconds: float) -> Said:
        """Waits for its end in the microphone's recording."""
        until = time.monotonic() + seconds + 5
        while True:
            recorded = self.microphone.heard_until()
            found = self.microphone.stretches(since, recorded)
            # Silence behind it: the last syllable is in the recording to its end.
            if found and found[-1][1] - found[0][0] >= seconds - 0.02 and recorded > found[-1][1] + 0.02:
                return Said(text, found[0][0], found[-1][1])
            if time.monotonic() > until:
                raise TimeoutError("what was said did not reach the microphone")
            time.sleep(0.02)

    def say(self, question: str, seconds: float) -> Said:
        return self.said_since(self.begin_to_say(seconds), question, seconds)

    # -- looking ------------------------------------------------------------------------------------------------
    def segments(self, mark: int, turn: int) -> list[int]:
        """Words of each segment that brain gave to the voice in that turn."""
        return [len(e["text"].split()) for e in self.events.since(mark, "segment") if e.get("turn") == turn]

    def tones(self, begin: float, end: float) -> list[sound.Tone]:
        samples, origin = self.loudspeaker.part(begin, end)
        return [dataclasses.replace(t, begin=origin + t.begin, end=origin + t.end) for t in sound.tones(samples)]

    def pids(self) -> dict[str, int]:
        return {name: self.board.program(name)["pid"] for name in STAGES}

    def restarts(self) -> int:
        return sum(self.board.program(name)["restarts"] for name in STAGES)

    @property
    def state_folder(self) -> pathlib.Path:
        return self.folder / "state/prot" / self.instance

    def turns(self) -> list[dict]:
        """Every turn that is over, from brain's own record: no event is needed, which a dying brain may not send."""
        file = self.state_folder / "said/turns.jsonl"
        lines = file.read_text(encoding="utf-8").split("\n")[:-1] if file.exists() else []
        return [json.loads(line) for line in lines]

    def await_turn(self, known: int, timeout: float) -> tuple[dict, float]:
        """The first turn beyond `known` ones, and when it was over."""
        until = time.monotonic() + timeout
        while len(turns := self.turns()) <= known:
            if time.monotonic() > until:
                raise TimeoutError(f"no turn was over within {timeout:.0f} s")
            time.sleep(0.01)
        return turns[known], time.monotonic()

    def settle(self, quiet_s: float = 0.6, timeout: float = 20) -> None:
        """Returns when nobody has said anything, nor is about to, for a while."""
        until, since = time.monotonic() + timeout, time.monotonic()
        while (now := time.monotonic()) < since + quiet_s:
            if self.board.conversation() not in ("idle", "active"):
                since = now
            if now > until:
                raise TimeoutError(f"the conversation stays {self.board.conversation()}")
            time.sleep(0.01)

    def kill(self, stage: str) -> tuple[int, float]:
        pid = self.board.program(stage)["pid"]
        os.kill(pid, signal.SIGKILL)
        return pid, time.monotonic()

    def ready_again(self, stage: str, old_pid: int, timeout: float = 20) -> float:
        """When its successor was ready."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            entry = self.board.program(stage)
            if entry["pid"] != old_pid and entry["state"] == "ready":
                return entry["ready"]
            time.sleep(0.002)
        raise TimeoutError(f"{stage} is not ready again within {timeout} s")

    def loud(self, begin: float, end: float) -> bool:
        return bool(self.loudspeaker.stretches(begin, end))
