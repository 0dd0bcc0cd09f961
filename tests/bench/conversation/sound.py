"""Sound to words and back, on 16-bit mono samples: the words of the tone voice, the person's words, onsets, silences.

Everything here is a pure function of the samples; times are seconds from the first of them.
"""
import array
import dataclasses
import math
import statistics

RATE = 16000
LOUD = 400             # largest sample of silence; a tone has 8000
BLOCK = RATE // 500    # 2 ms: holds a peak of every tone
FIRST_HZ, STEP_HZ, TONES = 300, 50, 12  # tts/voices/tone.cpp
TONE_S, GAP_S, LEAD_S = 0.160, 0.040, 0.020
FADE_S, RAMP_S = 0.010, 0.005  # player's at an interruption; the voice's at a word's end
EDGE_OF_WORD = (0.1573, 0.1591)  # lengths of a tone whose fade began 148 to 153 ms after it; a whole one has 0.1593
SLACK_S = 0.004        # what the threshold takes from a tone
EDGE_S = 0.008         # of a tone, where ramps spoil its frequency
BETWEEN_S = 0.015      # less silence than that is within a tone


@dataclasses.dataclass(frozen=True)
class Tone:
    begin: float
    end: float
    index: int     # -1: no tone of the voice
    faded: bool = False  # it ends as player ends it, not as the voice does
    missing: float = 0.0  # silence within it: the device ran dry

    @property
    def length(self) -> float:
        return self.end - self.begin - self.missing

    @property
    def whole(self) -> bool:
        # Longer than a word: a device that had taken all of it played a part of it twice.
        return self.length >= TONE_S - SLACK_S and not self.faded or self.length > TONE_S


def loud_stretches(samples: array.array, loud: int = LOUD, between: float = BETWEEN_S) -> list[tuple[int, int]]:
    """[first, last) sample of everything that sounds, told apart by more than `between` seconds of silence."""
    found: list[list[int]] = []
    for at in range(0, len(samples), BLOCK):
        block = samples[at:at + BLOCK]
        if max(block) <= loud and min(block) >= -loud:
            continue
        if found and at - found[-1][1] <= between * RATE:
            found[-1][1] = at + len(block)
        else:
            found.append([at, at + len(block)])
    return [(exact_begin(samples, a, loud), exact_end(samples, b, loud)) for a, b in found]


def exact_begin(samples: array.array, at: int, loud: int) -> int:
    while abs(samples[at]) <= loud:
        at += 1
    return at


def exact_end(samples: array.array, behind: int, loud: int) -> int:
    while abs(samples[behind - 1]) <= loud:
        behind -= 1
    return behind


def frequency(samples: array.array) -> float:
    """By the median time between rising zero crossings: a jump within does not matter; 0 when there are too few."""
    crossings = [i - samples[i] / (samples[i] - samples[i - 1])
                 for i in range(1, len(samples)) if samples[i - 1] < 0 <= samples[i]]
    periods = [b - a for a, b in zip(crossings, crossings[1:])]
    return RATE / statistics.median(periods) if periods else 0.0


def tone_index(hertz: float) -> int:
    index = round((hertz - FIRST_HZ) / STEP_HZ)
    near = abs(hertz - FIRST_HZ - STEP_HZ * index) <= STEP_HZ * 0.4
    return index if near and 0 <= index < TONES else -1


def is_faded(samples: array.array) -> bool:
    """Is it already quieter before the ramp that every word ends with? A cut is twice as slow as that."""
    behind = len(samples) - int((RAMP_S + 0.001) * RATE)
    if behind < 3 * BLOCK:
        return True
    before = samples[behind - BLOCK:behind]
    return max(map(abs, before)) < 0.95 * max(map(abs, samples))


def tones(samples: array.array, loud: int = LOUD) -> list[Tone]:
    found = []
    for begin, end in loud_stretches(samples, loud):
        edge = min(int(EDGE_S * RATE), (end - begin) // 4)
        index = tone_index(frequency(samples[begin + edge:end - edge]))
        found.append(Tone(begin / RATE, end / RATE, index, is_faded(samples[begin:end])))
    return found


def without_gaps(found: list[Tone]) -> list[Tone]:
    """What belongs to one word, although a device that ran dry tore it: the silence between two words is longer, or
    both parts have the same tone."""
    joined: list[Tone] = []
    for tone in found:
        before = joined[-1] if joined else None
        silence = tone.begin - before.end if before else 1.0
        same = before is not None and before.index == tone.index >= 0 and before.length + tone.length < TONE_S + SLACK_S
        if before is not None and (silence < GAP_S - SLACK_S or same and silence < 3 * GAP_S):
            index = before.index if before.length >= tone.length else tone.index
            joined[-1] = Tone(before.begin, tone.end, index, tone.faded, before.missing + tone.missing + silence)
        else:
            joined.append(tone)
    return joined


@dataclasses.dataclass(frozen=True)
class Spoken:
    """What a recording holds of a reply by the tone voice."""
    words: int            # sounded to their end
    cut: bool             # one more had begun
    broken: str = ""      # what is in it that is not the reply
    on_edge: bool = False  # the fade began so near to the end of a word that nobody can tell whether it was whole


def spoken_words(found: list[Tone], segments: list[int]) -> Spoken:
    """`segments`: the words of each segment of the reply, in order; each begins with the first tone again."""
    expected = [n % TONES for words in segments for n in range(words)]
    words = 0
    for place, tone in enumerate(found):
        if place >= len(expected):
            return Spoken(words, False, f"a tone behind the last word, after {words} words")
        last = place == len(found) - 1
        told = tone.length >= 0.03 or not last  # a shorter one has no frequency
        if told and tone.index != expected[place]:
            return Spoken(words, False, f"word {place + 1} has tone {tone.index}, not {expected[place]}")
        if not tone.whole:
            if last:
                return Spoken(words, True, on_edge=EDGE_OF_WORD[0] <= tone.length < EDGE_OF_WORD[1])
            return Spoken(words, False, f"word {place + 1} has only {tone.length * 1000:.0f} ms")
        words += 1
    edge = bool(found) and (EDGE_OF_WORD[0] <= found[-1].length < EDGE_OF_WORD[1] or found[-1].length > TONE_S)
    return Spoken(words, False, on_edge=edge)


# -- the person -------------------------------------------------------------------------------------------------
SYLLABLE_S, REST_S = 0.130, 0.030  # an utterance: syllables without a gap that a detector takes for a pause


def utterance(seconds: float, level: int = 12000) -> array.array:
    """Something like speech, exactly that long: syllables of other pitch each, loud to the last sample."""
    total = int(seconds * RATE)
    samples = array.array("h", bytes(2 * total))
    count = max(1, round(seconds / (SYLLABLE_S + REST_S)))
    ramp = RATE // 250
    for syllable in range(count):
        begin = syllable * total // count
        end = (syllable + 1) * total // count
        if syllable < count - 1:
            end -= int(REST_S * RATE)
        step = 2 * math.pi * (180 + 60 * (syllable % 4)) / RATE
        for i in range(end - begin):
            gain = level * min(1.0, (i + 1) / ramp, (end - begin - i) / ramp)
            samples[begin + i] = int(gain * math.sin(step * (i + 0.5)))
    return samples
