"""What vectors cost: requests to their service, loading, searching, and the whole stage with them."""
import json
import os
import pathlib
import subprocess
import sys

from recall import evaluate, row


def measure(build, quick):
    # With the hashed ones, which need no model: what they add to words is little, and shown.
    for corpus, k in (("english.jsonl", "10"), ("korean.jsonl", "5")):
        without = evaluate(build, corpus, "--k", k)
        hashed = evaluate(build, corpus, "--k", k, "--embedder", "hashed")
        yield row("vectors", f"{corpus.split('.')[0]}: R@{k} with hashed vectors", hashed["recall_at_k"], "",
                  words_alone=without["recall_at_k"])
    done = subprocess.run([build / "tests/bench/memory/vector_bench", "2000" if quick else "100000", "1024"],
                          capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        found = json.loads(line)
        yield row("vectors", found["what"], found["value"], found["unit"], found.get("bar"), True)


def measure_pgvector(build, quick):
    """Half of the vectors have no room in memory; on the server of `./test --peers`, where it is in the cache."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    server = cache / "prot/peers/pgvector"
    if not server.is_dir():
        print("pgvector: there is no server that has it: tools/setup/peers.sh", file=sys.stderr)
        return
    done = subprocess.run([pathlib.Path(__file__).parents[2] / "support/with_postgres.py", server,
                           build / "tests/bench/memory/near_bench", "2000" if quick else "20000", "1024"],
                          capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        found = json.loads(line)
        yield row("pgvector", found["what"], found["value"], found["unit"])
