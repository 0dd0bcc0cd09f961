"""The line on which each key of a TOML text stands, which tomllib does not tell. REQUIRES: tomllib accepts the text."""
import re

BARE = re.compile(r"[A-Za-z0-9_-]+")
SCALAR = re.compile(r"[^,\]}\n#]+")


def lines_of(text: str) -> dict[tuple, int]:
    """Path -> line. A path has the keys and, within arrays, the indices: ("steps", 2, "say")."""
    return Scanner(text).document()


class Scanner:
    def __init__(self, text: str):
        self._text = text
        self._at = 0
        self._lines: dict[tuple, int] = {}
        self._tables: dict[tuple, int] = {}  # arrays of tables -> the index of the newest

    def document(self) -> dict[tuple, int]:
        base: tuple = ()
        self._skip(newlines=True)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                base = self._header()
            else:
                self._pair(base)
            self._skip(newlines=True)
        return self._lines

    def _note(self, path: tuple) -> None:
        self._lines.setdefault(path, self._text.count("\n", 0, self._at) + 1)

    def _skip(self, newlines: bool) -> None:
        blanks = " \t\r\n" if newlines else " \t"
        while self._at < len(self._text):
            if self._text[self._at] == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            elif self._text[self._at] in blanks:
                self._at += 1
            else:
                return

    def _header(self) -> tuple:
        array = self._text.startswith("[[", self._at)
        begin = self._at
        self._at += 2 if array else 1
        path: tuple = ()
        for key in self._keys():
            path += (key,)
            if path in self._tables:
                path += (self._tables[path],)
        if array:
            if path and isinstance(path[-1], int):
                path = path[:-1]
            self._tables[path] = self._tables.get(path, -1) + 1
            path += (self._tables[path],)
        end, self._at = self._text.index("]", self._at) + (2 if array else 1), begin
        self._note(path)
        self._at = end
        return path

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip(newlines=False)
            if self._text[self._at] in "\"'":
                quote = self._text[self._at]
                begin = self._at + 1
                self._string()
                raw = self._text[begin:self._at - 1]
                keys.append(raw if quote == "'" else raw.replace('\\"', '"'))
            else:
                match = BARE.match(self._text, self._at)
                keys.append(match.group())
                self._at = match.end()
            self._skip(newlines=False)
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _pair(self, base: tuple) -> None:
        begin = self._at
        path = base + tuple(self._keys())
        end, self._at = self._at, begin
        for length in range(len(base) + 1, len(path) + 1):
            self._note(path[:length])
        self._at = self._text.index("=", end) + 1
        self._value(path)

    def _value(self, path: tuple) -> None:
        self._skip(newlines=False)
        first = self._text[self._at]
        if first in "\"'":
            self._string()
        elif first == "[":
            self._sequence(path, "]", lambda number: self._element(path + (number,)))
        elif first == "{":
            self._sequence(path, "}", lambda _number: self._pair(path))
        else:
            self._at = SCALAR.match(self._text, self._at).end()

    def _element(self, path: tuple) -> None:
        self._note(path)
        self._value(path)

    def _sequence(self, path: tuple, close: str, one) -> None:
        self._note(path)
        self._at += 1
        number = 0
        while True:
            self._skip(newlines=True)
            if self._text[self._at] == close:
                self._at += 1
                return
            if self._text[self._at] == ",":
                self._at += 1
                continue
            one(number)
            number += 1

    def _string(self) -> None:
        quote = self._text[self._at]
        mark = quote * 3 if self._text.startswith(quote * 3, self._at) else quote
        self._at += len(mark)
        while not self._text.startswith(mark, self._at):
            self._at += 2 if quote == '"' and self._text[self._at] == "\\" else 1
        self._at += len(mark)
        while len(mark) == 3 and self._text.startswith(quote, self._at):  # quotes right before the closing ones
            self._at += 1
