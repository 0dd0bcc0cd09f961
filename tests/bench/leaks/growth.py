"""Turns, samples between them, and what these say."""
import time

import postgres
from report import Row
from rig import Rig
from trend import trend
from turns import Talk
from usage import COUNTS, FLAT, GROWING, SIZES, Usage

TELL_EVERY = 1000


def rows(scale) -> list[Row]:
    if not postgres.there():
        raise RuntimeError("PostgreSQL, or its system user, is not there")
    with Rig(scale) as rig:
        talk, usage = Talk(rig, scale), Usage(rig)
        began = time.monotonic()
        while talk.turns < scale.turns:
            talk.run(min(scale.every, scale.turns - talk.turns))
            talk.calm()
            usage.sample(talk.turns)
            if talk.turns % TELL_EVERY == 0:
                print(f"  {talk.turns} turns, {talk.turns / (time.monotonic() - began):.1f} a second", flush=True)
        seconds = time.monotonic() - began
        talk.close()
        if scale.profile:
            tell_growth(rig.page("/memory"))
        return told(scale, rig, talk, usage, seconds)


def told(scale, rig: Rig, talk: Talk, usage: Usage, seconds: float) -> list[Row]:
    said = talk.turns + talk.typed + talk.stories
    made = [Row("turn", f"{talk.turns} turns in {seconds:.0f} s", round(talk.turns / seconds, 2), "/s"),
            Row("turn", "what was said in them and did not go as it should", len(talk.lost), "", "== 0",
                {"first": (talk.lost or [""])[0]}, fact=True),
            Row("turn", f"of {said} questions not in the database", said - rig.questions_kept(), "", "== 0", fact=True),
            Row("turn", "searches without an answer in the quick 8 s", talk.late, ""),
            Row("turn", "programs that were started again", sum(pid != usage.pids[n] for n, pid in rig.all_pids().items()), "",
                "== 0", fact=True)]
    for what in (*SIZES, *COUNTS):
        for name in usage.pids:
            made.append(size_row(scale, name, what, usage) if what in SIZES else count_row(scale, name, what, usage))
    made += [count_row(scale, "instance", what, usage) for what in FLAT]
    return made + [kept_row(scale, what, usage) for what in GROWING]


def size_row(scale, name: str, what: str, usage: Usage) -> Row:
    found = trend(usage.series[name, what], scale.warm_up)
    limit = {"heap": scale.heap_kib, "anonymous": scale.anonymous_kib, "resident": scale.resident_kib}[what]
    judged = limit and not (what == "heap" and scale.profile)
    limit += scale.kept_kib if name == "memory" else 0
    return Row(what[:4], f"{name}: {what}, each 1,000 turns behind {scale.warm_up}", round(found.per_thousand, 2), "KiB",
               f"<= {limit:g}" if judged else "", {"from": round(found.first), "to": round(found.last)}, fact=True)


def count_row(scale, name: str, what: str, usage: Usage) -> Row:
    found = trend(usage.series[name, what], scale.warm_up)
    return Row(what[:4], f"{name}: {what} more at the end than behind {scale.warm_up} turns", found.growth_of_least, "", "<= 0",
               {"of": found.least_last, "most": found.most, "slope": found.per_thousand}, fact=True)


def kept_row(scale, what: str, usage: Usage) -> Row:
    found = trend(usage.series["instance", what], scale.warm_up)
    return Row("kept", f"{what}: bytes each turn", round(found.per_thousand * 1.024), "B", "",
               {"MiB": round(found.last / 1024, 1)})


def tell_growth(page: dict) -> None:
    for name, stage in page["stages"].items():
        print(f"  {name}: {stage.get('current_mb')} MB, {stage.get('growth_mb')} MB more than at the start")
        for place in stage.get("top_growth", [])[:8]:
            print(f"    {place['growth_kb']} KB {place['file']}")
