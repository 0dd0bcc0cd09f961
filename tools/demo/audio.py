"""A private, headless PulseAudio with a virtual microphone and loudspeaker, and recordings with a time base."""
import array
import os
import pathlib
import subprocess
import threading
import time
import wave

RATE = 16000
BLOCK = 160  # 10 ms


class VirtualAudio:
    """PulseAudio without hardware. What is played to 'micsrc' is heard on source 'mic'; what prot plays to
    'speaker' is recorded from its monitor."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.server = f"unix:{folder}/native"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        script = folder / "audio.pa"
        script.write_text(
            f"load-module module-native-protocol-unix socket={folder}/native auth-anonymous=1\n"
            "load-module module-null-sink sink_name=speaker rate=48000\n"
            "load-module module-null-sink sink_name=micsrc rate=48000\n"
            "load-module module-remap-source source_name=mic master=micsrc.monitor\n"
            "set-default-sink speaker\nset-default-source mic\n")
        environment = dict(os.environ, PULSE_RUNTIME_PATH=str(folder), HOME=str(folder), XDG_RUNTIME_DIR=str(folder))
        environment.pop("PULSE_SERVER", None)
        self.log = open(folder / "pulseaudio.log", "wb")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "pulseaudio", "-n", "-F", str(script), "--exit-idle-time=-1", "--use-pid-file=no", "--daemonize=no",
             "--disallow-exit", "--realtime=no", "--high-priority=no"],
            env=environment, stdout=self.log, stderr=self.log, start_new_session=True)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            listing = subprocess.run(["pactl", "-s", self.server, "list", "short", "sources"],
                                     capture_output=True, text=True)
            if listing.returncode == 0 and "mic" in listing.stdout.split():
                return
            time.sleep(0.05)
        raise RuntimeError(f"the private PulseAudio did not start; see {self.folder}/pulseaudio.log")

    def play(self, wav: pathlib.Path) -> subprocess.Popen:
        return subprocess.Popen(["paplay", "-s", self.server, "--device=micsrc", "--latency-msec=30", str(wav)])

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Recording:
    """Records a source for as long as it lives and knows the CLOCK_MONOTONIC time of every sample: the earliest
    arrival of any block fixes the time base (later blocks can only be late)."""

    def __init__(self, audio: VirtualAudio, source: str):
        self.samples = array.array("h")
        self._base = float("inf")
        self._lock = threading.Lock()
        self.process = subprocess.Popen(
            ["parec", "-s", audio.server, f"--device={source}", "--raw", "--format=s16le", f"--rate={RATE}",
             "--channels=1", "--latency-msec=10"], stdout=subprocess.PIPE)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        descriptor = self.process.stdout.fileno()
        rest = b""
        while True:
            data = os.read(descriptor, 8192)
            if not data:
                return
            now = time.monotonic()
            data = rest + data
            whole = len(data) & ~1
            rest = data[whole:]
            with self._lock:
                self.samples.frombytes(data[:whole])
                self._base = min(self._base, now - len(self.samples) / RATE)

    def time_of(self, index: int) -> float:
        with self._lock:
            return self._base + index / RATE

    def index_of(self, when: float) -> int:
        with self._lock:
            return max(0, int((when - self._base) * RATE))

    def loud_blocks(self, begin: float, end: float, threshold: int = 200) -> list[float]:
        """Start times (seconds) of the 10 ms blocks between two times whose peak is above `threshold`."""
        first, last = self.index_of(begin), self.index_of(end)
        with self._lock:
            part = self.samples[first:last]
        loud = []
        for i in range(0, len(part) - BLOCK + 1, BLOCK):
            block = part[i:i + BLOCK]
            if max(block) > threshold or min(block) < -threshold:
                loud.append(self.time_of(first + i))
        return loud

    def save(self, path: pathlib.Path, begin: float, end: float) -> None:
        first, last = self.index_of(begin), self.index_of(end)
        with wave.open(str(path), "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(RATE)
            writer.writeframes(self.samples[first:last].tobytes())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        self._thread.join(2)
        if not self._thread.is_alive():  # else it reads
            self.process.stdout.close()
