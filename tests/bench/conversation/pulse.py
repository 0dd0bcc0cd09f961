"""A mouth that never closes and an ear that knows the time of every sample, on libpulse-simple."""
import array
import collections
import ctypes
import threading
import time

from sound import RATE, loud_stretches

PLAYBACK, RECORD = 1, 2
FORMAT_S16LE = 3
SILENCE_MS = 10


class SampleSpec(ctypes.Structure):
    _fields_ = [("format", ctypes.c_int), ("rate", ctypes.c_uint32), ("channels", ctypes.c_uint8)]


class BufferAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("maxlength", "tlength", "prebuf", "minreq", "fragsize")]


class Stream:
    """One blocking stream; every call releases Python's lock."""

    def __init__(self, server: str, direction: int, device: str, milliseconds: int):
        self._library = ctypes.CDLL("libpulse-simple.so.0")
        self._library.pa_simple_new.restype = ctypes.c_void_p
        for name in ("pa_simple_read", "pa_simple_write"):
            getattr(self._library, name).argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t,
                                                     ctypes.POINTER(ctypes.c_int)]
        self._library.pa_simple_free.argtypes = [ctypes.c_void_p]
        size = 2 * RATE * milliseconds // 1000
        default = 0xFFFFFFFF
        attributes = BufferAttributes(default, size, default, default, size)
        spec = SampleSpec(FORMAT_S16LE, RATE, 1)
        error = ctypes.c_int(0)
        self._stream = self._library.pa_simple_new(
            server.encode(), b"bench", direction, device.encode(), b"bench", ctypes.byref(spec), None,
            ctypes.byref(attributes), ctypes.byref(error))
        if not self._stream:
            raise RuntimeError(f"cannot open {device} of {server}: error {error.value} of PulseAudio")

    def write(self, data: bytes) -> bool:
        error = ctypes.c_int(0)
        return self._library.pa_simple_write(self._stream, data, len(data), ctypes.byref(error)) >= 0

    def read(self, size: int) -> bytes:
        buffer = ctypes.create_string_buffer(size)
        error = ctypes.c_int(0)
        return buffer.raw if self._library.pa_simple_read(self._stream, buffer, size, ctypes.byref(error)) >= 0 else b""

    def close(self) -> None:
        self._library.pa_simple_free(self._stream)


class Mouth:
    """Plays silence into a sink for as long as it lives, so that what is said begins at once."""

    def __init__(self, server: str, sink: str, milliseconds: int = 30):
        self._stream = Stream(server, PLAYBACK, sink, milliseconds)
        self._waiting: collections.deque = collections.deque()
        self._stop = False
        self._silence = bytes(2 * RATE * SILENCE_MS // 1000)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def say(self, samples: array.array) -> None:
        self._waiting.append(samples.tobytes())

    def _run(self) -> None:
        while not self._stop:
            data = self._waiting.popleft() if self._waiting else self._silence
            for at in range(0, len(data), len(self._silence)):
                if self._stop or not self._stream.write(data[at:at + len(self._silence)]):
                    return

    def close(self) -> None:
        self._stop = True
        self._thread.join(3)
        self._stream.close()


class Ear:
    """Records a source. The earliest arrival of any block fixes the time of all (later ones can only be late)."""

    def __init__(self, server: str, source: str, milliseconds: int = 10):
        self._stream = Stream(server, RECORD, source, milliseconds)
        self._bytes = 2 * RATE * milliseconds // 1000
        self._samples = array.array("h")
        self._dropped = 0  # samples that are not kept any more
        self._base = float("inf")
        self._lock = threading.Lock()
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop:
            data = self._stream.read(self._bytes)
            if not data:
                return
            now = time.monotonic()
            with self._lock:
                self._samples.frombytes(data)
                self._base = min(self._base, now - (self._dropped + len(self._samples)) / RATE)

    def heard_until(self) -> float:
        with self._lock:
            return self._base + (self._dropped + len(self._samples)) / RATE if self._samples else 0.0

    def wait_until(self, when: float, patience: float = 5.0) -> None:
        """Returns when sound up to `when` has been recorded."""
        until = time.monotonic() + max(0.0, when - time.monotonic()) + patience
        while self.heard_until() < when:
            if time.monotonic() > until:
                raise TimeoutError("the recording has stopped")
            time.sleep(0.005)

    def part(self, begin: float, end: float) -> tuple[array.array, float]:
        """The samples between two times, and the time of the first of them."""
        with self._lock:
            first = max(0, round((begin - self._base) * RATE) - self._dropped)
            last = max(first, round((end - self._base) * RATE) - self._dropped)
            return self._samples[first:last], self._base + (self._dropped + first) / RATE

    def stretches(self, begin: float, end: float) -> list[tuple[float, float]]:
        """Begin and end of everything that sounds between two times."""
        samples, origin = self.part(begin, end)
        return [(origin + a / RATE, origin + b / RATE) for a, b in loud_stretches(samples)]

    def forget_before(self, when: float) -> None:
        with self._lock:
            count = min(len(self._samples), max(0, int((when - self._base) * RATE) - self._dropped))
            del self._samples[:count]
            self._dropped += count

    def close(self) -> None:
        self._stop = True
        self._thread.join(3)
        self._stream.close()
