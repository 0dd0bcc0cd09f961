"""The tables of doc/scenarios.md, from those of the parser."""
from . import keys
from .keys import Key
from loopback import faults

BEGIN = "<!-- tables: written by tests/scenarios/format_test.py -->"
END = "<!-- end of tables -->"


def row(name: str, key: Key) -> str:
    kind = " \\| ".join(f"`{c}`" for c in key.choices) if key.choices else key.type
    return f"| `{name}` | {kind} | {key.says}{' (required)' if key.required else ''} |"


def table(title: str, rows: dict[str, Key]) -> list[str]:
    return [f"### {title}", "", "| key | value | |", "|---|---|---|", *(row(n, k) for n, k in rows.items()), ""]


def verbs(title: str, rows: dict[str, tuple[Key, dict]], common: dict[str, Key]) -> list[str]:
    out = [f"### {title}", "", "| key | value | |", "|---|---|---|"]
    for verb, (key, options) in rows.items():
        out.append(row(verb, key))
        out += [row(name, option).replace("| `", "| &nbsp;&nbsp;`", 1) for name, option in options.items()]
    if common:
        out.append("| *with every step* | | |")
        out += [row(name, option).replace("| `", "| &nbsp;&nbsp;`", 1) for name, option in common.items()]
    return [*out, ""]


def words(title: str, rows: dict[str, str]) -> list[str]:
    return [f"### {title}", "", "| name | |", "|---|---|", *(f"| `{n}` | {says} |" for n, says in rows.items()), ""]


def tables() -> str:
    options = {kind: " ".join(f"`{o}`" for o in (*names, "times")) for kind, names in faults.KINDS.items()}
    lines = [BEGIN, "",
             *table("A scenario", keys.SCENARIO), *table("`transcription`", keys.TRANSCRIPTION),
             *table("`speech`", keys.SPEECH), *table("`home`", keys.HOME),
             *table("`files`, each", keys.FILE), *table("`model`, `second` and `anthropic`, each", keys.ANSWER),
             *table("`tools`, each", keys.TOOL),
             *verbs("`steps`: one of", keys.STEPS, keys.STEP_COMMON), *verbs("`expect`: one of", keys.EXPECT, {}),
             *words("Events", keys.LABELS), *words("Marks", keys.MARKS),
             *words("Faults", {kind: f"{says}. Options: {options[kind]}" for kind, says in faults.WORDS.items()}), END]
    return "\n".join(lines)
