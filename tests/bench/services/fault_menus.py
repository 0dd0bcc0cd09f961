"""What befalls each service: (name, fault, whole, mended by hand). `whole`: the reply that was meant comes of it all the
same; None: it may."""
from service_rig import Fault

HUNG_MS = 6000  # longer than anybody waits
STATUSES = (400, 401, 403, 422, 429, 500, 503, 529)
BROKEN = {"hangs": "hang", "reset": "reset", "ends": "eof", "half open": "half_open", "an error": "error_event"}
# What is done to more than one service, by the name that it has in the tables.
SHARED = {
    "503 once": Fault("status", status=503, times=1),
    "silence before the headers": Fault("delay_headers", ms=HUNG_MS),
    **{f"silence before the {what}": Fault("delay_first", ms=HUNG_MS) for what in ("body", "first sound", "transcript")},
    "hangs": Fault("hang"),
    "reset": Fault("reset"),
    "reset once": Fault("reset", times=1),
    "ends without an end": Fault("eof"),
    "empty body": Fault("empty_body"),
    "JSON of an error under 200": Fault("json_body"),
    "JSON under 200": Fault("json_body"),
    "HTTP instead": Fault("json_body"),
    "writes of 1 to 7 bytes": Fault("small_writes"),
    "a byte every 300 ms": Fault("dribble", ms=300),
    "bytes that are no UTF-8": Fault("invalid_utf8"),
    "fields that nobody knows": Fault("unknown_field"),
    "messages that nobody knows": Fault("unknown_event"),
    "events that nobody knows": Fault("unknown_event"),
    "1 MiB of blanks": Fault("huge_line"),
    "messages of more than 1 MiB": Fault("huge_line"),
    "a line of more than 1 MiB": Fault("huge_line"),
    "pings": Fault("pings"),
    "CR LF": Fault("crlf"),
    "sound cut within a sample": Fault("odd_bytes"),
    "sound without times": Fault("no_alignment"),
    "refuses the connection": Fault("refuse"),
    "refuses the connection once": Fault("refuse", times=1),
    "half open": Fault("half_open"),
    "a line that is cut off": Fault("truncated"),
    "a wrong length": Fault("wrong_length"),
    **{f"{name} at once": Fault(kind) for name, kind in BROKEN.items()},
    **{f"{name} after two words": Fault(kind, after=2) for name, kind in BROKEN.items()},
}


def entry(name: str, kind: str, whole: bool | None = False, by_hand: bool = False, **options):
    return name, Fault(kind, **options), whole, by_hand


def shared(whole: bool | None, *names: str, by_hand: bool = False):
    return [(name, SHARED[name], whole, by_hand) for name in names]


def statuses(whole: bool | None, by_hand: tuple = (), more: tuple = (), prefix: str = ""):
    return [entry(f"{prefix}HTTP {status}", "status", whole, status in by_hand, status=status)
            for status in sorted((*STATUSES, *more))]


def limited(*wholes: bool | None, prefix: str = ""):
    """429 with the three forms of retry-after: seconds, milliseconds, a date."""
    forms = (("1", "1 s"), ("300ms", "300 ms"), ("date", "a date"))
    return [entry(f"{prefix}429, retry-after {called}", "status", whole, status=429, retry_after=form, times=1)
            for (form, called), whole in zip(forms, wholes, strict=True)]


