"""A whole prot on virtual audio, in folders of its own, for tests that watch it from outside."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
for part in ("tools/demo", "tests/support"):
    sys.path.insert(0, str(ROOT / part))
import audio as virtual  # noqa: E402
import questions  # noqa: E402
from client import Events, Prot, end_by_signal, ignore_signals  # noqa: E402
from loopback.chat_service import ChatService  # noqa: E402
from loopback.http_server import Loop  # noqa: E402
from loopback.script import Answer, Script, last_user  # noqa: E402
from scenario.chats import new_conversation  # noqa: E402

STAGES = ("capture", "stt", "brain", "tts", "player", "memory")


def wait_for(what: str, condition, timeout: float, interval: float = 0.01):
    """Polls until `condition()` is true and returns its value; raises after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout} s")
        time.sleep(interval)


def running(pid: int) -> bool:
    """Alive and not a zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class LongOrShort(Script):
    """Any question has an answer; who asks for sentences gets many."""
    LONG = ("A fox is a clever animal with a bushy tail. It lives in a den at the edge of a forest and looks for food at night. "
            "In spring it has three or four young, and they play in front of the den until the evening comes. In winter its "
            "fur is thick and warm, and it hears a mouse under the snow from far away. It is a good neighbour.")

    def answer_for(self, messages: list[dict]) -> Answer:
        question, _results = last_user(messages)
        return Answer(text=self.LONG if "sentences" in question.lower() else "I think that it is so.", first_ms=300, pace_ms=15)


class ScriptedModel:
    """Answers in place of the language model, in tests that are about something else. Use as a context manager."""

    def __enter__(self) -> "ScriptedModel":
        self._loop = Loop()
        self._service = ChatService()
        self._loop.run(self._service.reset, LongOrShort())
        self._loop.call(self._service.server.start())
        return self

    def __exit__(self, *_error) -> None:
        self._loop.call(self._service.server.stop())
        self._loop.stop()

    def settings(self) -> dict:
        return {"llm.enabled": "false", "brain.engine": "openai", "brain.model": "scripted",
                "brain.url": f"http://127.0.0.1:{self._service.server.port}/v1"}


class Conversation:
    """Use as a context manager. `binaries`: the folder of links to the programs (build/bin)."""

    def __init__(self, name: str, settings: dict | None = None, binaries: pathlib.Path | None = None):
        self.binaries = binaries or pathlib.Path(os.environ.get("PROT_BIN", ROOT / "build" / "bin"))
        self.instance = f"{name}-{os.getpid()}"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="prot-e2e-"))
        self.folder.chmod(0o711)  # the database's user must get through
        (self.folder / "run").mkdir(mode=0o711)
        self.settings = {"general.language": "en", "capture.source": "pulse", "capture.device": "mic",
                         "player.sink": "pulse", "player.device": "speaker", "player.headphones": "true",
                         "brain.max_tokens": "60",
                         # A quick voice: it is not what these tests are about, and they last as long as it speaks.
                         "tts.voice_en": "espeak", "tts.espeak_wpm": "280", **(settings or {})}
        self.audio = self.prot = self.events = self.microphone = self.loudspeaker = None

    def __enter__(self) -> "Conversation":
        end_by_signal()
        try:
            self.audio = virtual.VirtualAudio(self.folder / "audio")
            environment = dict(os.environ, PULSE_SERVER=self.audio.server, XDG_RUNTIME_DIR=str(self.folder / "run"),
                               XDG_STATE_HOME=str(self.folder / "state"))
            self.prot = Prot(self.binaries, self.instance, self.settings, environment)
            self.microphone = virtual.Recording(self.audio, "micsrc.monitor")
            self.loudspeaker = virtual.Recording(self.audio, "speaker.monitor")
            self.up()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_error) -> None:
        handlers = [(n, signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        ignore_signals()
        if self.events:
            self.events.stop()
        try:
            if self.prot:
                self.prot.command("down", "--now", timeout=90)
        finally:
            for recording in (self.microphone, self.loudspeaker):
                if recording:
                    recording.stop()
            if self.audio:
                self.audio.stop()
            shutil.rmtree(self.folder, ignore_errors=True)
            for segment in pathlib.Path("/dev/shm").glob(f"prot.{self.instance}.*"):
                segment.unlink()  # of a run whose supervisor the test killed before it failed
            for number, handler in handlers:
                signal.signal(number, handler)

    def up(self) -> None:
        self.prot.up()
        if self.events:
            self.events.stop()
        self.events = Events(self.prot.runtime / "chat.sock")

    def begin_anew(self) -> None:
        """A new conversation in the same run; nothing that was said before is waited for any more."""
        new_conversation(self.prot.runtime / "chat.sock")
        while self.events.next(0) is not None:
            pass

    # -- looking ----------------------------------------------------------------------------------------------
    def stage(self, name: str) -> dict:
        return next(s for s in self.prot.status()["stages"] if s["name"] == name)

    def ring(self, name: str) -> dict:
        return next(r for r in self.prot.status()["rings"] if r["name"] == name)

    def pids(self) -> dict[str, int]:
        return {s["name"]: s["pid"] for s in self.prot.status()["stages"] if s["pid"]}

    def sql(self, query: str) -> str:
        psql = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/psql"))[-1]
        done = subprocess.run([psql, "-h", str(self.prot.runtime / "db"), "-U", "prot", "-d", "prot", "-Atc", query],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def user_messages(self) -> list[str]:
        rows = self.sql("SELECT text FROM message WHERE role = 'user' ORDER BY seq")
        return rows.splitlines()

    # -- talking ----------------------------------------------------------------------------------------------
    def speak(self, text: str) -> tuple[float, float]:
        """Speaks into the microphone; begin and end of the speech in its recording, seconds."""
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "prot" / "demo"
        wav = questions.make_wav(text, "en", cache, self.binaries / "run_voice")
        begin = time.monotonic()
        if self.audio.play(wav).wait(30) != 0:
            raise RuntimeError("paplay failed")
        loud = wait_for("the question in the microphone",
                        lambda: self.microphone.loud_blocks(begin, time.monotonic(), threshold=400), 5)
        return loud[0], loud[-1]

    def event(self, kind: str, timeout: float = 40, **fields) -> dict:
        """The next event of that kind with those fields."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            found = self.events.next(left)
            if found and found["type"] == kind and all(found.get(k) == v for k, v in fields.items()):
                return found
        raise TimeoutError(f"no event '{kind}' {fields} within {timeout} s")

    def ask(self, text: str) -> dict:
        """One whole turn: its 'turn' event."""
        self.speak(text)
        return self.event("turn")

    def kill(self, stage: str) -> tuple[int, float]:
        """SIGKILL; its pid and when."""
        pid = self.stage(stage)["pid"]
        os.kill(pid, signal.SIGKILL)
        return pid, time.monotonic()

    def ready_again(self, stage: str, old_pid: int, timeout: float = 15) -> None:
        wait_for(f"{stage} ready again", lambda: (s := self.stage(stage))["state"] == "ready" and s["pid"] != old_pid,
                 timeout)
