"""Figures: one row each, with its bar and the same measurement of the anchors."""
import dataclasses
import json
import math
import statistics
import traceback


@dataclasses.dataclass
class Row:
    target: str
    what: str
    value: float
    unit: str
    bar: str = ""         # "<= 2", ">= 1", "== 0", or empty: told, not judged
    anchor: dict = dataclasses.field(default_factory=dict)
    fact: bool = False    # not met is a defect, not slowness

    @property
    def met(self) -> bool:
        if not self.bar:
            return True
        relation, number = self.bar.split()
        limit = float(number)
        return {"<=": self.value <= limit, ">=": self.value >= limit, "==": self.value == limit}[relation]

    @property
    def wrong(self) -> bool:
        return self.fact and not self.met

    def json(self) -> str:
        return json.dumps({"target": self.target, "what": self.what, "value": self.value, "unit": self.unit,
                           "bar": self.bar, "met": self.met, "anchor": self.anchor})

    def text(self) -> str:
        value = number_text(self.value)
        bar = f"{'met' if self.met else 'NOT MET' if not self.wrong else 'WRONG'} ({self.bar})" if self.bar else ""
        anchors = "  ".join(f"{name} {number_text(value)}" for name, value in self.anchor.items())
        return f"{self.target:<4} {self.what:<66} {value:>9} {self.unit:<10} {bar:<18} {anchors}".rstrip()


def number_text(value) -> str:
    if isinstance(value, (bool, str)):
        return str(value)
    if isinstance(value, int) or value == int(value):
        return str(int(value))
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def ms(nanoseconds: float) -> float:
    return round(nanoseconds / 1e6, 4)


def median(values) -> float:
    return statistics.median(values)


def p99(values) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(0.99 * len(ordered)) - 1)]


class Report:
    """Prints rows as they come and writes them to a file."""

    def __init__(self, json_file: str = ""):
        self.file = open(json_file, "w", encoding="utf-8") if json_file else None
        self.rows: list[Row] = []

    def add(self, row: Row) -> None:
        self.rows.append(row)
        print(row.text(), flush=True)
        if self.file:
            print(row.json(), file=self.file, flush=True)

    def close(self) -> None:
        if self.file:
            self.file.close()


def changed(scale, items, parser):
    """The scale with each NAME=NUMBER of the command line in it."""
    for item in items:
        name, _, number = item.partition("=")
        known = {field.name: type(getattr(scale, field.name)) for field in dataclasses.fields(scale)}
        if name not in known:
            parser.error(f"the scale has no {name}")
        scale = dataclasses.replace(scale, **{name: known[name](float(number))})
    return scale


def measure_all(json_file: str, names, measure) -> int:
    """Every part's rows, told as they come; the exit code: 1 if something was wrong."""
    out = Report(json_file)
    wrong = 0
    for name in names:
        try:
            rows = measure(name)
        except Exception:  # one part's failure must not hide the others' figures
            traceback.print_exc()
            rows = [Row(name[:4], f"{name} could not be measured", 1, "failures", "== 0", fact=True)]
        for row in rows:
            out.add(row)
            wrong += row.wrong
    missed = sum(not row.met for row in out.rows)
    judged = sum(bool(row.bar) for row in out.rows)
    print(f"{judged - missed} of {judged} bars met, {wrong} wrong")
    out.close()
    return 1 if wrong else 0
