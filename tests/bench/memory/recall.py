"""Recall on the project's own corpora, beside plain BM25 over turns, and its times."""
import json
import pathlib
import subprocess

CORPORA = pathlib.Path(__file__).resolve().parents[2] / "memory" / "corpora"


def evaluate(build, corpus, *options):
    done = subprocess.run([build / "tests/programs/memory_eval", CORPORA / corpus, "--json", *options],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def row(part, what, value, unit, bar=None, at_most=False, **more):
    made = {"part": part, "what": what, "value": value, "unit": unit, **more}
    if bar is not None:
        made["bar"] = bar
        made["met"] = value <= bar if at_most else value >= bar
    return made


def measure(build, quick):
    """What is found; English is judged on other corpora, so its bars are not its own."""
    for corpus, k, bar in (("english.jsonl", "10", None), ("english_held_out.jsonl", "10", None),
                           ("english_friends.jsonl", "10", None), ("english_weavers.jsonl", "10", None),
                           ("korean.jsonl", "5", 0.90)):
        ours = evaluate(build, corpus, "--k", k)
        plain = evaluate(build, corpus, "--k", k, "--baseline", "bm25")
        name = corpus.split(".")[0]
        yield row("recall", f"{name}: R@{k}, {ours['questions']} questions", ours["recall_at_k"], "",
                  bar, anchor=plain["recall_at_k"])
        yield row("recall", f"{name}: inside 3,000 tokens", ours["recall_in_block"], "",
                  anchor=plain["recall_in_block"])
        yield row("recall", f"{name}: block, p95", ours["p95_ms"], "ms", anchor=plain["p95_ms"])


def timed(build, *options):
    done = subprocess.run([build / "tests/bench/memory/recall_bench", *options], capture_output=True, text=True,
                          check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def measure_time(build, quick):
    for found in timed(build, "--time", "2000" if quick else "20000", "100" if quick else "400"):
        yield row("recall_time", found["what"], found["value"], found["unit"], found.get("bar"), True)


def measure_turn_path(build, quick):
    for found in timed(build, "--turn-path", "200" if quick else "2000"):
        yield row("turn_path", found["what"], found["value"], found["unit"], found.get("bar"), True)


def measure_replay(build, quick):
    for found in timed(build, "--replay", "500" if quick else "10000"):
        yield row("replay", found["what"], found["value"], found["unit"], found.get("bar"), True)
