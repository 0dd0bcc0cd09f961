"""Messages to brain's chat socket, each on a thread of its own: the conversation by voice goes on meanwhile."""
import json
import pathlib
import socket
import subprocess
import threading
import time
import uuid

from .timeline import Timeline

GIVE_UP = 60.0  # s


class Chat:
    """One message. Sent again under its id when brain is restarted. What comes back is told to the timeline."""

    def __init__(self, number: int, path: pathlib.Path, text: str, conversation: str, timeline: Timeline):
        self.number = number
        self.conversation = conversation
        self._path = path
        self._text = text
        self._timeline = timeline
        self._id = uuid.uuid4().hex
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def stop(self) -> None:
        """The person wants no more of it."""
        self._connection.sendall(b'{"type":"stop"}\n')

    def _run(self) -> None:
        deadline = time.monotonic() + GIVE_UP
        while time.monotonic() < deadline:
            try:
                if self._attempt():
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.05)  # brain is restarted
        self._timeline.add("chat error", "no answer", number=self.number)

    def _attempt(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(GIVE_UP)
            connection.connect(str(self._path))
            self._connection = connection
            message = {"type": "message", "content": self._text, "id": self._id}
            if self.conversation:
                message["conversation"] = self.conversation
            try:
                connection.sendall(json.dumps(message, ensure_ascii=False).encode() + b"\n")
            except OSError:
                pass  # refused before all of it was sent: the answer says why
            first = True
            for line in connection.makefile("rb"):
                event = json.loads(line)
                kind = event.get("type")
                if kind == "chunk" and first:
                    first = False
                    self._timeline.add("chat first", event.get("content", ""), number=self.number)
                if kind == "done":
                    self.conversation = event.get("conversation", "")
                    self._timeline.add("chat done", event.get("content", ""), number=self.number, event=event)
                    return True
                if kind == "error":
                    self._timeline.add("chat error", event.get("message", ""), number=self.number, event=event)
                    return True
        return False


class Say:
    """The same by the command line: `prot say`."""

    def __init__(self, number: int, prot, text: str, timeline: Timeline):
        self.number = number
        self.conversation = ""
        self._process = subprocess.Popen([prot.binaries / "prot", "--instance", prot.instance, "say", text],
                                         env=prot.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True)
        self._timeline = timeline
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)
        if self._process.poll() is None:
            self._process.kill()

    def _run(self) -> None:
        out, error = self._process.communicate()
        label = "chat done" if self._process.returncode == 0 else "chat error"
        self._timeline.add(label, (out if self._process.returncode == 0 else error).strip(), number=self.number,
                           event={"code": self._process.returncode})


def new_conversation(path: pathlib.Path) -> None:
    """The voice begins a new one; returns when brain has said so."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        connection.sendall(b'{"type":"new_conversation"}\n')
        for line in connection.makefile("rb"):
            if json.loads(line).get("type") == "hello":
                return
    raise RuntimeError("brain closed its chat socket")
