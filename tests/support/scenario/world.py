"""Where scenarios happen: a private sound server, the loopback services, and prot in folders of its own."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tools" / "demo"))
import audio as virtual  # noqa: E402
from client import Events, Prot  # noqa: E402

from .format import Scenario  # noqa: E402
from .keys import STAGES  # noqa: E402
from .services import Services  # noqa: E402
from .sounds import Sounds  # noqa: E402
from .timeline import Timeline  # noqa: E402

QUIET = 0.3  # s without sound: the loudspeaker is silent
LOUD = 300
KEY_NAME = "SCENARIO_API_KEY"


class World:
    """`begin_run` and `end_run` start and stop prot; the rest lives as long as the object. Use as a context manager."""

    def __init__(self, binaries: pathlib.Path):
        self.binaries = binaries
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="prot-scn-"))
        self.folder.chmod(0o711)  # the database's user must get through
        self.timeline = Timeline()
        self.audio = self.services = self.prot = self.events = self.microphone = self.loudspeaker = None
        self.sounds = Sounds(self.folder, binaries / "run_voice")
        self._runs = 0
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self.settled = True  # the loudspeaker is silent

    def __enter__(self) -> "World":
        try:
            self.services = Services(self.timeline)
            self.audio = virtual.VirtualAudio(self.folder / "audio")
            self.microphone = virtual.Recording(self.audio, "micsrc.monitor")
            self.loudspeaker = virtual.Recording(self.audio, "speaker.monitor")
            wait_for("recordings", lambda: self.microphone.samples and self.loudspeaker.samples, 10)
            self._start(self._watch_loudspeaker)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error) -> None:
        handlers = [(n, signal.signal(n, signal.SIG_IGN)) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        self._stopping.set()
        try:
            self.end_run(now=True)
        finally:
            for thread in self._threads:
                thread.join(5)
            for recording in (self.microphone, self.loudspeaker):
                if recording:
                    recording.stop()
            if self.audio:
                self.audio.stop()
            if self.services:
                self.services.stop()
            shutil.rmtree(self.folder, ignore_errors=True)
            for number, handler in handlers:
                signal.signal(number, handler)

    def _start(self, function) -> None:
        thread = threading.Thread(target=function, daemon=True)
        thread.start()
        self._threads.append(thread)

    # -- prot -------------------------------------------------------------------------------------------------------
    def settings_of(self, scenario: Scenario) -> dict[str, str]:
        """What prot is started with."""
        wanted = {"general.language": scenario.language, "capture.source": "pulse", "capture.device": "mic",
                  "player.sink": "pulse", "player.device": "speaker", "player.headphones": True,
                  "stt.engine": "whisper", "stt.fallback": [],
                  "tts.voice_en": "tone", "tts.voice_ko": "tone", "memory.store": "ram", "memory.extraction": False,
                  "memory.recall_tokens": 0, "llm.enabled": False, "brain.url": self.services.url("model"),
                  "brain.model": "loopback",
                  "brain.api_key_env": KEY_NAME, "home_assistant.token_env": KEY_NAME}
        if scenario.recognizer == "elevenlabs":
            wanted |= {"stt.engine": "elevenlabs", "stt.url": self.services.url("scribe").removesuffix("/v1")}
        if scenario.voice == "elevenlabs":
            wanted |= {"tts.voice_en": "elevenlabs", "tts.voice_ko": "elevenlabs", "tts.fallback_en": "tone",
                       "tts.fallback_ko": "tone", "tts.elevenlabs_voice": "loopback", "tts.elevenlabs_format":
                       "pcm_16000", "tts.elevenlabs_url": self.services.url("speech").removesuffix("/v1")}
        if scenario.recognizer == "wyoming":
            wanted |= {"stt.engine": "wyoming", "stt.url": self.services.wyoming_url("wyoming")}
        if scenario.voice in ("openai", "wyoming"):
            wanted |= {"tts.voice_en": scenario.voice, "tts.voice_ko": scenario.voice, "tts.fallback_en": "tone",
                       "tts.fallback_ko": "tone", "tts.openai_url": self.services.url("openai_voice"),
                       "tts.openai_api_key_env": KEY_NAME,
                       "tts.wyoming_url": self.services.wyoming_url("wyoming_voice")}
        if scenario.recognizer == "scripted":
            wanted |= {"stt.engine": "openai", "stt.url": self.services.url("transcription"),
                       "stt.model_name": "loopback", "stt.api_key_env": KEY_NAME}
        files = {name: self.sounds.make_file(f"{scenario.name}-{name}", wanted_file, scenario.language)
                 for name, wanted_file in scenario.files.items()}
        if "memory.store" not in scenario.settings:  # no private cluster, which takes seconds to be made
            wanted["memory.database_url"] = "postgresql:///none"
        files |= {name: self.services.url(name) for name in ("second", "anthropic", "home", "transcription")}
        files["mcp_server"] = pathlib.Path(__file__).resolve().parents[1] / "mcp_server.py"
        wanted |= scenario.settings
        return {key: in_toml(value, files) for key, value in wanted.items()}

    def begin_run(self, settings: dict[str, str], seconds: float = 60) -> None:
        """Raises RuntimeError with what prot said when it does not start."""
        self._runs += 1
        self.services.end_faults()
        run = self.folder / f"run{self._runs}"
        for name in ("run", "state", "config"):
            (run / name).mkdir(parents=True, mode=0o711)
        run.chmod(0o711)
        environment = {**os.environ, "PULSE_SERVER": self.audio.server, "XDG_RUNTIME_DIR": str(run / "run"),
                       "XDG_STATE_HOME": str(run / "state"), "XDG_CONFIG_HOME": str(run / "config"),
                       KEY_NAME: "loopback-secret", "ELEVENLABS_API_KEY": "loopback-secret"}
        self.prot = Prot(self.binaries, f"scn{os.getpid()}-{self._runs}", settings, environment)
        options = [o for key, value in settings.items() for o in ("--set", f"{key}={value}")]
        done = self.prot.command("up", "-d", "-t", str(seconds), *options, timeout=seconds + 60)
        if done.returncode != 0:
            raise RuntimeError(f"prot up failed ({done.returncode}): {(done.stderr + done.stdout).strip()}")
        self.events = Events(self.prot.runtime / "chat.sock")
        if not self.events.subscribed.wait(10):
            raise RuntimeError("brain does not listen on its chat socket")
        self._start(lambda events=self.events: self._pump(events))

    def end_run(self, now: bool = False) -> list[str]:
        """Stops prot; what was wrong with its end."""
        if self.prot is None:
            return []
        prot, self.prot = self.prot, None
        problems = []
        if self.events:
            self.events.stop()
            self.events = None
        done = prot.command("down", *(["--now"] if now else []), timeout=120)
        if done.returncode not in (0, 3, 7) and not now:
            problems.append(f"prot down ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
        for segment in pathlib.Path("/dev/shm").glob(f"prot.{prot.instance}.*"):
            segment.unlink()
            problems.append(f"prot left {segment}")
        return problems if not now else []

    @contextlib.contextmanager
    def echo(self, percent: int, late_ms: int):
        """The microphone hears the loudspeaker, as in a room."""
        if percent == 0:
            yield
            return
        module = self._pactl("load-module", "module-loopback", "source=speaker.monitor", "sink=micsrc",
                             f"latency_msec={late_ms}", "source_dont_move=true", "sink_dont_move=true")
        try:
            for number in re.findall(r"^Sink Input #(\d+)\n(?:.*\n){1,4}?\s*Owner Module: " + module,
                                     self._pactl("list", "sink-inputs"), re.MULTILINE):
                self._pactl("set-sink-input-volume", number, f"{percent}%")
            yield
        finally:
            self._pactl("unload-module", module)

    def _pactl(self, *arguments: str) -> str:
        done = subprocess.run(["pactl", "-s", self.audio.server, *arguments], capture_output=True, text=True,
                              env={**os.environ, "LC_ALL": "C"})
        if done.returncode != 0:
            raise RuntimeError(f"pactl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def state_folder(self) -> pathlib.Path:
        return self.folder / f"run{self._runs}" / "state"

    def stages(self) -> dict[str, dict]:
        return {s["name"]: s for s in self.prot.status()["stages"] if s["name"] in STAGES}

    def pid(self, stage: str) -> int:
        return self.stages()[stage]["pid"]

    def sql(self, query: str) -> str:
        psql = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/psql"))
        program = psql[-1] if psql else "psql"
        done = subprocess.run([program, "-h", str(self.prot.runtime / "db"), "-U", "prot", "-d", "prot",
                               "-Atc", query], capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else f"psql: {done.stderr.strip()}"

    # -- what happens -----------------------------------------------------------------------------------------------
    def _pump(self, events: Events) -> None:
        while not self._stopping.is_set() and self.events is events:
            event = events.next(0.2)
            if event:
                label, text = label_of(event)
                at = event.get("at_ns")
                self.timeline.add(label, text, at=at / 1e9 if at else None, **{"event": event})

    def _watch_loudspeaker(self) -> None:
        seen = time.monotonic()
        last_loud = 0.0
        while not self._stopping.wait(0.02):
            now = time.monotonic() - 0.02  # the newest block may still be on its way
            loud = self.loudspeaker.loud_blocks(seen, now, LOUD)
            seen = max(seen, now - 0.02)
            for at in loud:
                if self.settled or at - last_loud > QUIET:
                    if not self.settled:
                        self.timeline.add("silence", at=last_loud)
                    self.settled = False
                    self.timeline.add("sound", at=at)
                last_loud = max(last_loud, at + 0.01)
            if not self.settled and now - last_loud > QUIET:
                self.settled = True
                self.timeline.add("silence", at=last_loud)


def wait_for(what: str, condition, seconds: float, every: float = 0.01):
    """Polls what cannot be awaited; returns the condition's value or raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(every)
    return value


def in_toml(value, files: dict) -> str:
    """As `--set KEY=VALUE` takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = json.dumps(value) if isinstance(value, list) else str(value)
    for name, path in files.items():
        text = text.replace("{" + name + "}", str(path))
    return text


def label_of(event: dict) -> tuple[str, str]:
    kind = event.get("type", "")
    if kind == "state":
        return f"state {event.get('state')}", ""
    if kind == "heard":
        return "heard final" if event.get("final") else "heard partial", event.get("text", "")
    if kind == "turn":
        return "turn", event.get("reply", "")
    if kind == "consent":
        return kind, f"{event.get('step')} {event.get('text')}"
    return kind, event.get("text", "")
