"""A microphone that is a file: silent, longer than the run, and what is said is written just before the place where
capture reads. In time by the clock of capture, however fast that runs."""
import math
import os
import pathlib
import struct

RATE = 48000          # capture reads 4,096 samples at once: the faster the file, the less is read ahead
HEAD = 44
UNKNOWN = 0xFFFFFFFF  # of a WAV file that somebody still writes
AHEAD_S = 0.04        # so far behind capture's place, so that it is written before it is read
LOUD = 9000


def head() -> bytes:
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", UNKNOWN, b"WAVE", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16, b"data",
                       UNKNOWN)


def tone(seconds: float) -> bytes:
    """Speech, to a detector that knows loudness alone."""
    count = int(seconds * RATE)
    return struct.pack(f"<{count}h", *(int(LOUD * math.sin(2 * math.pi * 220 * i / RATE)) for i in range(count)))


class Microphone:
    """A hole in a file reads as silence and takes no place on the disk."""

    def __init__(self, path: pathlib.Path, seconds: float):
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.write(self._file, head())
        os.ftruncate(self._file, HEAD + 2 * int(seconds * RATE))
        self._place = pathlib.Path()
        self._sounds: dict[float, bytes] = {}

    def heard_by(self, pid: int) -> None:
        """capture, which has the file open."""
        files = [f for f in pathlib.Path(f"/proc/{pid}/fd").iterdir() if os.path.realpath(f) == os.path.realpath(self.path)]
        if len(files) != 1:
            raise RuntimeError(f"capture has the microphone open {len(files)} times")
        self._place = pathlib.Path(f"/proc/{pid}/fdinfo/{files[0].name}")

    def read_to(self) -> int:
        return int(self._place.read_text().split("\n", 1)[0].split()[1])

    def say(self, seconds: float) -> None:
        if seconds not in self._sounds:
            self._sounds[seconds] = tone(seconds)
        at = self.read_to() + 2 * int(AHEAD_S * RATE)
        os.pwrite(self._file, self._sounds[seconds], at - at % 2)

    def close(self) -> None:
        os.close(self._file)
