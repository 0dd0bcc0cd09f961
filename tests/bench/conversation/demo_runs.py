"""Wholly local: the demonstration with its real engines, several times."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from figures import percentile
from report import Row

ROOT = pathlib.Path(__file__).resolve().parents[3]


def one_run(seed: int) -> list[float]:
    """Voice to voice of each turn, seconds, as the recordings have it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)  # the database's user must get through
        os.mkdir(folder + "/run", 0o711)
        environment = dict(os.environ, XDG_STATE_HOME=folder + "/state", XDG_RUNTIME_DIR=folder + "/run")
        report = pathlib.Path(folder, "report.json")
        done = subprocess.run([sys.executable, ROOT / "tools/demo/demo.py", "--report", report, "--instance",
                               f"bench-{os.getpid()}", "--output", folder, "--seed", str(seed)],
                              env=environment, capture_output=True, text=True, timeout=600)
        if not report.exists():
            raise RuntimeError(done.stdout + done.stderr)
        turns = json.loads(report.read_text())["turns"]
    return [turn["voice_to_voice_ms"] / 1000 for turn in turns if turn["voice_to_voice_ms"] is not None]


def rows(scale) -> list[Row]:
    if scale.demos == 0:
        return []
    if not (ROOT / "build/bin/run_recognizer").exists():
        return [Row("b", "the engines are not built: not measured (./run makes them)", 0, "")]
    taken = [seconds for seed in range(scale.demos) for seconds in one_run(seed)]
    return [Row("b", f"wholly local, voice to voice of {len(taken)} turns in {scale.demos} demonstrations, p50",
                round(percentile(taken, 0.5), 2), "s", "<= 1.8"),
            Row("b", "the same, p95", round(percentile(taken, 0.95), 2), "s", "<= 3", {"worst": round(max(taken), 2)})]
