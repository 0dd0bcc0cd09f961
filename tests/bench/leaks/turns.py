"""Turns, one behind the other: each of them goes through every program."""
import time

from rig import Answer, Rig, WebSocket

WORDS = ("alder birch cedar daisy elm fern gorse hazel ivy juniper kale larch maple nettle oak pine quince rose "
         "sage thyme umber violet willow yew zinnia").split()
LONG = "One two three four five six seven eight nine ten eleven twelve."
PAGES = ("/state", "/metrics", "/diagnostics", "/turns", "/search?q=cedar", "/health", "/ready", "/")
HANGS = ('"status":"hangs"', '"missing":["supervisor"]')  # /health, /ready
LIMIT_S = 20   # for what takes none
MOST_LOST = 5  # more prove nothing


class Talk:
    """A turn: a spoken question with its spoken answer, a typed one of a session of its own, a page."""

    def __init__(self, rig: Rig, scale):
        self.rig, self.scale = rig, scale
        self.turns = self.typed = self.stories = self.late = 0
        self.lost: list[str] = []
        self._chat: WebSocket | None = None

    def run(self, count: int) -> None:
        for _ in range(count):
            self.turn()

    def turn(self) -> None:
        number = self.turns
        self.turns += 1
        if number % self.scale.session == 0:
            self.close()
            self._chat = WebSocket(self.rig.port, "/chat")
        note, question = self.question("Note", number), self.question("Question", number)
        self.rig.services.will_answer(note, Answer(f"It is noted {number}."))
        self._chat.send(type="message", content=note)
        try:
            if number % self.scale.interrupt_every == self.scale.interrupt_every - 1:
                self.interrupted(self.question("Story", number))
            self.spoken(question)
        except TimeoutError as error:
            self.lost.append(f"{question}: {error}")
            if len(self.lost) > MOST_LOST:
                raise
        types, done = self._chat.reply()
        self.typed += 1
        if types[-1] != "done" or done["content"] != f"It is noted {number}.":
            self.lost.append(f"{note}: {done}")
        self.page(PAGES[number % len(PAGES)])
        self.rig.forget()

    def page(self, path: str) -> None:
        status, _, text = self.rig.answer(path)
        if status == 504 and path.startswith("/search"):
            self.late += 1  # its patience is of the quick clock, the database is not
        elif status == 503 and any(words in text for words in HANGS):
            pass  # by web's clock the supervisor does, which is on the machine's
        elif status != 200:
            self.lost.append(f"{path}: {status} {text}")

    def question(self, kind: str, number: int) -> str:
        return f"{kind} {number} about {WORDS[number % len(WORDS)]}"

    def interrupted(self, story: str) -> None:
        """The next question breaks into its answer."""
        self.stories += 1
        self.rig.say(story, Answer(LONG))
        self.told("audible", lambda _event: True)

    def spoken(self, question: str) -> None:
        self.rig.say(question, Answer("Yes."))
        over = self.told("turn", lambda event: event["heard"].strip(" .") == question)
        if over["reply"] != "Yes.":
            self.lost.append(f"{question}: {over}")

    def told(self, wanted: str, fits) -> dict:
        event = self.rig.told.wait(lambda kind, data: kind == wanted and fits(data), LIMIT_S)
        if event is None:
            raise TimeoutError(f"no event '{wanted}' within {LIMIT_S} s")
        return event

    def calm(self) -> None:
        """Nothing is under way any more, as far as that comes to pass."""
        until = time.monotonic() + self.scale.calm_s
        while self.rig.page("/diagnostics")["asyncio_tasks"] and time.monotonic() < until:
            time.sleep(0.05)

    def close(self) -> None:
        if self._chat is not None:
            self._chat.__exit__()
        self._chat = None
