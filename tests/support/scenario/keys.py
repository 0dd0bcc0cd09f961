"""The format of a scenario as tables: the parser, its messages and doc/scenarios.md all come from here."""
import dataclasses
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from loopback import faults  # noqa: E402

STAGES = ("capture", "stt", "brain", "tts", "player", "memory")
MODELS = ("model", "second", "anthropic")
SERVICES = (*MODELS, "transcription", "speech", "home")
SOUNDS = ("noise", "tone", "cough", "silence")


@dataclasses.dataclass(frozen=True)
class Key:
    """`type`: text, texts, text or texts, whole, number, flag, mark, table, list, fault."""
    type: str
    says: str
    required: bool = False
    choices: tuple = ()


def choice(says: str, *choices: str, required: bool = False) -> Key:
    return Key("text", says, required, choices)


SCENARIO = {
    "about": Key("text", "one sentence: what is shown", True),
    "language": choice("of the conversation (default en)", "en", "ko"),
    "recognizer": choice("`scripted` (default): the loopback service; `elevenlabs`: another one, which hears while one "
                         "speaks; `wyoming`: a third; `whisper`: prot's own", "scripted", "elevenlabs", "wyoming", "whisper"),
    "voice": choice("`tone` (default): prot's own for tests; `elevenlabs`, `openai`, `wyoming`: loopback services, which "
                    "speak in the same tones; prot's own takes over", "tone", "elevenlabs", "openai", "wyoming"),
    "settings": Key("table", "configuration keys of prot, over those that every scenario has"),
    "files": Key("table", "files made beforehand, by name; `{NAME}` in a setting is the path"),
    "alone": Key("flag", "a prot of its own, started for this scenario"),
    "echo": Key("whole", "percent of the loudspeaker's level that come back into the microphone (default 0)"),
    "echo_ms": Key("whole", "how late they come, beyond what the devices say (default 30)"),
    "transcription": Key("table", "the loopback recogniser: `delay_ms`, `fault`; `{transcription}` in a setting is the address of the "
                         "scripted one"),
    "speech": Key("table", "the loopback voice: `first_ms`, `pace_ms`, `fault`"),
    "home": Key("table", "the loopback Home Assistant; `{home}` in a setting is its address"),
    "model": Key("list", "what the loopback model answers"),
    "second": Key("list", "what a second one answers; `{second}` in a setting is its address"),
    "anthropic": Key("list", "what Anthropic's answers; `{anthropic}` in a setting is its address"),
    "steps": Key("list", "what happens, in order"),
    "expect": Key("list", "what must have been seen", True),
}

TRANSCRIPTION = {
    "delay_ms": Key("whole", "that each answer takes (default 60)"),
    "text": Key("text", "what it understands as long as no step says anything"),
    "fault": Key("fault", "from the beginning"),
}

SPEECH = {
    "first_ms": Key("whole", "before the first sound of a text (default 80)"),
    "pace_ms": Key("whole", "between two words (default 0: faster than they are spoken)"),
    "fault": Key("fault", "from the beginning"),
}

HOME = {
    "delay_ms": Key("whole", "that each call takes (default 0)"),
    "padding": Key("whole", "bytes that are added to the answer of a call (default 0)"),
    "agent": Key("text", "what the conversation agent says (default \"Done.\")"),
    "agent_error": Key("text", "code of the error that it answers instead, with status 200"),
    "fault": Key("fault", "from the beginning"),
}

FILE = {
    "say": Key("text", "speech in a WAV file"),
    "content": Key("text", "these bytes and no others"),
    "rate": Key("whole", "sample rate (default 16000)"),
    "channels": Key("whole", "channels (default 1)"),
    "lead_ms": Key("whole", "silence before the speech (default 0)"),
}

ANSWER = {
    "text": Key("text", "the answer; sent word by word"),
    "deltas": Key("texts", "the answer in exactly these pieces"),
    "repeat": Key("whole", "`text` so often, one after the other"),
    "to": Key("text", "only to a question that contains this; others are given in order"),
    "pace_ms": Key("whole", "between two pieces (default 0)"),
    "first_ms": Key("whole", "before the first piece (default 0)"),
    "tools": Key("list", "tools that are called behind the text"),
    "thinking": Key("text", "thoughts before it (`anthropic` only, as the next four)"),
    "search": Key("text", "a search of the service itself before it"),
    "summary": Key("text", "the service sums up what was before"),
    "pauses": Key("whole", "so often the service pauses behind that and wants to be asked again"),
    "stop": Key("text", "another reason to stop than the usual one"),
    "fault": Key("fault", "befalls the first `times` requests for this answer (default: each)"),
}

