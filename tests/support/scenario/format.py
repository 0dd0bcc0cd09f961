"""Reads a scenario. Every mistake is told with its file and line, all of them at once."""
import dataclasses
import pathlib
import re
import tomllib

from . import keys
from .keys import Key
from .toml_lines import lines_of
from loopback.faults import Fault, make_fault
from loopback.script import Answer, Tool

TIMES = {"whole": int, "number": (int, float), "text": str, "mark": str, "flag": bool, "table": dict, "list": list}


class FormatError(Exception):
    """`problems`: one line each, "FILE:LINE: what"."""

    def __init__(self, problems: list[str]):
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclasses.dataclass
class Item:
    """A step or an expectation: its verb, the verb's value, the options."""
    verb: str
    value: object
    options: dict
    line: int

    def __str__(self) -> str:
        return f"{self.verb} {self.value!r}" + "".join(f" {k}={v!r}" for k, v in self.options.items())


@dataclasses.dataclass
class Scenario:
    path: pathlib.Path
    about: str
    language: str = "en"
    recognizer: str = "scripted"
    voice: str = "tone"
    settings: dict = dataclasses.field(default_factory=dict)
    files: dict = dataclasses.field(default_factory=dict)
    alone: bool = False
    echo: int = 0
    echo_ms: int = 30
    delay_ms: int = 60
    transcription_text: str = ""
    transcription_fault: Fault | None = None
    first_ms: int = 80
    pace_ms: int = 0
    speech_fault: Fault | None = None
    home: dict = dataclasses.field(default_factory=dict)
    home_fault: Fault | None = None
    answers: list[dict] = dataclasses.field(default_factory=list)
    second: list[dict] = dataclasses.field(default_factory=list)
    anthropic: list[dict] = dataclasses.field(default_factory=list)
    steps: list[Item] = dataclasses.field(default_factory=list)
    expect: list[Item] = dataclasses.field(default_factory=list)

    @property
    def name(self) -> str:
        return self.path.stem

    def spoken(self) -> list[tuple[str, str]]:
        """(text, language) of all speech that must be made."""
        made = [(s.value, s.options.get("language", self.language)) for s in self.steps if s.verb == "say"]
        return made + [(f["say"], self.language) for f in self.files.values() if "say" in f]

    def script(self, service: str) -> list[Answer]:
        """Fresh ones: a script uses them up."""
        wanted = {"model": self.answers, "second": self.second, "anthropic": self.anthropic}[service]
        return [Answer(**{**plain_answer(a), "tools": [Tool(**t) for t in a.get("tools", [])],
                          "fault": to_fault(a["fault"]) if "fault" in a else None}) for a in wanted]


def to_fault(value) -> Fault | None:
    if value == "none":
        return None
    return make_fault({"kind": value} if isinstance(value, str) else value)


def plain_answer(answer: dict) -> dict:
    out = {name: value for name, value in answer.items() if name != "repeat"}
    return out | {"text": answer.get("text", "") * answer.get("repeat", 1)}


def load(path: pathlib.Path) -> Scenario:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError([f"{path}: cannot be read: {error}"]) from None
    return parse(text, path)


def parse(text: str, path: pathlib.Path) -> Scenario:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise FormatError([f"{path}:{line.group(1) if line else text.count(chr(10)) + 1}: {error}"]) from None
    reader = Reader(path, lines_of(text))
    scenario = reader.scenario(data)
    if reader.problems:
        raise FormatError(reader.problems)
    return scenario


def flat(table: dict, prefix: str = "") -> dict:
    """{"brain": {"url": X}} and {"brain.url": X} alike as {"brain.url": X}."""
    out = {}
    for name, value in table.items():
        out |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return out


