"""What is played into the virtual microphone: speech of prot's own voices, and sounds that are none. 16 kHz, mono."""
import array
import dataclasses
import math
import os
import pathlib
import random
import sys
import wave

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tools" / "demo"))
import questions  # noqa: E402

RATE = 16000
LEAD = 0.04  # s of room noise before the speech
TAIL = 0.10
LOUD = 400  # of 32767: the speech has its peak at half of full scale, the room noise below 60


@dataclasses.dataclass(frozen=True)
class Sound:
    path: pathlib.Path
    begin: float  # of what is loud, seconds into the file
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin


def read(path: pathlib.Path) -> tuple[array.array, int]:
    with wave.open(str(path), "rb") as reader:
        samples = array.array("h", reader.readframes(reader.getnframes()))
        return samples[::reader.getnchannels()], reader.getframerate()


def write(path: pathlib.Path, samples: array.array, rate: int = RATE, channels: int = 1) -> None:
    if channels > 1:
        samples = array.array("h", (s for s in samples for _ in range(channels)))
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with wave.open(str(part), "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.tobytes())
    part.rename(path)


def loud_part(samples: array.array, rate: int) -> tuple[int, int]:
    loud = [i for i, s in enumerate(samples) if s > LOUD or s < -LOUD]
    return (loud[0], loud[-1] + 1) if loud else (0, len(samples))


def cache_folder() -> pathlib.Path:
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "prot" / "demo"


def make_speech(spoken: set[tuple[str, str]], run_voice: pathlib.Path) -> None:
    """(text, language): made now, so that no two runners make the same file at the same time."""
    for text, language in sorted(spoken):
        questions.make_wav(text, language, cache_folder(), run_voice)


def with_pause(samples: array.array, rate: int, begin: int, end: int, ms: int) -> array.array:
    """With a silence at the quietest place in the middle of the speech: a person who looks for a word."""
    width = rate * 30 // 1000
    places = range(begin + (end - begin) * 35 // 100, begin + (end - begin) * 65 // 100, rate // 200)
    place = min(places, key=lambda at: sum(abs(s) for s in samples[at:at + width])) + width // 2
    hiss = array.array("h", (samples[i % begin] for i in range(rate * ms // 1000)))
    return samples[:place] + hiss + samples[place:]



class Sounds:
    """Makes each sound once, in a folder of its own. `cache`: speech, which is kept from run to run."""

    def __init__(self, folder: pathlib.Path, run_voice: pathlib.Path):
        self._folder = folder
        self._run_voice = run_voice
        self._cache = cache_folder()
        self._made: dict[tuple, Sound] = {}

    def speech(self, text: str, language: str, cut_ms: int = 0, pause_ms: int = 0) -> Sound:
        """`cut_ms`: only the beginning of it, faded out: a sound like speech that is no word."""
        key = (text, language, cut_ms, pause_ms)
        if key not in self._made:
            wav = questions.make_wav(text, language, self._cache, self._run_voice)
            samples, rate = read(wav)
            begin, end = loud_part(samples, rate)
            if pause_ms:
                samples = with_pause(samples, rate, begin, end, pause_ms)
                begin, end = loud_part(samples, rate)
            if cut_ms:
                end = min(end, begin + rate * cut_ms // 1000)
                fade = rate // 100
                for i in range(fade):
                    samples[end - 1 - i] = samples[end - 1 - i] * i // fade
            first = max(0, begin - int(LEAD * rate))
            last = end if cut_ms else min(len(samples), end + int(TAIL * rate))
            made = self._folder / f"speech-{len(self._made)}.wav"
            write(made, samples[first:last], rate)
            self._made[key] = Sound(made, (begin - first) / rate, (end - first) / rate)
        return self._made[key]

    def sound(self, kind: str, ms: int, level: int) -> Sound:
        key = (kind, ms, level)
        if key not in self._made:
            made = self._folder / f"{kind}-{len(self._made)}.wav"
            write(made, generate(kind, ms, level))
            self._made[key] = Sound(made, 0.0, ms / 1000)
        return self._made[key]

    def file(self, path: pathlib.Path) -> Sound:
        samples, rate = read(path)
        begin, end = loud_part(samples, rate)
        return Sound(path, begin / rate, end / rate)

    def make_file(self, name: str, wanted: dict, language: str) -> pathlib.Path:
        """One of a scenario's `files`."""
        path = self._folder / name
        if "content" in wanted:
            path.write_text(wanted["content"], encoding="utf-8")
            return path
        samples, rate = read(self.speech(wanted["say"], language).path)
        new_rate = wanted.get("rate", RATE)
        count = len(samples) * new_rate // rate
        lead = array.array("h", bytes(2 * (wanted.get("lead_ms", 0) * new_rate // 1000)))
        resampled = array.array("h", (samples[i * rate // new_rate] for i in range(count)))
        write(path, lead + resampled, new_rate, wanted.get("channels", 1))
        return path


def generate(kind: str, ms: int, level: int) -> array.array:
    peak = 32767 * level / 100
    count = RATE * ms // 1000
    noise = random.Random(f"{kind}{ms}{level}")
    if kind == "silence":
        return array.array("h", bytes(2 * count))
    if kind == "tone":
        return array.array("h", (int(peak * math.sin(2 * math.pi * 1000 * i / RATE)) for i in range(count)))
    if kind == "noise":
        return array.array("h", (int(noise.uniform(-peak, peak)) for _ in range(count)))
    # A cough: a click, then noise that falls off and is duller at its end.
    samples, low = array.array("h"), 0.0
    for i in range(count):
        fall = math.exp(-5.0 * i / count)
        low += (noise.uniform(-1, 1) - low) * (0.2 + 0.6 * fall)
        samples.append(int(max(-1.0, min(1.0, 1.6 * low)) * peak * fall))
    return samples