TOOL = {
    "name": Key("text", "of the tool", True),
    "arguments": Key("text", "JSON (default {})"),
    "id": Key("text", "of the call (default call_N)"),
}

_TRANSCRIPT = Key("text or texts", "what the recogniser understands (default: what is said; of a sound: nothing)")
_BACKGROUND = Key("flag", "the next step begins at once, not when the sound has ended")
_WITHIN = Key("whole", "else the scenario has failed (default 8000)")

# verb -> (the verb's value, its options)
STEPS = {
    "say": (Key("text", "spoken into the microphone by prot's own voices"),
             {"transcript": _TRANSCRIPT, "background": _BACKGROUND, "language": choice("of the voice", "en", "ko"),
              "cut_ms": Key("whole", "only so much of it: a sound like speech, but no word"),
              "inner_pause_ms": Key("whole", "a silence in the middle of it")}),
    "play": (Key("text", "a WAV file beside the scenario, or one of `files`"),
             {"transcript": _TRANSCRIPT, "background": _BACKGROUND}),
    "sound": (choice("a sound that is no speech", *SOUNDS),
              {"ms": Key("whole", "its length", True), "level": Key("whole", "percent of full scale (default 30)"),
               "transcript": _TRANSCRIPT, "background": _BACKGROUND}),
    "pause": (Key("whole", "milliseconds in which nothing is done"), {}),
    "wait": (Key("text", "for an event, written `LABEL` or `LABEL: TEXT`"), {"within_ms": _WITHIN}),
    "chat": (Key("text", "a message over chat.sock; its answer is not waited for"),
             {"conversation": choice("`new` (default), or that of the chat before", "new", "same"),
              "times": Key("whole", "the text so often, in one message")}),
    "chat_stop": (Key("whole", "ends the answer to the Nth `chat`"), {}),
    "prot_say": (Key("text", "the same by `prot say`"), {}),
    "kill": (choice("SIGKILL to a stage", *STAGES), {}),
    "stop": (choice("SIGSTOP to a stage", *STAGES), {}),
    "continue": (choice("SIGCONT to a stage", *STAGES), {}),
    "restart": (choice("`prot restart` of a stage; not waited for", *STAGES), {}),
    "ready": (choice("waits until a stage that was killed or restarted is ready again", *STAGES),
              {"within_ms": _WITHIN}),
    "drop": (choice("resets every connection of a service now", *SERVICES), {}),
    "fault": (Key("fault", "befalls every request from now on; `none` ends it"),
              {"service": choice("default model", *SERVICES)}),
}
STEP_COMMON = {
    "as": Key("mark", "a name for when this was, for `expect`"),
    "after_ms": Key("whole", "not before this long after the event that was waited for last"),
}

