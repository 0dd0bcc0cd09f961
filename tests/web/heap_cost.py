#!/usr/bin/env python3
"""What the heap profile costs while it is on: processor time of all stages in a text conversation with the real brain and
memory, and of the engines for speech by themselves.

usage: heap_cost.py [ROUNDS]      needs a build folder: PROT_BUILD (default: build)
Rounds with and without take turns; figures are medians, the ratio is of neighbours.
"""
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import wave

BUILD = pathlib.Path(os.environ.get("PROT_BUILD", "build")).resolve()
os.environ["PROT"] = str(BUILD / "supervisor/prot")
os.environ["FIXTURE_STAGE"] = str(BUILD / "tests/supervisor/fixture-stage")
os.environ["PROGRAMS"] = str(BUILD)
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "supervisor")]
from chat_test import Model  # noqa: E402
from web_instance import LIMIT, WebInstance, WebSocket, wait_for  # noqa: E402

TURNS = 300
TEXT = "The quick brown fox jumps over the lazy dog, and asks what the weather will be like tomorrow. " * 4
SAMPLER = {"LD_PRELOAD": "libtcmalloc.so.4", "TCMALLOC_SAMPLE_PARAMETER": "524288"}


def cpu_ns(pid):
    return sum(int((p / "schedstat").read_text().split()[0]) for p in pathlib.Path(f"/proc/{pid}/task").iterdir())


def conversation(on):
    """Processor ms a turn, of all stages together."""
    model = Model()
    settings = []
    for setting in (f"brain.url=http://127.0.0.1:{model.server_port}/v1", "llm.enabled=false", "memory.store=ram",
                    "memory.extraction=false", "general.language=en", f"general.heap_profile={str(on).lower()}"):
        settings += ["--set", setting]
    try:
        with WebInstance(real=["brain", "memory"], settings=settings) as prot:
            prot.up()
            wait_for("all ready", lambda: (prot.answer("/ready") or (0,))[0] == 200, LIMIT)
            pids = prot.pids().values()
            before = sum(map(cpu_ns, pids))
            for begin in range(0, TURNS, 20):
                with WebSocket(prot.port, "/chat") as chat:
                    for turn in range(begin, begin + 20):
                        chat.send(type="message", content=f"{turn}: {TEXT}")
                        chat.reply()
            return (sum(map(cpu_ns, pids)) - before) / TURNS / 1e6
    finally:
        model.close()


def program(*arguments):
    """Processor ms of a program that ends by itself."""
    def one(on):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(arguments, env={**os.environ, **(SAMPLER if on else {})}, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000
    return one


def compare(name, measure, rounds):
    pairs = []
    for number in range(rounds):
        order = (False, True) if number % 2 == 0 else (True, False)
        took = {on: measure(on) for on in order}
        pairs.append((took[False], took[True]))
    off, on = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"{name:<34} off {off:9.2f} ms   on {on:9.2f} ms   on/off {ratio:.3f}   "
          f"({min(b / a for a, b in pairs):.3f} .. {max(b / a for a, b in pairs):.3f}, n={rounds})", flush=True)


def main(argv):
    rounds = int(argv[1]) if len(argv) > 1 else 7
    compare("text turn, all stages", conversation, rounds)
    with tempfile.TemporaryDirectory(prefix="prot-heap-cost-") as folder:
        sound = pathlib.Path(folder, "spoken.wav")
        voice, recogniser = (BUILD / "tests/programs" / name for name in ("run_voice", "run_recognizer"))
        if voice.exists():
            compare("voice, one sentence", program(voice, TEXT[:94], sound), rounds)
        if voice.exists() and recogniser.exists():
            with wave.open(str(sound)) as spoken:
                print(f"{'':<34} ({spoken.getnframes() / spoken.getframerate():.1f} s of speech)")
            compare("recognition of it", program(recogniser, sound, "--lang", "en"), rounds)


if __name__ == "__main__":
    main(sys.argv)
