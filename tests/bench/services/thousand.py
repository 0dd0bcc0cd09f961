"""A thousand requests with random splits, delays, resets: each is answered whole, or fails with a class; nothing grows.
Models by text, in a conversation; the others by the product's client alone. Two runs ask for the same, and meet the same."""
import pathlib
import random
import statistics
import time

import lone_client
from lone_client import LoneRig
from report import Row
from service_rig import Answer, Choice, Fault, ServiceRig, TextClient

PATIENCE_S = 30
SEED = 7
LOOK_EVERY = 10
FORGET_EVERY = 100
MODEL_FAULTS = ("small_writes", "crlf", "pings", "unknown_event", "unknown_field", "delay_headers", "delay_first", "reset",
                "eof", "error_event", "status")
MODELS = {"chat": ("model", "OpenAI's chat"), "anthropic": ("anthropic", "Anthropic")}
SERVICES = [*MODELS, *lone_client.LONE]
MCP_RESETS = 5  # a process that ends is started anew after 1, 2, 4 ... s


def random_fault(chance: random.Random, kinds: tuple[str, ...], most_after: int = 4) -> Fault | None:
    """Every second request has none."""
    kind = chance.choice(kinds)
    ms, after, times = chance.randint(1, 80), chance.randint(0, most_after), chance.choice((1, 1, 9))
    status = chance.choice((500, 503, 529))
    if chance.random() < 0.5:
        return None
    if kind.startswith("delay"):
        return Fault(kind, ms=ms)
    if kind == "status":
        return Fault(kind, status=status, times=1)
    return Fault(kind, after=after, times=times) if kind in ("reset", "eof", "error_event") else Fault(kind)


class Growth:
    """What a process has of descriptors and memory, over all requests: the last third beside the first."""

    def __init__(self):
        self._files: list[int] = []
        self._kib: list[int] = []

    def look(self, pid: int) -> None:
        self._files.append(len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir())))
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        self._kib.append(next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")))

    @staticmethod
    def _thirds(values: list[int]) -> tuple[float, float]:
        size = max(1, len(values) // 3)
        return statistics.median(values[:size]), statistics.median(values[-size:])

    def rows(self, whose: str) -> list[Row]:
        files, memory = self._thirds(self._files), [kib / 1024 for kib in self._thirds(self._kib)]
        return [Row("D", f"  descriptors of {whose}, last third more than the first", files[1] - files[0], "", "<= 2",
                    {"first": files[0], "last": files[1]}),
                Row("D", f"  RSS of {whose}, last third more than the first", round(memory[1] - memory[0], 2), "MiB", "<= 4",
                    {"first": round(memory[0], 1), "last": round(memory[1], 1)})]


def told(what: str, scale, seconds: float, whole: int, failed: dict[str, int], wrong: list[str], met: int) -> Row:
    for line in wrong:
        print(f"  {what}: {line}")
    errors = {f"error {name}": count for name, count in failed.items()}
    return Row("D", f"{what}: {scale.requests} requests neither whole nor a classified error", len(wrong), "requests",
               "== 0", {"met a fault": met, "whole": whole, **errors, "s": round(seconds)}, fact=True)


def model_rows(scale, model: str, what: str) -> list[Row]:
    with ServiceRig("thousand", Choice(model=model)) as rig:
        client = TextClient(rig)
        whole = failed = met = 0
        wrong: list[str] = []
        growth, began = Growth(), time.monotonic()
        for n in range(scale.requests):
            question, reply = rig.question(), rig.reply(rig.random.randint(2, 9))
            fault = random_fault(rig.random, MODEL_FAULTS)
            met += fault is not None
            rig.services.will_answer(question, Answer(reply, fault=fault))
            client.ask(question)
            kind, text, line = client.answer(PATIENCE_S)
            if kind == "done" and text.split() == reply.split():
                whole += 1
            elif kind == "error" and line.get("message") and reply.startswith(text.strip()):
                failed += 1
            else:
                wrong.append(f"request {n + 1}: {kind}, {text!r} of {reply!r}")
            if n % LOOK_EVERY == 0:
                growth.look(rig.pids()["brain"])
            if n % FORGET_EVERY == FORGET_EVERY - 1:
                rig.services.forget_answers()
                rig.services.forget_requests()
        seconds = time.monotonic() - began
        time.sleep(1)
        leaked, crashes, errors = rig.leaked_sockets(), rig.crashes(), rig.services.errors()
        client.close()
    return [told(what, scale, seconds, whole, {"told": failed}, wrong + errors, met), *growth.rows("brain"),
            Row("D", "  sockets leaked, crashes, faults of the service itself", leaked + crashes + len(errors), "", "== 0",
                fact=True)]


def faults_for(name: str, requests: int) -> list[Fault | None]:
    chance = random.Random(SEED)
    lone = lone_client.LONE[name]
    faults = [random_fault(chance, lone.faults, lone.most_after) for _ in range(requests)]
    if name == "mcp":
        resets = [n for n, fault in enumerate(faults) if fault and fault.kind == "reset"]
        for n in set(resets) - set(chance.sample(resets, min(MCP_RESETS, len(resets)))):
            faults[n] = None
    return faults


def lone_rows(scale, name: str) -> list[Row]:
    whole, met, wrong = 0, 0, []
    failed: dict[str, int] = {}
    growth, began = Growth(), time.monotonic()
    with LoneRig(name) as rig:
        for n, fault in enumerate(faults_for(name, scale.requests)):
            rig.await_ready()
            rig.befall(fault)
            rig.ask()
            answer = rig.answer()
            met += rig.struck()
            if rig.is_whole(answer):
                whole += 1
            elif answer is not None and answer.get("failure") and answer["message"]:
                failed[answer["failure"]] = failed.get(answer["failure"], 0) + 1
            else:
                wrong.append(f"request {n + 1}, {fault.kind if fault else 'no fault'}: {answer}")
            if n % LOOK_EVERY == 0:
                growth.look(rig.program.pid)
            if n % FORGET_EVERY == FORGET_EVERY - 1:
                rig.run(rig.service.server.records.clear)
        seconds = time.monotonic() - began
        errors = rig.errors()
    wrong += errors
    return [told(f"{rig.lone.called}, client alone", scale, seconds, whole, failed, wrong, met), *growth.rows("the client"),
            Row("D", "  crashes of the client, faults of the service itself", int(rig.ended != 0) + len(errors), "", "== 0",
                {"exit code": rig.ended}, fact=True)]


def rows_of(scale, name: str) -> list[Row]:
    return model_rows(scale, *MODELS[name]) if name in MODELS else lone_rows(scale, name)