_SERVICE = choice("default model", *MODELS)
_FROM = Key("mark", "not before")
_TO = Key("mark", "not after")
EXPECT = {
    "events": (Key("texts", "these events came in this order (others may stand between)"), {"from": _FROM, "to": _TO}),
    "absent": (Key("text", "no such event came"), {"from": _FROM, "to": _TO}),
    "within_ms": (Key("whole", "at most this long"),
                  {"from": Key("mark", "from", True), "to": Key("mark", "to", True),
                   "at_least_ms": Key("whole", "at least this long")}),
    "quiet": (Key("mark", "the loudspeaker is silent from here on"), {"to": Key("mark", "to 60 ms before")}),
    "turn": (Key("whole", "the Nth spoken turn"),
             {"text": Key("text", "the reply that counts as heard is this"),
              "contains": Key("text", "it contains this"),
              "heard": Key("text", "the person's words contain this"),
              "interrupted": Key("flag", "it was interrupted"),
              "failed": Key("flag", "it failed"),
              "as_recorded": Key("flag", "the reply has exactly the words whose tones are in the recording"),
              "at_most_gap_ms": Key("whole", "no silence within it is longer, in the recording"),
              "at_least_words": Key("whole", "in the reply"), "at_most_words": Key("whole", "in the reply")}),
    "turns": (Key("whole", "so many spoken turns in all"), {}),
    "request": (Key("whole", "the Nth request to the model; 0: the last"),
                {"context": Key("list", "its messages end with these: `{user = TEXT}`, `{assistant = TEXT}`, "
                                        "`{tool = TEXT}`; `{recorded N}`: what was heard of turn N; `{any}`"),
                 "contains": Key("text", "somewhere in its messages"), "lacks": Key("text", "nowhere in them"),
                 "service": _SERVICE}),
    "requests": (Key("whole", "at least so many requests to the model"),
                 {"at_most": Key("whole", "and no more"), "service": _SERVICE}),
    "closed": (Key("whole", "at least so many requests were given up by prot"),
               {"at_most": Key("whole", "and no more"), "service": _SERVICE}),
    "said": (Key("text", "a segment that was spoken contains this"), {}),
    "unsaid": (Key("text", "none does"), {}),
    "chat": (Key("whole", "the answer of the Nth chat"),
             {"text": Key("text", "it is this"), "contains": Key("text", "it contains this"),
              "error": Key("text", "it is an error that contains this"), "interrupted": Key("flag", "it was")}),
    "stage": (choice("a stage", *STAGES),
              {"restarts": Key("whole", "so often within this scenario"),
               "exit": Key("number", "code of its last end; by a signal: minus its number")}),
    "home": (Key("text", "a call that Home Assistant got contains this: `lock.unlock {\"entity_id\": ...}`"),
             {"times": Key("whole", "so often (default: at least once)")}),
    "database": (Key("text", "an SQL query (settings: memory.store = \"postgres\")"),
                 {"equals": Key("text", "its result, as psql -At prints it", True)}),
    "start_fails": (Key("text", "prot does not start, and its message contains this"), {}),
}

LABELS = {
    "state X": "the conversation enters idle, listening, processing, speaking, active or interrupted",
    "heard partial": "a partial transcript; its text",
    "heard final": "a final transcript; its text",
    "segment": "a segment is given to the voice; its text",
    "audible": "the first sample of a reply is at the loudspeaker",
    "hold": "speech is suspected: the reply is held",
    "release": "it was none: the reply goes on",
    "ignored": "an utterance is not answered; its text",
    "turn": "a spoken turn is over; its text is the reply",
    "request": "the model is asked; the text is the last message",
    "answered": "the model's answer is complete, or failed as the script says",
    "closed": "prot has closed a request before its answer was complete",
    "second request": "the same of the second model",
    "second answered": "the same of the second model",
    "second closed": "the same of the second model",
    "anthropic request": "the same of Anthropic's",
    "anthropic answered": "the same of Anthropic's",
    "anthropic closed": "the same of Anthropic's",
    "transcribe": "the recogniser's service is asked; elevenlabs: a segment is committed",
    "fallback transcribe": "the scripted recogniser is asked, and another one is the first",
    "connect": "prot has connected to elevenlabs' recognition; its text: the key terms",
    "voice request": "the loopback voice is asked; its text",
    "voice answered": "the loopback voice has said all of a text",
    "voice closed": "it has not: prot has closed it, or the fault says so",
    "home": "Home Assistant gets a call; its text",
    "consent": "a call that a person has to agree to; asked, heard, yes, again or dropped, and what it is",
    "chat first": "the first piece of an answer to `chat`",
    "chat done": "an answer to `chat`; its text",
    "chat error": "an error instead of it; its text",
    "sound": "the loudspeaker is heard (again)",
    "silence": "the loudspeaker has been silent for 300 ms",
}
MARKS = {
    "NAME": "of a step with `as`: when it was done; of a sound: when it began, in the microphone's recording",
    "NAME.end": "when that sound ended",
    "begin": "of the scenario", "end": "of the scenario",
    "LABEL N": "the Nth event of that label",
    "sound after MARK": "the loudspeaker's first sound from there on",
    "silence after MARK": "the end of the loudspeaker's last sound before 300 ms of silence",
}
FAULTS = faults.WORDS
