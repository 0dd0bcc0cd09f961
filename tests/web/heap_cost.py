#!/usr/bin/env python3
"""What the heap profile costs while it is on: processor time of all stages in a text conversation with the real brain and
memory, and of the engines for speech by themselves.

usage: heap_cost.py [ROUNDS [BYTES...]]      needs a build folder: PROT_BUILD (default: build)
BYTES: one allocation in so many is noted (default: what prot asks for after its start). In each round everything is measured once, in another
order; figures are medians, ratios are to "off" of the same round. Exit code 1: one costs more than 3 %, and that is more than
chance: the lower end of the median's interval (1.57 quartile distances / sqrt(rounds)) is above it.
"""
import math
import os
import pathlib
import re
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

BAR = 1.03
TURNS = 300
TEXT = "The quick brown fox jumps over the lazy dog, and asks what the weather will be like tomorrow. " * 4
SOURCE = pathlib.Path(__file__).resolve().parents[2] / "core/stage/heap_sampler.cpp"
DEFAULT = int(re.search(r"kAtWork = (\d+) << 10", SOURCE.read_text())[1]) << 10
OFF = 0


def cpu_ns(pid):
    return sum(int((p / "schedstat").read_text().split()[0]) for p in pathlib.Path(f"/proc/{pid}/task").iterdir())


def sampling(every):
    return {"LD_PRELOAD": "libtcmalloc.so.4", "TCMALLOC_SAMPLE_PARAMETER": str(every)} if every else {}


def sample(prot, every):
    """What prot asks for is said again, by a script in the place of each real program."""
    for stage in prot.stages.iterdir():
        target = stage.readlink()
        if target.name != stage.name:
            continue
        stage.unlink()
        stage.write_text(f'#!/bin/sh\nTCMALLOC_SAMPLE_PARAMETER={every} exec {target} "$@"\n')
        stage.chmod(0o755)


def conversation(every):
    """Processor ms a turn, of all stages together."""
    model = Model()
    settings = []
    for setting in (f"brain.url=http://127.0.0.1:{model.server_port}/v1", "llm.enabled=false", "memory.store=ram",
                    "memory.extraction=false", "general.language=en", f"general.heap_profile={str(bool(every)).lower()}"):
        settings += ["--set", setting]
    try:
        with WebInstance(real=["brain", "memory"], settings=settings) as prot:
            if every not in (OFF, DEFAULT):
                sample(prot, every)
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
    def one(every):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(arguments, env={**os.environ, **sampling(every)}, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000
    return one


def judged(ratios):
    """(median, how far chance may have moved it)"""
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return statistics.median(ratios), 1.57 * (high - low) / math.sqrt(len(ratios))


def compare(name, measure, rounds, periods):
    """Is everything within the bar?"""
    took = {every: [] for every in (OFF, *periods)}
    for number in range(rounds):
        first = number % len(took)
        for every in [*took][first:] + [*took][:first]:
            took[every].append(measure(every))
    print(f"{name:<34} off {statistics.median(took[OFF]):9.2f} ms   n={rounds}", flush=True)
    within = True
    for every in periods:
        ratios = [on / off for on, off in zip(took[every], took[OFF])]
        middle, chance = judged(ratios)
        within = within and middle - chance <= BAR
        verdict = "" if middle <= BAR else "   above the bar" if middle - chance > BAR else "   above the bar, perhaps by chance"
        print(f"{every:>34} on  {statistics.median(took[every]):9.2f} ms   on/off {middle:.3f} +- {chance:.3f}   "
              f"({min(ratios):.3f} .. {max(ratios):.3f}){verdict}", flush=True)
    return within


def main(argv):
    rounds = int(argv[1]) if len(argv) > 1 else 7
    periods = [int(one) for one in argv[2:]] or [DEFAULT]
    within = compare("text turn, all stages", conversation, rounds, periods)
    with tempfile.TemporaryDirectory(prefix="prot-heap-cost-") as folder:
        sound = pathlib.Path(folder, "spoken.wav")
        voice, recogniser = (BUILD / "tests/programs" / name for name in ("run_voice", "run_recognizer"))
        if voice.exists():
            within &= compare("voice, one sentence", program(voice, TEXT[:94], sound), rounds, periods)
        if voice.exists() and recogniser.exists():
            with wave.open(str(sound)) as spoken:
                print(f"{'':<34} ({spoken.getnframes() / spoken.getframerate():.1f} s of speech)")
            within &= compare("recognition of it", program(recogniser, sound, "--lang", "en"), rounds, periods)
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
