"""Reads the recording of the tone voice: word n of a segment is a tone of 300 + 50 (n mod 12) Hz, 160 ms long, with
40 ms of silence behind it. So the words that left the loudspeaker can be counted without believing anybody."""
import array
import dataclasses
import statistics

RATE = 16000
STEP = RATE * 4 // 1000  # 4 ms
LOUD = 300  # of 32767; the tones have 8000
FULL_MS = 160
COMPLETE_MS = 150  # a word that is this long certainly counts
CLICK_MS = 8  # what is shorter is no word
GAP_MS = 30
PARTIAL_MS = 140  # one that is shorter certainly does not


@dataclasses.dataclass
class Tone:
    begin: float  # seconds into the samples
    ms: float  # of sound; gaps within do not count
    word: int  # n mod 12; -1: no tone of this voice

    @property
    def complete(self) -> bool:
        return self.ms >= COMPLETE_MS

    @property
    def doubtful(self) -> bool:
        """Cut at its very end: it may count or not."""
        return PARTIAL_MS <= self.ms < FULL_MS - 4


def pitch(samples: array.array) -> float:
    """Frequency by the median time between zero crossings, each placed between its two samples."""
    crossings = []
    for i in range(1, len(samples)):
        a, b = samples[i - 1], samples[i]
        if (a < 0) != (b < 0):
            crossings.append(i - 1 + a / (a - b))
    if len(crossings) < 4:
        return 0.0
    return RATE / statistics.median(after - before for before, after in zip(crossings, crossings[2:]))


def word_of(frequency: float) -> int:
    number = round((frequency - 300) / 50)
    return number if 0 <= number < 12 and abs(frequency - 300 - 50 * number) < 12 else -1


def runs(samples: array.array) -> list[tuple[int, int]]:
    """First and last + 1 sample of each stretch of sound."""
    found: list[tuple[int, int]] = []
    for at in range(0, len(samples) - STEP + 1, STEP):
        block = samples[at:at + STEP]
        if max(block) < LOUD and min(block) > -LOUD:
            continue
        if found and at - found[-1][1] < STEP:
            found[-1] = (found[-1][0], at + STEP)
        else:
            found.append((at, at + STEP))
    return [exact(samples, begin, end) for begin, end in found]


def exact(samples: array.array, begin: int, end: int) -> tuple[int, int]:
    while begin < end and abs(samples[begin]) < LOUD:
        begin += 1
    while end > begin and abs(samples[end - 1]) < LOUD:
        end -= 1
    return begin, end


def pieces_of(samples: array.array) -> list[list[tuple[int, int]]]:
    """Stretches of sound that belong to one word: what is between them is less than the 40 ms between two words."""
    words: list[list[tuple[int, int]]] = []
    for run in runs(samples):
        if words and run[0] - words[-1][-1][1] < RATE * GAP_MS // 1000:
            words[-1].append(run)
        else:
            words.append([run])
    return words


def tones_of(samples: array.array) -> list[Tone]:
    """The tones in order. A word whose tone was interrupted, by a hold or a gap, and went on later is one tone."""
    tones: list[Tone] = []
    for pieces in pieces_of(samples):
        ms = sum(end - begin for begin, end in pieces) * 1000 / RATE
        if ms < CLICK_MS:
            continue
        begin, end = max(pieces, key=lambda piece: piece[1] - piece[0])
        tone = Tone(pieces[0][0] / RATE, ms, word_of(pitch(samples[begin:end])))
        before = tones[-1] if tones else None
        if before and before.word == tone.word and before.ms + tone.ms < FULL_MS + 25:
            before.ms += tone.ms
        else:
            tones.append(tone)
    return tones


def longest_gap_ms(samples: array.array) -> float:
    """The longest silence between two words."""
    words = pieces_of(samples)
    return max(((after[0][0] - before[-1][1]) * 1000 / RATE for before, after in zip(words, words[1:])), default=0.0)


class Heard:
    """The words of some segments that the tones spell. `text`: the complete words; `texts`: what else may be right;
    `problem`: where tones and segments do not fit. `cut`: the reply was interrupted. Then a last word with no sound of
    the next one behind it may count or not: a null sink hands out what it renders some milliseconds before its time,
    also what is taken back by the cut."""

    def __init__(self, segments: list[str], tones: list[Tone], cut: bool = False):
        self.problem = ""
        self.words: list[str] = []
        self.doubtful = False
        words = [segment.split() for segment in segments]
        segment, word = 0, 0
        for tone in tones:
            if segment < len(words) and word >= len(words[segment]):
                segment, word = segment + 1, 0
            if segment >= len(words):
                self.problem = f"a tone {tone.begin:.2f} s into the recording belongs to no word"
                break
            if tone.word != word % 12:
                nearest = f"word {tone.word}" if tone.word >= 0 else "no word"
                self.problem = (f"at {tone.begin:.2f} s {nearest} of a segment is heard where word {word % 12}, "
                                f"{words[segment][word]!r}, was due")
                break
            if tone.complete or tone.doubtful:
                self.words.append(words[segment][word])
                self.doubtful = tone.doubtful or (cut and tone is tones[-1])
            word += 1

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def texts(self) -> list[str]:
        return [self.text] + ([" ".join(self.words[:-1])] if self.doubtful else [])