class Reader:
    def __init__(self, path: pathlib.Path, lines: dict):
        self._path = path
        self._lines = lines
        self.problems: list[str] = []

    def _line(self, at: tuple) -> int:
        while at and at not in self._lines:
            at = at[:-1]
        return self._lines.get(at, 1)

    def _problem(self, at: tuple, what: str) -> None:
        self.problems.append(f"{self._path}:{self._line(at)}: {what}")

    # -- one value, one table ---------------------------------------------------------------------------------------
    def _value(self, at: tuple, key: Key, value) -> None:
        name = at[-1]
        if key.type == "fault":
            try:
                to_fault(value)
            except (ValueError, TypeError) as error:
                self._problem(at, str(error))
        elif key.type in ("texts", "text or texts"):
            texts = value if isinstance(value, list) else [value]
            if (key.type == "texts" and not isinstance(value, list)) or not all(isinstance(t, str) for t in texts):
                self._problem(at, f"{name} is {'' if key.type == 'texts' else 'a text or '}a list of texts")
        elif not isinstance(value, TIMES[key.type]) or (isinstance(value, bool) and key.type != "flag"):
            self._problem(at, f"{name} is a {key.type}, not {value!r}")
        elif key.type == "whole" and value < 0:
            self._problem(at, f"{name} is not negative")
        elif key.choices and value not in key.choices:
            self._problem(at, f"{name} is one of {' '.join(key.choices)}, not {value!r}")

    def _table(self, at: tuple, table: dict[str, Key], data) -> dict:
        """The known keys of `data`; what is unknown or wrong becomes a problem."""
        if not isinstance(data, dict):
            self._problem(at, f"a table {{...}} is needed here, not {data!r}")
            return {}
        for name, value in data.items():
            if name not in table:
                near = [k for k in table if k.startswith(name[:3])]
                self._problem(at + (name,), f"unknown key {name!r}; " + (f"do you mean {near[0]!r}?" if near else
                                                                         f"there are: {' '.join(table)}"))
            else:
                self._value(at + (name,), table[name], value)
        for name, key in table.items():
            if key.required and name not in data:
                self._problem(at, f"{name!r} is missing")
        return {name: value for name, value in data.items() if name in table}

    def _items(self, what: str, verbs: dict, common: dict, data: list) -> list[Item]:
        items = []
        for number, table in enumerate(data):
            at = (what, number)
            found = [v for v in verbs if isinstance(table, dict) and v in table]
            if what == "expect" and len(found) > 1:  # "turn" and "text": the verb is the one whose options fit
                found = [v for v in found if set(table) - {v} <= set(verbs[v][1])] or found
            if len(found) != 1:
                named = " and ".join(found) if found else f"none of: {' '.join(verbs)}"
                self._problem(at, f"one thing at a time is needed here, there are {named}" if found else
                              f"unknown key {next(iter(table), '')!r}: there is {named}"
                              if isinstance(table, dict) else f"a table {{...}} is needed here, not {table!r}")
                continue
            verb = found[0]
            key, options = verbs[verb]
            known = self._table(at, {verb: key, **options, **common}, table)
            value = known.pop(verb, None)
            items.append(Item(verb, value, known, self._line(at)))
        return items

    # -- the whole ----------------------------------------------------------------------------------------------------
    def scenario(self, data: dict) -> Scenario | None:
        known = self._table((), keys.SCENARIO, data)
        if self.problems:
            return None
        made = Scenario(self._path, known["about"], known.get("language", "en"),
                        known.get("recognizer", "scripted"), known.get("voice", "tone"),
                        flat(known.get("settings", {})), known.get("files", {}), known.get("alone", False),
                        known.get("echo", 0), known.get("echo_ms", 30))
        transcription = self._table(("transcription",), keys.TRANSCRIPTION, known.get("transcription", {}))
        made.delay_ms = transcription.get("delay_ms", made.delay_ms)
        made.transcription_text = transcription.get("text", "")
        speech = self._table(("speech",), keys.SPEECH, known.get("speech", {}))
        made.first_ms = speech.get("first_ms", made.first_ms)
        made.pace_ms = speech.get("pace_ms", made.pace_ms)
        made.home = self._table(("home",), keys.HOME, known.get("home", {}))
        for name, table in made.files.items():
            self._table(("files", name), keys.FILE, table)
        made.answers, made.second, made.anthropic = ([self._answer((name, n), a) for n, a in enumerate(known.get(name, []))]
                                     for name in keys.MODELS)
        made.steps = self._items("steps", keys.STEPS, keys.STEP_COMMON, known.get("steps", []))
        made.expect = self._items("expect", keys.EXPECT, {}, known["expect"])
        self._names(made)
        if not self.problems and "fault" in transcription:
            made.transcription_fault = to_fault(transcription["fault"])
        if not self.problems and "fault" in speech:
            made.speech_fault = to_fault(speech["fault"])
        if not self.problems and "fault" in made.home:
            made.home_fault = to_fault(made.home["fault"])
        return made

    def _answer(self, at: tuple, data) -> dict:
        known = self._table(at, keys.ANSWER, data)
        if not {"text", "deltas", "tools", "fault"} & set(known):
            self._problem(at, "an answer needs text, deltas, tools or a fault")
        known["tools"] = [self._table(at + ("tools", n), keys.TOOL, t) for n, t in enumerate(known.get("tools", []))]
        return known

    def _names(self, made: Scenario) -> None:
        """Marks that no step made, contexts with unknown roles, labels that nothing has."""
        names = {s.options["as"] for s in made.steps if "as" in s.options}
        for number, item in enumerate(made.expect):
            at = ("expect", number)
            marks = [item.options[o] for o in ("from", "to") if o in item.options]
            marks += [item.value] if item.verb == "quiet" else []
            for mark in marks:
                if not known_mark(mark, names):
                    self._problem(at, f"no mark {mark!r}: a step names one with `as`")
            for label in item.value if item.verb == "events" else [item.value] if item.verb == "absent" else []:
                self._label(at, label)
            for one in item.options.get("context", []):
                if not isinstance(one, dict) or len(one) != 1 or next(iter(one)) not in CONTEXT_ROLES:
                    self._problem(at, f"a message is one of {' '.join(CONTEXT_ROLES)} = TEXT, not {one!r}")
        for number, step in enumerate(made.steps):
            if step.verb == "wait" and isinstance(step.value, str):
                self._label(("steps", number), step.value)
            if step.verb == "play" and step.value not in made.files and not (made.path.parent / step.value).exists():
                self._problem(("steps", number), f"there is no file {step.value!r}")

    def _label(self, at: tuple, pattern: str) -> None:
        if not known_label(pattern.partition(":")[0]):
            self._problem(at, f"no event is called {pattern!r}; there are: {', '.join(keys.LABELS)}")


CONTEXT_ROLES = ("user", "assistant", "tool", "system")
STATES = ("idle", "listening", "processing", "speaking", "active", "interrupted")


def known_label(label: str) -> bool:
    return label in keys.LABELS or label in [f"state {s}" for s in STATES]


def known_mark(mark: str, names: set) -> bool:
    mark = re.sub(r"^((sound|silence) after )+", "", mark)
    label, _space, number = mark.rpartition(" ")
    return mark.removesuffix(".end") in names or mark in ("begin", "end") or (known_label(label) and number.isdigit())
