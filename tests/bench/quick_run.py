"""What the tests of the benches share: a short run of one, and what it wrote."""
import json
import pathlib
import subprocess
import sys
import tempfile


def quick_run(main, *options, build):
    """How it ended, and the lines of its --json."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "bench.json")
        done = subprocess.run([sys.executable, main, "--build", build, "--quick", "--json", file, *options],
                              capture_output=True, text=True)
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return done, [json.loads(line) for line in lines]
