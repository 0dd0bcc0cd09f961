"""Prometheus' text format 0.0.4, read strictly: whatever the format does not allow is an error."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? ([^ ]+)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$|[+-]Inf$|NaN$")
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}


def labels_of(text):
    found, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        if not match:
            raise ValueError(f"no label at {text[at:]!r}")
        if match[1] in found:
            raise ValueError(f"label {match[1]} twice")
        found[match[1]] = match[2]
        at = match.end()
        if at < len(text):
            if text[at] != ",":
                raise ValueError(f"no comma at {text[at:]!r}")
            at += 1
            if at == len(text):
                raise ValueError("a comma at the end")
    return found


def parse(page):
    """{family: (type, {labels: value})}. Raises ValueError."""
    if not page.endswith("\n"):
        raise ValueError("the last line has no end")
    families, family, helped = {}, None, None
    for line in page[:-1].split("\n"):
        if line.startswith("# HELP "):
            helped, _, text = line[7:].partition(" ")
            if not text or helped in families:
                raise ValueError(line)
        elif line.startswith("# TYPE "):
            family, _, kind = line[7:].partition(" ")
            if kind not in TYPES or family in families or family != helped:
                raise ValueError(line)
            families[family] = (kind, {})
        else:
            match = SAMPLE.fullmatch(line)
            if not match or match[1] != family or not NUMBER.match(match[3]):
                raise ValueError(f"no sample of {family}: {line!r}")
            kind, samples = families[family]
            key = tuple(sorted(labels_of(match[2] or "").items()))
            if key in samples:
                raise ValueError(f"twice: {line!r}")
            samples[key] = float(match[3])
            if kind == "counter" and (samples[key] < 0 or not family.endswith("_total")):
                raise ValueError(f"no counter: {line!r}")
    return families