RECOGNISER = [
    *statuses(False),
    *limited(True, True, None),
    *shared(False, "hangs", "a byte every 300 ms", "reset", "ends without an end", "empty body", "JSON of an error under 200"),
    *shared(True, "503 once", "reset once", "writes of 1 to 7 bytes", "fields that nobody knows"),
    *shared(None, "silence before the headers", "silence before the body", "bytes that are no UTF-8", "1 MiB of blanks"),
]
SCRIBE = [
    *statuses(False, (400, 401, 403, 422), prefix="handshake: "),
    *limited(None, None, None, prefix="handshake: "),
    entry("handshake: 503 once", "status", True, status=503, times=1),
    entry("handshake: silence", "delay_headers", None, ms=HUNG_MS),
    entry("handshake: empty body", "empty_body", None, True),
    entry("handshake: JSON under 200", "json_body", None, True),
    entry("no session_started", "delay_first", None, ms=HUNG_MS),
    *shared(False, "hangs at once"),
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
    *shared(True, "messages that nobody knows", "fields that nobody knows", "writes of 1 to 7 bytes", "pings"),
    entry("each final twice", "twin", True),
    entry("empty finals that nobody asked for", "unasked", True),
    entry("a final that says itself twice", "repeated_text", True),
    *shared(None, "messages of more than 1 MiB", "bytes that are no UTF-8"),
]
# Every voice has another one behind it: what was meant is always said.
BREAKS = ("hangs at once", "hangs after two words", "reset at once", "reset after two words", "ends at once", "ends after two words")
HTTP_VOICE = [
    *statuses(True),
    *limited(True, True, True),
    *shared(True, "503 once", "silence before the headers", "silence before the first sound", *BREAKS, "empty body",
            "JSON under 200", "writes of 1 to 7 bytes"),
]
VOICE = [
    *HTTP_VOICE,
    *shared(True, "an error after two words", "fields that nobody knows", "messages of more than 1 MiB"),
    entry("quota_exceeded after two words", "error_event", True, after=2, code="quota_exceeded"),
]
HTTP = shared(True, "CR LF", "sound cut within a sample", "sound without times")
SOCKET = [
    *[entry(f"closed with {code} after two words", "close", True, status=code, after=2) for code in (1000, 1008, 1011)],
    *shared(True, "half open after two words", "messages that nobody knows", "pings", "sound cut within a sample",
            "sound without times"),
]
OPENAI_VOICE = [*HTTP_VOICE, *shared(True, "half open", "sound cut within a sample")]
HOME = [
    *statuses(True, (401, 403), (404,)),
    *limited(True, True, True),
    *shared(True, "silence before the headers", "silence before the body", "fields that nobody knows", "hangs", "reset",
            "ends without an end", "empty body", "JSON of an error under 200", "writes of 1 to 7 bytes"),
    entry("10 MiB", "huge_line", True),
]
WYOMING = ("a line that is cut off", "a wrong length", "a line of more than 1 MiB", "HTTP instead")
WYOMING_RECOGNISER = [
    *shared(False, "refuses the connection", "hangs", *WYOMING),
    *shared(True, "refuses the connection once", "events that nobody knows", "fields that nobody knows",
            "writes of 1 to 7 bytes"),
    *shared(None, "silence before the transcript"),
    entry("half open from the audio on", "half_open"),
    entry("reset in the audio", "reset"),
    entry("reset in the audio once", "reset", True, times=1),
    entry("ends without a transcript", "eof"),
    entry("ends without a transcript once", "eof", True, times=1),
    entry("an error", "error_event"),
    entry("an error once", "error_event", True, times=1),
]
WYOMING_VOICE = [
    *shared(True, "refuses the connection", "refuses the connection once", "silence before the first sound", *BREAKS,
            "half open", "an error at once", "an error after two words", *WYOMING, "events that nobody knows",
            "sound cut within a sample", "writes of 1 to 7 bytes"),
    entry("no sound", "empty_body", True),
]
# Of vectors and ranks alike: memory's block by words is there whatever they do, so the reply is always the one that was meant.
VECTORS = [
    *statuses(True),
    *limited(True, True, True),
    *shared(True, "503 once", "silence before the headers", "silence before the body", "hangs", "empty body",
            "JSON of an error under 200", "fields that nobody knows", "writes of 1 to 7 bytes", "1 MiB of blanks",
            "bytes that are no UTF-8"),
    entry("reset within the body", "reset", True),
    entry("ends within the body", "eof", True),
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
    entry("answers twice", "twin", True),
    *shared(True, "bytes that are no UTF-8", "messages that nobody knows", "fields that nobody knows", "pings", "CR LF",
            "writes of 1 to 7 bytes"),
]
