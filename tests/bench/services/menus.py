"""What befalls each service: (name, fault, whole, mended by hand). `whole`: the reply that was meant comes of it all the
same; None: it may."""
from service_rig import Fault

HUNG_MS = 6000  # longer than anybody waits


def entry(name: str, kind: str, whole: bool | None = False, by_hand: bool = False, **options):
    return name, Fault(kind, **options), whole, by_hand


RECOGNISER = [
    *[entry(f"HTTP {status}", "status", status=status) for status in (400, 401, 403, 422, 429, 500, 503, 529)],
    entry("429, retry-after 1 s", "status", True, status=429, retry_after="1", times=1),
    entry("429, retry-after a date", "status", None, status=429, retry_after="date", times=1),
    entry("503 once", "status", True, status=503, times=1),
    entry("silence before the headers", "delay_headers", None, ms=HUNG_MS),
    entry("hangs", "hang"),
    entry("reset", "reset"),
    entry("reset once", "reset", True, times=1),
    entry("ends without an end", "eof"),
    entry("empty body", "empty_body"),
    entry("JSON of an error under 200", "json_body"),
    entry("writes of 1 to 7 bytes", "small_writes", True),
    entry("bytes that are no UTF-8", "invalid_utf8", None),
]
SCRIBE = [
    *[entry(f"handshake: HTTP {status}", "status", False, status in (400, 401, 403), status=status)
      for status in (400, 401, 403, 429, 500, 503)],
    entry("handshake: 429, retry-after 1 s", "status", None, status=429, retry_after="1", times=1),
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
    entry("429, retry-after 300 ms", "status", True, status=429, retry_after="300ms", times=1),
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
      for status in (400, 401, 403, 404, 429, 500, 503)],
    entry("silence before the headers", "delay_headers", True, ms=HUNG_MS),
    entry("hangs", "hang", True),
    entry("reset", "reset", True),
    entry("ends without an end", "eof", True),
    entry("empty body", "empty_body", True),
    entry("JSON of an error under 200", "json_body", True),
    entry("writes of 1 to 7 bytes", "small_writes", True),
    entry("10 MiB", "huge_line", True),
]
