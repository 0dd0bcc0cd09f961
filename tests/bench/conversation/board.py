"""The board of a running instance, read from shared memory (doc/shared-memory.md has its bytes)."""
import mmap
import pathlib
import struct
import threading
import time

PAGE = 4096
NAMES, ENTRIES = 76, PAGE + 40  # in the header; in the supervisor's page
ENTRY = struct.Struct("<IIIIiIQQII")
CONVERSATION, PLAYBACK = 2 * PAGE, 3 * PAGE
STATES = ("down", "starting", "ready", "stopping", "backoff", "failed", "held", "done", "ending")

CONVERSATION_STATES = ("idle", "listening", "processing", "speaking", "active", "interrupted")


class Board:
    def __init__(self, instance: str):
        found = sorted(pathlib.Path("/dev/shm").glob(f"prot.{instance}.*.board"))
        if not found:
            raise FileNotFoundError(f"instance {instance} has no board")
        with open(found[-1], "rb") as file:
            self.map = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        count, = struct.unpack_from("<I", self.map, NAMES - 4)
        raw = [self.map[NAMES + 16 * i:NAMES + 16 * i + 16] for i in range(count)]
        self.names = [name.split(b"\0")[0].decode() for name in raw]

    def program(self, name: str) -> dict:
        at = ENTRIES + ENTRY.size * self.names.index(name)
        pid, generation, state, restarts, last_exit, degraded, started, ready, _, _ = ENTRY.unpack_from(self.map, at)
        return {"pid": pid, "generation": generation, "state": STATES[state], "restarts": restarts,
                "last_exit": last_exit, "degraded": degraded, "started": started / 1e9, "ready": ready / 1e9}

    def conversation(self) -> str:
        return CONVERSATION_STATES[struct.unpack_from("<I", self.map, CONVERSATION)[0]]

    def cancelled_turn(self) -> int:
        return struct.unpack_from("<Q", self.map, CONVERSATION + 8)[0]

    def hold_until(self) -> int:
        return struct.unpack_from("<q", self.map, CONVERSATION + 16)[0]

    def heard(self) -> tuple[int, int, float]:
        """Turn, segment, and the seconds of it that player says were heard."""
        turn, segment, samples, _bytes, rate = struct.unpack_from("<IIQQI", self.map, PLAYBACK)
        return turn, segment, samples / rate if rate else 0.0

    def close(self) -> None:
        self.map.close()


class FirstHold:
    """When brain first told the player to be silent, to a millisecond: it looks all the time, so use it shortly."""

    def __init__(self, board: Board):
        self._board = board
        self._cancelled = board.cancelled_turn()
        self._stop = threading.Event()
        self.at = 0.0         # monotonic seconds; 0: not yet
        self.cancelled = 0.0  # when the turn was given up for good
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        stopped = False
        while not stopped and not self.cancelled:
            stopped = self._stop.is_set()  # before the look: the turn's event may be quicker than the next one
            now = time.monotonic()
            given_up = self._board.cancelled_turn() > self._cancelled
            if not self.at and (given_up or self._board.hold_until() > now * 1e9):
                self.at = now
            if given_up:
                self.cancelled = now
            time.sleep(0.0007)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(2)
