"""A thousand requests with random splits, delays, resets: each is answered whole, or fails with a class; nothing grows."""
import time

from report import Row
from service_rig import Answer, Choice, Fault, ServiceRig, TextClient

SETTLED = 0.2     # of the requests: connections, caches, the history that is kept
PATIENCE_S = 30
LEAST_TURNS = 5


def random_fault(random) -> Fault | None:
    """Every second request has none."""
    after = random.randint(0, 4)
    times = random.choice((1, 1, 9))
    return random.choice((
        None, None, None, None, None, None, None,
        Fault("small_writes"), Fault("crlf"), Fault("pings"), Fault("unknown_event"), Fault("unknown_field"),
        Fault("delay_headers", ms=random.randint(1, 80)), Fault("delay_first", ms=random.randint(1, 80)),
        Fault("reset", after=after, times=times), Fault("eof", after=after, times=times),
        Fault("error_event", after=after, times=times), Fault("status", status=random.choice((500, 503, 529)), times=1)))


def rows_of(scale, model: str, what: str) -> list[Row]:
    with ServiceRig("thousand", Choice(model=model)) as rig:
        client = TextClient(rig)
        whole = failed = 0
        wrong: list[str] = []
        files = memory = 0
        for n in range(scale.requests):
            if n == int(SETTLED * scale.requests):
                files, memory = rig.files()["brain"], rig.anonymous_kib("brain")
            question, reply = rig.question(), rig.reply(rig.random.randint(2, 9))
            rig.services.will_answer(question, Answer(reply, fault=random_fault(rig.random)))
            client.ask(question)
            kind, text, line = client.answer(PATIENCE_S)
            if kind == "done" and text.split() == reply.split():
                whole += 1
            elif kind == "error" and line.get("message") and reply.startswith(text.strip()):
                failed += 1
            else:
                wrong.append(f"request {n + 1}: {kind}, {text!r} of {reply!r}")
            if n % 100 == 99:
                rig.services.forget_answers()
                rig.services.forget_requests()
        time.sleep(1)
        more_files, more_memory = rig.files()["brain"] - files, rig.anonymous_kib("brain") - memory
        leaked, crashes, errors = rig.leaked_sockets(), rig.crashes(), rig.services.errors()
        client.close()
    for line in [*wrong, *errors]:
        print(f"  {what}: {line}")
    return [Row("D", f"{what}: {scale.requests} requests neither whole nor a classified error", len(wrong), "requests",
                "== 0", {"whole": whole, "errors": failed}, fact=True),
            Row("D", "  descriptors more than after the first fifth", more_files, "", "<= 2"),
            Row("D", "  memory of brain more than after the first fifth", round(more_memory / 1024, 1), "MiB", "<= 4"),
            Row("D", "  sockets leaked, crashes, faults of the service itself", leaked + crashes + len(errors), "", "== 0",
                fact=True)]


def rows(scale) -> list[Row]:
    return [*rows_of(scale, "model", "OpenAI's chat"), *rows_of(scale, "anthropic", "Anthropic")]
