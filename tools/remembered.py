"""What a check found good is not looked at again: remembered in the user's cache, by all that the answer depends on."""
import hashlib
import os
import pathlib
import subprocess

KEPT = 4000  # answers of a check, the newest; a tree has a quarter of that


def version(*command: str) -> bytes:
    """What a program says of itself."""
    return subprocess.run(command, capture_output=True, check=False).stdout


class Remembered:
    """The good answers of the check `name`. `always`: what each of them depends on. Two that write at the same time may
    forget an answer, never make one up."""

    def __init__(self, name: str, *always: bytes):
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
        self._path = cache / "prot" / "checked" / name
        self._always = always
        self._known = self._path.read_text(encoding="ascii").split() if self._path.exists() else []

    def key(self, *parts: bytes) -> str:
        digest = hashlib.sha256()
        for part in (*self._always, *parts):
            digest.update(hashlib.sha256(part).digest())
        return digest.hexdigest()

    def has(self, key: str) -> bool:
        return key in self._known

    def add(self, keys: list[str]) -> None:
        self._known = list(dict.fromkeys([*self._known, *keys]))[-KEPT:]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        fresh.write_text("\n".join(self._known) + "\n", encoding="ascii")
        fresh.replace(self._path)
