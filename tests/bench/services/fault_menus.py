"""What befalls each service: (name, fault, whole, mended by hand). `whole`: the reply that was meant comes of it all the
same; None: it may."""
from service_rig import Fault

HUNG_MS = 6000  # longer than anybody waits


def entry(name: str, kind: str, whole: bool | None = False, by_hand: bool = False, **options):
    return name, Fault(kind, **options), whole, by_hand


def limited(*wholes: bool | None, prefix: str = ""):
    """429 with the three forms of retry-after: seconds, milliseconds, a date."""
    forms = (("1", "1 s"), ("300ms", "300 ms"), ("date", "a date"))
    return [entry(f"{prefix}429, retry-after {called}", "status", whole, status=429, retry_after=form, times=1)
            for (form, called), whole in zip(forms, wholes, strict=True)]


RECOGNISER = [
    *[entry(f"HTTP {status}", "status", status=status) for status in (400, 401, 403, 422, 429, 500, 503, 529)],
    *limited(True, True, None),
    entry("503 once", "status", True, status=503, times=1),
    entry("silence before the headers", "delay_headers", None, ms=HUNG_MS),
    entry("silence before the body", "delay_first", None, ms=HUNG_MS),
    entry("hangs", "hang"),
    entry("a byte every 300 ms", "dribble", ms=300),
    entry("reset", "reset"),
    entry("reset once", "reset", True, times=1),
    entry("ends without an end", "eof"),
    entry("empty body", "empty_body"),
    entry("JSON of an error under 200", "json_body"),
    entry("writes of 1 to 7 bytes", "small_writes", True),
    entry("bytes that are no UTF-8", "invalid_utf8", None),
    entry("fields that nobody knows", "unknown_field", True),
    entry("1 MiB of blanks", "huge_line", None),
]
SCRIBE = [
    *[entry(f"handshake: HTTP {status}", "status", False, status in (400, 401, 403, 422), status=status)
      for status in (400, 401, 403, 422, 429, 500, 503, 529)],
    *limited(None, None, None, prefix="handshake: "),
    entry("handshake: 503 once", "status", True, status=503, times=1),
    entry("handshake: silence", "delay_headers", None, ms=HUNG_MS),
    entry("handshake: empty body", "empty_body", None, True),
    entry("handshake: JSON under 200", "json_body", None, True),
    entry("no session_started", "delay_first", None, ms=HUNG_MS),
    entry("hangs at once", "hang"),
    entry("hangs after three chunks", "hang", after=3),
    entry("hangs after three chunks, once", "hang", True, after=3, times=1),
    entry("half open after three chunks, once", "half_open", True, after=3, times=1),
    entry("reset after three chunks", "reset", None, after=3),
    entry("reset after three chunks, once", "reset", True, after=3, times=1),
    entry("ends after three chunks, once", "eof", True, after=3, times=1),
    *[entry(f"closed with {code} after three chunks, once", "close", True, status=code, after=3, times=1)
      for code in (1000, 1008, 1011)],
    *[entry(f"{code} after three chunks, once", "error_event", True, code=code, after=3, times=1)
      for code in ("rate_limited", "resource_exhausted", "queue_overflow", "transcriber_error",
                   "session_time_limit_exceeded", "something_new_error")],
    *[entry(f"{code} after three chunks", "error_event", False, True, code=code, after=3)
      for code in ("auth_error", "quota_exceeded", "unaccepted_terms", "invalid_request", "input_error",
                   "chunk_size_exceeded")],
    entry("messages that nobody knows", "unknown_event", True),
    entry("fields that nobody knows", "unknown_field", True),
    entry("writes of 1 to 7 bytes", "small_writes", True),
    entry("pings", "pings", True),
    entry("each final twice", "twin", True),
    entry("empty finals that nobody asked for", "unasked", True),
    entry("a final that says itself twice", "repeated_text", True),
    entry("messages of more than 1 MiB", "huge_line", None),
    entry("bytes that are no UTF-8", "invalid_utf8", None),
]
VOICE = [
    *[entry(f"HTTP {status}", "status", True, status=status) for status in (400, 401, 403, 422, 429, 500, 503, 529)],
    *limited(True, True, True),
    entry("503 once", "status", True, status=503, times=1),
    entry("silence before the headers", "delay_headers", True, ms=HUNG_MS),
    entry("silence before the first sound", "delay_first", True, ms=HUNG_MS),
    entry("hangs at once", "hang", True),
    entry("hangs after two words", "hang", True, after=2),
    entry("reset at once", "reset", True),
    entry("reset after two words", "reset", True, after=2),
    entry("ends at once", "eof", True),
    entry("ends after two words", "eof", True, after=2),
    entry("an error after two words", "error_event", True, after=2),
    entry("quota_exceeded after two words", "error_event", True, after=2, code="quota_exceeded"),
    entry("empty body", "empty_body", True),
    entry("JSON under 200", "json_body", True),
    entry("fields that nobody knows", "unknown_field", True),
    entry("writes of 1 to 7 bytes", "small_writes", True),
    entry("messages of more than 1 MiB", "huge_line", True),
]
HTTP = [
    entry("CR LF", "crlf", True),
]
SOCKET = [
    entry("half open after two words", "half_open", True, after=2),
    *[entry(f"closed with {code} after two words", "close", True, status=code, after=2) for code in (1000, 1008, 1011)],
    entry("messages that nobody knows", "unknown_event", True),
    entry("pings", "pings", True),
    entry("sound cut within a sample", "odd_bytes", True),
    entry("sound without times", "no_alignment", True),
]
HOME = [
    *[entry(f"HTTP {status}", "status", True, status in (401, 403), status=status)
      for status in (400, 401, 403, 404, 422, 429, 500, 503, 529)],
    *limited(True, True, True),
    entry("silence before the headers", "delay_headers", True, ms=HUNG_MS),
    entry("silence before the body", "delay_first", True, ms=HUNG_MS),
    entry("fields that nobody knows", "unknown_field", True),
    entry("hangs", "hang", True),
    entry("reset", "reset", True),
    entry("ends without an end", "eof", True),
    entry("empty body", "empty_body", True),
    entry("JSON of an error under 200", "json_body", True),
    entry("writes of 1 to 7 bytes", "small_writes", True),
    entry("10 MiB", "huge_line", True),
]
WYOMING_RECOGNISER = [
    entry("refuses the connection", "refuse"),
    entry("refuses the connection once", "refuse", True, times=1),
    entry("silence before the transcript", "delay_first", None, ms=HUNG_MS),
    entry("hangs", "hang"),
    entry("half open from the audio on", "half_open"),
    entry("reset in the audio", "reset"),
    entry("reset in the audio once", "reset", True, times=1),
    entry("ends without a transcript", "eof"),
    entry("ends without a transcript once", "eof", True, times=1),
    entry("an error", "error_event"),
    entry("an error once", "error_event", True, times=1),
    entry("a line that is cut off", "truncated"),
    entry("a wrong length", "wrong_length"),
    entry("a line of more than 1 MiB", "huge_line"),
    entry("HTTP instead", "json_body"),
    entry("events that nobody knows", "unknown_event", True),
    entry("fields that nobody knows", "unknown_field", True),
    entry("writes of 1 to 7 bytes", "small_writes", True),
]
WYOMING_VOICE = [
    entry("refuses the connection", "refuse", True),
    entry("refuses the connection once", "refuse", True, times=1),
    entry("silence before the first sound", "delay_first", True, ms=HUNG_MS),
    entry("hangs at once", "hang", True),
    entry("hangs after two words", "hang", True, after=2),
    entry("half open", "half_open", True),
    entry("reset at once", "reset", True),
    entry("reset after two words", "reset", True, after=2),
    entry("ends at once", "eof", True),
    entry("ends after two words", "eof", True, after=2),
    entry("an error at once", "error_event", True),
    entry("an error after two words", "error_event", True, after=2),
    entry("no sound", "empty_body", True),
    entry("a line that is cut off", "truncated", True),
    entry("a wrong length", "wrong_length", True),
    entry("a line of more than 1 MiB", "huge_line", True),
    entry("HTTP instead", "json_body", True),
    entry("events that nobody knows", "unknown_event", True),
    entry("sound cut within a sample", "odd_bytes", True),
    entry("writes of 1 to 7 bytes", "small_writes", True),
]
OPENAI_VOICE = [
    *[entry(f"HTTP {status}", "status", True, status=status) for status in (400, 401, 403, 422, 429, 500, 503, 529)],
    *limited(True, True, True),
    entry("503 once", "status", True, status=503, times=1),
    entry("silence before the headers", "delay_headers", True, ms=HUNG_MS),
    entry("silence before the first sound", "delay_first", True, ms=HUNG_MS),
    entry("hangs at once", "hang", True),
    entry("hangs after two words", "hang", True, after=2),
    entry("half open", "half_open", True),
    entry("reset at once", "reset", True),
    entry("reset after two words", "reset", True, after=2),
    entry("ends at once", "eof", True),
    entry("ends after two words", "eof", True, after=2),
    entry("empty body", "empty_body", True),
    entry("JSON under 200", "json_body", True),
    entry("sound cut within a sample", "odd_bytes", True),
    entry("writes of 1 to 7 bytes", "small_writes", True),
]
# Of vectors and ranks alike: memory's block by words is there whatever they do, so the reply is always the one that was meant.
VECTORS = [
    *[entry(f"HTTP {status}", "status", True, status=status) for status in (400, 401, 403, 422, 429, 500, 503, 529)],
    *limited(True, True, True),
    entry("503 once", "status", True, status=503, times=1),
    entry("silence before the headers", "delay_headers", True, ms=HUNG_MS),
    entry("silence before the body", "delay_first", True, ms=HUNG_MS),
    entry("hangs", "hang", True),
    entry("reset within the body", "reset", True),
    entry("ends within the body", "eof", True),
    entry("empty body", "empty_body", True),
    entry("JSON of an error under 200", "json_body", True),
    entry("fields that nobody knows", "unknown_field", True),
    entry("writes of 1 to 7 bytes", "small_writes", True),
    entry("1 MiB of blanks", "huge_line", True),
    entry("bytes that are no UTF-8", "invalid_utf8", True),
]
# Whose process ends is started anew after a back-off that doubles: brain is restarted, so that the next fault finds it.
MCP = [
    entry("never answers", "hang", True),
    entry("answers after 6 s", "delay_first", True, ms=HUNG_MS),
    entry("its process ends at a call", "reset", True, True),
    entry("its process ends within the answer", "eof", True, True),
    entry("an error instead of a result", "error_event", True),
    entry("a tool that failed", "status", True),
    entry("a result of 10 MiB", "huge_line", True),
    entry("a flood of messages", "unasked", True, True),
    entry("lines that are no JSON", "json_body", True),
    entry("bytes that are no UTF-8", "invalid_utf8", True),
    entry("messages that nobody knows", "unknown_event", True),
    entry("fields that nobody knows", "unknown_field", True),
    entry("pings", "pings", True),
    entry("answers twice", "twin", True),
    entry("CR LF", "crlf", True),
    entry("writes of 1 to 7 bytes", "small_writes", True),
]
