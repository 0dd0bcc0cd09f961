"""What becomes of names, of what must not speak, and of groups: facts_bench counts, here are the rows."""
import json
import subprocess


def measured(build, part):
    done = subprocess.run([build / "tests/bench/memory/facts_bench", part], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        found = json.loads(line)
        row = {"part": part, "what": found["what"], "value": found["value"], "unit": found["unit"]}
        if "bar" in found:
            row["bar"] = found["bar"]
            row["met"] = found["value"] <= found["bar"] if found["at_most"] else found["value"] >= found["bar"]
        yield row


def measure_names(build, _quick):
    return measured(build, "names")


def measure_safety(build, _quick):
    return measured(build, "safety")


def measure_communities(build, _quick):
    return measured(build, "communities")
