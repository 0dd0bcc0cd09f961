"""What prot-web tells of the conversation, as it comes."""
import queue
import threading
import time

from web_instance import Events


class Told:
    """The events of /events, in order. One waits; a thread reads until the stream ends."""

    def __init__(self, port: int):
        self._events = Events(port)
        self._queue: queue.Queue = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while True:
                self._queue.put(self._events.next())
        except (OSError, ValueError):
            self._queue.put(("ended", {}))

    def wait(self, fits, seconds: float) -> dict | None:
        """The next event for which `fits(type, event)`; those before it are forgotten. None: it did not come in time."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                kind, event = self._queue.get(timeout=left)
            except queue.Empty:
                return None
            if kind == "ended":
                raise ConnectionError("prot-web ended its events")
            if fits(kind, event):
                return event
        return None

    def close(self) -> None:
        self._events.socket.shutdown(2)
        self._thread.join(5)
        self._events.__exit__()
