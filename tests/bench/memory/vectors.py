"""What vectors cost: requests to their service, loading, searching, and the whole stage with them."""
import json
import subprocess

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
