"""What the programs of an instance hold: sampled from outside, but for the heap, which each of them tells."""
import pathlib
import struct

KIB = 1024.0
COUNTS = ("descriptors", "threads")
SIZES = ("anonymous", "heap", "resident")  # KiB; what a program has for itself; and with its files, without the rings
FLAT = ("shared memory", "segments", "spool", "database connections", "runtime files")  # of the instance
GROWING = ("logs", "database")  # they keep what is said; KiB


def process(pid: int, heaps: pathlib.Path) -> dict[str, float]:
    base = pathlib.Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (base / "status").read_text().splitlines())
    heap, looks = struct.unpack("<QQ", (heaps / str(pid)).read_bytes())
    if not looks:
        raise RuntimeError(f"process {pid} does not tell of its heap")
    own, files = (float(status[part].split()[0]) for part in ("RssAnon", "RssFile"))
    return {"anonymous": own, "resident": own + files, "heap": heap / KIB, "threads": float(status["Threads"]),
            "descriptors": float(sum(1 for _ in (base / "fd").iterdir()))}


def held_by(folder: pathlib.Path) -> float:
    """KiB on the disk; what goes meanwhile is not there."""
    total = 0
    for path in folder.rglob("*") if folder.is_dir() else [folder]:
        try:
            total += path.lstat().st_blocks * 512
        except OSError:
            continue
    return total / KIB


def files_of(folder: pathlib.Path) -> float:
    return sum(held_by(path) for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0.0


class Usage:
    """Series of (turn, value) by program and quantity. `rig` says who they are and where they write."""

    def __init__(self, rig):
        self._rig = rig
        self.pids = rig.all_pids()
        self.series: dict[tuple[str, str], list[tuple[float, float]]] = {}

    def sample(self, turn: int) -> None:
        for name, pid in self.pids.items():
            for what, value in process(pid, self._rig.heaps).items():
                self._note(turn, name, what, value)
        for what, value in self.of_the_instance().items():
            self._note(turn, "instance", what, value)

    def of_the_instance(self) -> dict[str, float]:
        rig = self._rig
        return {"shared memory": sum(held_by(pathlib.Path(s)) for s in rig.segments()),
                "segments": float(len(rig.segments())), "spool": files_of(rig.state / "spool"),
                "database connections": float(rig.database_connections()),
                "runtime files": float(sum(1 for _ in rig.runtime.iterdir())),
                "logs": held_by(rig.state / "log"), "database": rig.database_kib()}

    def _note(self, turn: int, name: str, what: str, value: float) -> None:
        self.series.setdefault((name, what), []).append((float(turn), value))
