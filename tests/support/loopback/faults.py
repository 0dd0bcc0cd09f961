"""The fault menu of the loopback services: what a real service has been seen to do wrong, by name."""
import dataclasses
import email.utils
import json
import time

# kind -> the options that it takes
KINDS = {
    "status": ("status", "retry_after"),
    "delay_headers": ("ms",),
    "delay_first": ("ms",),
    "hang": ("after",),
    "reset": ("after",),
    "eof": ("after",),
    "error_event": ("after", "code"),
    "unknown_event": (),
    "unknown_field": (),
    "small_writes": (),
    "dribble": ("ms",),
    "crlf": (),
    "pings": (),
    "empty_body": (),
    "json_body": (),
    "huge_line": (),
    "invalid_utf8": (),
    "split_surrogates": (),
    "close": ("status", "after"),
    "half_open": ("after",),
    "twin": (),
    "unasked": (),
    "repeated_text": (),
    "odd_bytes": (),
    "no_alignment": (),
    "refuse": (),
    "truncated": (),
    "wrong_length": (),
}
WORDS = {
    "status": "answer with this HTTP status and an error body; `retry_after`: \"2\" (s), \"300ms\", \"date\" or none",
    "delay_headers": "`ms` before the status line",
    "delay_first": "`ms` between headers and first event",
    "hang": "nothing more after `after` pieces of text",
    "reset": "TCP reset after `after` pieces of text",
    "eof": "the body ends after `after` pieces of text, without a terminal event",
    "error_event": "an error event after `after` pieces of text; `code`: what a WebSocket's service calls it",
    "unknown_event": "events of a kind that nobody knows in between",
    "unknown_field": "fields that nobody knows in every event",
    "small_writes": "every write has 1 to 7 bytes",
    "dribble": "one byte of the body every `ms`",
    "crlf": "lines end with CR LF",
    "pings": "comment lines and empty events in between",
    "empty_body": "status 200 and nothing else",
    "json_body": "one JSON object with an error under status 200",
    "huge_line": "one event has more than 1 MiB",
    "invalid_utf8": "bytes that are not UTF-8 within the text",
    "split_surrogates": "each character beyond U+FFFF comes as two escapes in two events",
    "close": "a WebSocket is closed with the code `status` after `after` messages of the client",
    "half_open": "a WebSocket reads and says nothing more, not even pongs, after `after` messages of the client",
    "twin": "each final text comes twice, in both of its forms",
    "unasked": "empty final texts that nobody asked for",
    "repeated_text": "a final text is said twice in itself",
    "odd_bytes": "audio is cut within a sample",
    "no_alignment": "audio comes without the times of its characters",
    "refuse": "a connection is reset as soon as it stands",
    "truncated": "the connection ends in the middle of an event's line (Wyoming)",
    "wrong_length": "an event is longer than it says (Wyoming)",
}
DEFAULT_TIMES = 1 << 30


@dataclasses.dataclass(frozen=True)
class Fault:
    kind: str
    status: int = 500
    retry_after: str = ""
    ms: int = 0
    after: int = 0
    code: str = ""
    times: int = DEFAULT_TIMES  # requests that it befalls

    def before_headers(self) -> float:
        return self.ms / 1000 if self.kind == "delay_headers" else 0.0

    def before_first(self) -> float:
        return self.ms / 1000 if self.kind == "delay_first" else 0.0

    def headers(self) -> dict:
        if not self.retry_after:
            return {}
        if self.retry_after == "date":
            return {"Retry-After": email.utils.formatdate(time.time() + 1, usegmt=True)}
        if self.retry_after.endswith("ms"):
            return {"Retry-After-Ms": self.retry_after[:-2]}
        return {"Retry-After": self.retry_after}

    async def breaks(self, exchange, said: int, tell_error) -> bool:
        """True: the answer is over, as the fault has it behind `said` words or pieces."""
        if said < self.after or self.kind not in ("hang", "reset", "eof", "error_event"):
            return False
        if self.kind == "hang":
            await exchange.hang()
            return False
        if self.kind == "reset":
            exchange.reset()
            return True
        if self.kind == "error_event":
            await tell_error()
        await exchange.end()
        return True

    def error_body(self) -> bytes:
        kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error", 529: "overloaded_error"}
        kind = kinds.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        return json.dumps({"error": {"message": self.code or f"loopback says {self.status}", "type": kind,
                                     "code": self.status}}).encode()


def make_fault(options: dict) -> Fault:
    """From `{kind = ..., ...}`. Raises ValueError with what is wrong."""
    kind = options.get("kind")
    if kind not in KINDS:
        raise ValueError(f"no fault has the kind {kind!r}; there are: {' '.join(KINDS)}")
    for name, value in options.items():
        if name not in ("kind", "times", *KINDS[kind]):
            raise ValueError(f"the fault {kind!r} has no option {name!r}")
        if name == "retry_after":
            if not isinstance(value, str):
                raise ValueError("retry_after is a text: \"2\", \"300ms\" or \"date\"")
        elif name == "code":
            if not isinstance(value, str):
                raise ValueError("code is a text")
        elif name != "kind" and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise ValueError(f"{name} is a whole number")
    return Fault(**options)
