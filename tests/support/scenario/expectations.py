"""Holds what was seen in a scenario against what it expects. Every problem says what was expected and what was seen."""
import array
import json
import re
import time

from loopback.http_server import Record
from loopback.script import text_of

from .format import Item, Scenario
from .keys import MODELS
from .steps import Steps
from .timeline import Event
from .tones import Heard, longest_gap_ms, tones_of
from .world import QUIET, World

MARK = " [interrupted]"
BEFORE_AUDIBLE = 0.15  # s
JITTER = 0.1  # s
RENDERED_AHEAD = 0.06  # s: a null sink's monitor hands out what it renders before its time
LAST_WORDS = 20  # lines of each log, of a stage that ended unasked
SPACES = re.compile(r"\s+")


def plain(text: str) -> str:
    return SPACES.sub(" ", text).strip()


class Expectations:
    """`begin` and `end` of the scenario, on the timeline's clock. `restarts`: per stage, as they were before it."""

    def __init__(self, world: World, scenario: Scenario, steps: Steps, begin: float, end: float, stages: dict,
                 before: dict):
        self._world = world
        self._scenario = scenario
        self._steps = steps
        self._begin, self._end = begin, end
        self._stages, self._before = stages, before
        self._events = world.timeline.events()
        self._requests = {name: world.services.requests(name) for name in MODELS}
        self._loud = world.loudspeaker.loud_blocks(begin, end, 300)

    def problems(self) -> list[str]:
        found = []
        for item in self._scenario.expect:
            try:
                problems = getattr(self, f"check_{item.verb}")(item)
            except LookupError as error:
                problems = [str(error.args[0])]
            found += [f"{self._scenario.path}:{item.line}: {p}" for p in problems]
        expected = {i.value: i.options["restarts"] for i in self._scenario.expect
                    if i.verb == "stage" and "restarts" in i.options}
        for stage, now in self._stages.items():
            restarts = now["restarts"] - self._before[stage]["restarts"]
            if stage not in expected and restarts != self._steps.restarts[stage]:
                found.append(f"{self._scenario.path}: {stage} was restarted {restarts} times, "
                             f"{self._steps.restarts[stage]} were asked for; last exit {now['last_exit']}"
                             + self._last_words(stage))
        return found + [f"{self._scenario.path}: {p}" for p in self._world.services.problems()]

    def _last_words(self, stage: str) -> str:
        """What the logs have of its end: the run and its logs are gone when somebody wants to know."""
        lines = []
        for log in self._world.state_folder().rglob("log/*.log"):
            if log.stem in ("supervisor", stage):
                lines += [f"{log.stem}: {json.loads(line).get('msg')}" for line in log.read_text(errors="replace").splitlines()
                          if line.endswith("}") and (stage in line or "crash" in line)][-LAST_WORDS:]
        return "".join(f"\n         {line}" for line in lines)

    # -- events -----------------------------------------------------------------------------------------------------
    def _between(self, item: Item) -> tuple[float, float]:
        return self._time(item.options.get("from", "begin")), self._time(item.options.get("to", "end"))

    def _all(self, label: str) -> list[Event]:
        return [e for e in self._events if e.label == label]

    def _within(self, item: Item) -> list[Event]:
        begin, end = self._between(item)
        return [e for e in self._events if begin <= e.at <= end]

    def check_events(self, item: Item) -> list[str]:
        """What different programs tell of one moment may change places."""
        events = sorted(self._within(item), key=lambda e: e.at)
        last, used = self._begin, set()
        for number, pattern in enumerate(item.value):
            found = next((e for e in events
                          if id(e) not in used and e.at >= last - JITTER and e.matches(pattern)), None)
            if found is None:
                return [f"expected in this order: {' > '.join(item.value)}; '{pattern}' (number {number + 1}) did not "
                        f"come; seen: {' > '.join(e.label for e in events)}"]
            used.add(id(found))
            last = max(last, found.at)
        return []

    def check_absent(self, item: Item) -> list[str]:
        return [f"'{item.value}' was not expected; it came {e.at - self._begin:.3f} s after the beginning: {e.text!r}"
                for e in self._within(item) if e.matches(item.value)][:1]

    # -- times ------------------------------------------------------------------------------------------------------
    def _time(self, mark: str) -> float:
        """Raises LookupError when what the mark names did not happen."""
        if mark in ("begin", "end"):
            return self._begin if mark == "begin" else self._end
        if mark.startswith("sound after "):
            at = self._time(mark.removeprefix("sound after "))
            loud = [t for t in self._loud if t >= at]
            if not loud:
                raise LookupError(f"no sound came after {mark.removeprefix('sound after ')}")
            return loud[0]
        if mark.startswith("silence after "):
            return self._silence_after(self._time(mark.removeprefix("silence after ")))
        name = mark.removesuffix(".end")
        if name in self._steps.marks:
            return self._steps.marks[name][1 if mark.endswith(".end") else 0]
        label, _space, number = mark.rpartition(" ")
        events = self._all(label)
        if not number.isdigit() or len(events) < int(number):
            raise LookupError(f"'{mark}' did not happen")
        return events[int(number) - 1].at

    def _silence_after(self, at: float) -> float:
        last = at
        for t in self._loud:
            if t + 0.01 <= at:
                continue
            if t - last > QUIET:
                break
            last = t + 0.01
        return last

    def check_within_ms(self, item: Item) -> list[str]:
        begin, end = self._time(item.options["from"]), self._time(item.options["to"])
        ms = (end - begin) * 1000
        what = f"from '{item.options['from']}' to '{item.options['to']}'"
        if ms > item.value:
            return [f"expected at most {item.value} ms {what}; seen: {ms:.0f} ms"]
        if ms < item.options.get("at_least_ms", -1e9):
            return [f"expected at least {item.options['at_least_ms']} ms {what}; seen: {ms:.0f} ms"]
        return []

    def check_quiet(self, item: Item) -> list[str]:
        begin, end = self._time(item.value), self._time(item.options.get("to", "end")) - RENDERED_AHEAD
        loud = [t for t in self._loud if begin <= t < end]
        return [f"expected silence from '{item.value}' on; sound {(loud[0] - begin) * 1000:.0f} ms later, "
                f"{len(loud) * 10} ms of it"] if loud else []

    # -- spoken turns -----------------------------------------------------------------------------------------------
    def _turn_event(self, number: int) -> Event:
        turns = self._all("turn")
        if len(turns) < number:
            raise LookupError(f"there is no turn {number}, there are {len(turns)}")
        return turns[number - 1]

    def _samples(self, number: int) -> array.array:
        """Of the Nth turn: from a little before it was audible to the next one, or the end."""
        turn = self._turn_event(number).data["event"]["turn"]
        audible = [(e.at, e.data["event"]["turn"]) for e in self._all("audible")]
        begins = [at for at, t in audible if t == turn]
        later = [at for at, t in audible if t > turn]
        if not begins:
            return array.array("h")
        recording = self._world.loudspeaker
        end = later[0] - BEFORE_AUDIBLE if later else self._end
        return recording.samples[recording.index_of(begins[0] - BEFORE_AUDIBLE):recording.index_of(end)]

    def recorded(self, number: int) -> Heard:
        """The words of the Nth turn that are in the recording."""
        event = self._turn_event(number).data["event"]
        segments = [e.text for e in self._all("segment") if e.data["event"].get("turn") == event["turn"]]
        return Heard(segments, tones_of(self._samples(number)), bool(event.get("interrupted")))

    def check_turn(self, item: Item) -> list[str]:
        event = self._turn_event(item.value)
        data, options, found = event.data["event"], item.options, []
        reply = plain(event.text)
        words = len(reply.split())
        name = f"turn {item.value}"
        checks = [("text", lambda v: reply == plain(v)), ("contains", lambda v: v in reply)]
        found += [f"{name}: expected the reply {k} {options[k]!r}; seen: {reply!r}" for k, ok in checks
                  if k in options and not ok(options[k])]
        if "heard" in options and options["heard"].lower() not in data.get("heard", "").lower():
            found.append(f"{name}: expected to be heard: {options['heard']!r}; seen: {data.get('heard')!r}")
        found += [f"{name}: expected {k} = {options[k]}; seen: {data.get(k)}" for k in ("interrupted", "failed")
                  if k in options and bool(data.get(k)) != options[k]]
        if words < options.get("at_least_words", 0) or words > options.get("at_most_words", words):
            least, most = options.get("at_least_words", 0), options.get("at_most_words", "any")
            found.append(f"{name}: expected {least} to {most} "
                         f"words; seen {words}: {reply!r}")
        if "at_most_gap_ms" in options:
            gap = longest_gap_ms(self._samples(item.value))
            if gap > options["at_most_gap_ms"]:
                found.append(f"{name}: expected {options['at_most_gap_ms']} ms as longest silence; seen: {gap:.0f} ms")
        if options.get("as_recorded"):
            heard = self.recorded(item.value)
            if heard.problem or reply not in [plain(t) for t in heard.texts]:
                found.append(f"{name}: the reply that counts as heard is {reply!r}; the recording has {heard.text!r}"
                             + (f" ({heard.problem})" if heard.problem else ""))
        return found

    def check_turns(self, item: Item) -> list[str]:
        turns = self._all("turn")
        return [f"expected {item.value} spoken turns; seen {len(turns)}: {[t.text[:40] for t in turns]}"
                ] if len(turns) != item.value else []

    def check_said(self, item: Item) -> list[str]:
        segments = [e.text for e in self._all("segment")]
        said = any(item.value in s for s in segments)
        return [] if said else [f"expected to be said: {item.value!r}; seen: {segments}"]

    def check_unsaid(self, item: Item) -> list[str]:
        return [f"not expected to be said: {item.value!r}; seen: {e.text!r}" for e in self._all("segment")
                if item.value in e.text]

    # -- the model --------------------------------------------------------------------------------------------------
    def _asked(self, item: Item) -> list[Record]:
        return self._requests[item.options.get("service", "model")]

    def check_request(self, item: Item) -> list[str]:
        requests = self._asked(item)
        if len(requests) < item.value or not requests:
            raise LookupError(f"there is no request {item.value}, there are {len(requests)}")
        record = requests[item.value - 1]
        messages = record.body["messages"]
        whole = "\n".join(f"{m.get('role')}: {text_of(m)}" for m in messages)
        found = []
        if "contains" in item.options and item.options["contains"] not in whole:
            found.append(f"request {record.number}: expected somewhere: {item.options['contains']!r}; seen:\n{whole}")
        if "lacks" in item.options and item.options["lacks"] in whole:
            found.append(f"request {record.number}: not expected: {item.options['lacks']!r}; seen:\n{whole}")
        expected = item.options.get("context", [])
        tail = messages[-len(expected):] if expected else []
        for position, one in enumerate(expected):
            role, text = next(iter(one.items()))
            seen = tail[position] if position < len(tail) else {}
            if not self._same_message(role, text, seen):
                found.append(f"request {record.number}: expected as message {position - len(expected)} {role}: "
                             f"{self._filled(text)[0]!r}; seen {seen.get('role')}: {text_of(seen)!r}")
        return found

    def _filled(self, text: str) -> list[str]:
        """With {recorded N} replaced; more than one where the last word was cut at its very end."""
        place = re.search(r"\{recorded (\d+)\}", text)
        if not place:
            return [plain(text)]
        return [plain(text.replace(place.group(), words)) for words in self.recorded(int(place.group(1))).texts]

    def _same_message(self, role: str, text: str, seen: dict) -> bool:
        if seen.get("role") != role:
            return False
        content = plain(text_of(seen))
        if text == "{any}":
            return True
        if role == "user":  # time and memory may stand before the words
            return content.endswith(plain(text))
        return any(content.replace(MARK, "") == wanted for wanted in self._filled(text))

    def _count(self, what: str, seen: int, item: Item) -> list[str]:
        most = item.options.get("at_most", seen)
        if item.value <= seen <= most:
            return []
        wanted = f"at least {item.value}" + (f", at most {most}" if "at_most" in item.options else "")
        return [f"expected {wanted} {what}; seen: {seen}"]

    def check_requests(self, item: Item) -> list[str]:
        return self._count("requests to the model", len(self._asked(item)), item)

    def check_closed(self, item: Item) -> list[str]:
        return self._count("requests given up by prot", sum(r.closed_early for r in self._asked(item)), item)

    # -- the rest ---------------------------------------------------------------------------------------------------
    def check_chat(self, item: Item) -> list[str]:
        answers = [e for e in self._events if e.label in ("chat done", "chat error") and e.data["number"] == item.value]
        if not answers:
            raise LookupError(f"chat {item.value} has no answer")
        answer, options, found = answers[0], item.options, []
        error = answer.label == "chat error"
        if error != ("error" in options):
            found.append(f"chat {item.value}: expected {'an error' if 'error' in options else 'an answer'}; "
                         f"seen {answer.label}: {answer.text!r}")
        if "text" in options and plain(answer.text) != plain(options["text"]):
            found.append(f"chat {item.value}: expected {options['text']!r}; seen: {answer.text!r}")
        found += [f"chat {item.value}: expected {k} {options[k]!r}; seen: {answer.text!r}"
                  for k in ("contains", "error")
                  if k in options and options[k] not in answer.text]
        if "interrupted" in options and bool(answer.data["event"].get("interrupted")) != options["interrupted"]:
            found.append(f"chat {item.value}: expected interrupted = {options['interrupted']}")
        return found

    def check_stage(self, item: Item) -> list[str]:
        now, found = self._stages[item.value], []
        restarts = now["restarts"] - self._before[item.value]["restarts"]
        if "restarts" in item.options and restarts != item.options["restarts"]:
            found.append(f"{item.value}: expected {item.options['restarts']} restarts; seen: {restarts}")
        if "exit" in item.options and now["last_exit"] != item.options["exit"]:
            found.append(f"{item.value}: expected {item.options['exit']} as its last exit; seen: {now['last_exit']}")
        return found

    def check_home(self, item: Item) -> list[str]:
        calls = self._world.services.home_calls()
        count = sum(item.value in call for call in calls)
        wanted = item.options.get("times")
        if count == wanted or (wanted is None and count > 0):
            return []
        return [f"expected {'a call' if wanted is None else f'{wanted} calls'} of Home Assistant with {item.value!r}; "
                f"seen: {calls}"]

    def check_database(self, item: Item) -> list[str]:
        deadline = time.monotonic() + 5  # memory stores behind the conversation's back
        wanted = self._filled(item.options["equals"])
        while (seen := plain(self._world.sql(item.value))) not in wanted and time.monotonic() < deadline:
            time.sleep(0.05)
        return [] if seen in wanted else [
            f"{item.value}: expected {wanted[0]!r}; seen: {seen!r}"]

    def check_start_fails(self, _item: Item) -> list[str]:
        return ["prot was expected not to start; it did"]
