"""Carries out the steps of one scenario."""
import os
import signal
import subprocess
import time

from .chats import Chat, Say
from .format import Item, Scenario, to_fault
from .keys import STAGES
from .sounds import LEAD, Sound
from .world import World, wait_for

DEFAULT_WAIT = 8.0  # s
PLAYER_START = 0.06  # s from starting the player of sounds to the first sample in the microphone


class StepFailed(Exception):
    """What was waited for did not come. The message says what came instead."""


class Steps:
    """`marks`: name -> (begin, end) in seconds on the timeline's clock; of a sound the times in the recording of the
    microphone, once `settle()` was called. `restarts`: stage -> deaths that the scenario asked for."""

    def __init__(self, world: World, scenario: Scenario):
        self._world = world
        self._scenario = scenario
        self._timeline = world.timeline
        self.marks: dict[str, tuple[float, float]] = {}
        self.restarts = dict.fromkeys(STAGES, 0)
        self.chats: list[Chat | Say] = []
        self._sounds: list[tuple[str, float, Sound]] = []  # mark, started, what
        self._players: list[subprocess.Popen] = []
        self._processes: list[subprocess.Popen] = []
        self._old_pids: dict[str, int] = {}
        self._stopped: set[int] = set()
        self._event_at = time.monotonic()  # of the event that was waited for last

    def run(self) -> None:
        for step in self._scenario.steps:
            lead = LEAD + PLAYER_START if step.verb in ("say", "play", "sound") else 0.0
            if "after_ms" in step.options:
                left = self._event_at + step.options["after_ms"] / 1000 - lead - time.monotonic()
                time.sleep(max(0.0, left))
            if step.verb not in ("wait", "ready", "pause"):
                self._timeline.act()
            before = time.monotonic()
            getattr(self, f"_{step.verb}")(step)
            if "as" in step.options and step.options["as"] not in self.marks:
                at = before if step.verb in ("kill", "drop") else time.monotonic()
                at = self._event_at if step.verb == "wait" else at
                self.marks[step.options["as"]] = (at, at)

    def close(self) -> None:
        for pid in self._stopped:
            _signal(pid, signal.SIGCONT)
        for player in self._players:
            player.terminate()
            player.wait()
        for chat in self.chats:
            chat.join(3)
        for process in self._processes:
            process.communicate(timeout=60)

    def settle(self) -> None:
        """Puts the times of the sounds, as the microphone's recording has them, into the marks."""
        for name, started, sound in self._sounds:
            span = sound.begin + sound.seconds + 1.0
            loud = self._world.microphone.loud_blocks(started, started + span, 400)
            if loud:
                self.marks[name] = (loud[0], loud[0] + sound.seconds)

    # -- sound --------------------------------------------------------------------------------------------------
    def _play_sound(self, step: Item, sound: Sound, transcript: str) -> None:
        texts = step.options.get("transcript", [])
        text = transcript
        if isinstance(texts, str):
            text, texts = texts, []
        self._world.services.spoken(text, sound.seconds, texts)
        started = time.monotonic()
        player = self._world.audio.play(sound.path)
        name = step.options.get("as", f"sound {len(self._sounds) + 1}")
        self._sounds.append((name, started, sound))
        self.marks[name] = (started + PLAYER_START + sound.begin, started + PLAYER_START + sound.end)
        self._timeline.add("plays", f"{step.verb} {step.value}", at=self.marks[name][0])
        if step.options.get("background"):
            self._players.append(player)
        elif player.wait(120) != 0:
            raise StepFailed("the sound could not be played into the virtual microphone")

    def _say(self, step: Item) -> None:
        language = step.options.get("language", self._scenario.language)
        cut = step.options.get("cut_ms", 0)
        sound = self._world.sounds.speech(step.value, language, cut, step.options.get("inner_pause_ms", 0))
        self._play_sound(step, sound, "" if cut else step.value)

    def _play(self, step: Item) -> None:
        wanted = self._scenario.files.get(step.value)
        path = (self._world.sounds.make_file(f"{self._scenario.name}-{step.value}", wanted, self._scenario.language)
                if wanted else self._scenario.path.parent / step.value)
        self._play_sound(step, self._world.sounds.file(path), (wanted or {}).get("say", ""))

    def _sound(self, step: Item) -> None:
        sound = self._world.sounds.sound(step.value, step.options["ms"], step.options.get("level", 30))
        self._play_sound(step, sound, "")

    # -- time -------------------------------------------------------------------------------------------------------
    def _pause(self, step: Item) -> None:
        time.sleep(step.value / 1000)

    def _wait(self, step: Item) -> None:
        seconds = step.options.get("within_ms", DEFAULT_WAIT * 1000) / 1000
        event = self._timeline.wait(step.value, seconds)
        if event is None:
            came = ", ".join(e.label for e in self._timeline.events()[-8:]) or "nothing"
            raise StepFailed(f"no event '{step.value}' within {seconds:g} s; the last ones are: {came}")
        self._event_at = event.at

    def _ready(self, step: Item) -> None:
        seconds = step.options.get("within_ms", DEFAULT_WAIT * 1000) / 1000
        old = self._old_pids.get(step.value, 0)

        def is_ready() -> bool:
            stage = self._world.stages()[step.value]
            return stage["state"] == "ready" and stage["pid"] != old
        try:
            wait_for(f"{step.value} ready again", is_ready, seconds, 0.03)
        except TimeoutError as error:
            raise StepFailed(str(error)) from None
        self._event_at = time.monotonic()

    # -- text ---------------------------------------------------------------------------------------------------
    def _chat(self, step: Item) -> None:
        same = step.options.get("conversation") == "same"
        conversation = self.chats[-1].conversation if same and self.chats else ""
        text = step.value * step.options.get("times", 1)
        self.chats.append(Chat(len(self.chats) + 1, self._world.prot.runtime / "chat.sock", text, conversation,
                               self._timeline))

    def _chat_stop(self, step: Item) -> None:
        self.chats[step.value - 1].stop()

    def _prot_say(self, step: Item) -> None:
        self.chats.append(Say(len(self.chats) + 1, self._world.prot, step.value, self._timeline))

    # -- stages -----------------------------------------------------------------------------------------------------
    def _kill(self, step: Item) -> None:
        pid = self._world.pid(step.value)
        self._old_pids[step.value] = pid
        self.restarts[step.value] += 1
        self._timeline.add("kills", step.value)
        _signal(pid, signal.SIGKILL)

    def _restart(self, step: Item) -> None:
        self._old_pids[step.value] = self._world.pid(step.value)
        prot = self._world.prot
        self._processes.append(subprocess.Popen(
            [prot.binaries / "prot", "--instance", prot.instance, "restart", step.value], env=prot.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))

    def _stop(self, step: Item) -> None:
        pid = self._world.pid(step.value)
        self._stopped.add(pid)
        _signal(pid, signal.SIGSTOP)

    def _continue(self, step: Item) -> None:
        pid = self._world.pid(step.value)
        self._stopped.discard(pid)
        _signal(pid, signal.SIGCONT)

    # -- services -----------------------------------------------------------------------------------------------
    def _drop(self, step: Item) -> None:
        count = self._world.services.drop(step.value)
        self._timeline.add("drops", f"{count} connections of {step.value}")

    def _fault(self, step: Item) -> None:
        self._world.services.fault(step.options.get("service", "model"), to_fault(step.value))


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it has ended by itself
