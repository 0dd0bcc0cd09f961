"""Many messages while the service of vectors is slow: never more than five requests at once, never more than 128 texts in
one, as the service sees it. What is missing piles up behind its answers, and questions are asked all the while."""
import time

from report import Row
from service_rig import Answer, Choice, ServiceRig, TextClient

SLOW_S = 1.5
DONE_WITHIN_S = 60
QUIET_S = 3.0  # behind the last request: longer than memory waits between two
SERVICES = {"embeddings": ("openai", "OpenAI's embeddings"), "voyage": ("voyage", "Voyage's embeddings")}


def rows_of(scale, name: str) -> list[Row]:
    vectors, what = SERVICES[name]
    with ServiceRig("load", Choice(vectors=vectors)) as rig:
        rig.services.change("vectors", delay=SLOW_S)
        client = TextClient(rig)
        lost = 0
        for _ in range(scale.messages):
            question, reply = rig.question(), rig.reply(5)
            rig.services.will_answer(question, Answer(reply))
            client.ask(question)
            kind, text, _line = client.answer(10)
            lost += kind != "done" or text.split() != reply.split()
        client.close()
        seen = await_quiet(rig)
        service = rig.services.parts["vectors"]
        errors = rig.services.errors()
    for error in errors:
        print(f"  {what}: {error}")
    texts = sum(r.body["texts"] for r in seen if r.body.get("input_type", "document") == "document")
    return [Row("E", f"{what}: {scale.messages} messages with replies, requests at once, most", service.most_at_once, "", "<= 5",
                {"requests": len(seen), "texts": texts}, fact=True),
            Row("E", "  texts in one request, most", service.largest_batch, "", "<= 128", fact=True),
            Row("E", "  replies that were not whole, texts without a request, faults of the service itself",
                lost + max(0, 2 * scale.messages - texts) + len(errors), "", "== 0", fact=True)]


def await_quiet(rig: ServiceRig) -> list:
    until = time.monotonic() + DONE_WITHIN_S
    while time.monotonic() < until:
        seen = rig.services.records("vectors")
        if seen and all(record.done for record in seen) and time.monotonic() - seen[-1].received > SLOW_S + QUIET_S:
            break
        time.sleep(0.2)
    return rig.services.records("vectors")
