"""prot's own set of spoken turns with a pause of 700 ms in them: 24 texts in each of two languages, each recorded in two
ways, half of them kept from tuning.

The bar stands for the pause: at the border of a clause in the first twelve texts of a language, where people search for
a word in the other twelve. The voices are Piper (English) and espeak-ng (Korean), through run_voice.
  together: the text is spoken as a whole and cut at the bar, so the prosody in front of the pause is that of speech that
            goes on. The place is the voice's own alignment, moved to the quietest 20 ms within 150 ms of it; silence that
            the voice makes there is taken away.
  apart:    both parts are spoken by themselves, the first with a comma at its end.
700 ms lie between the last loud sample of the first part and the first loud one of the second; white noise of -66 dBFS
lies under everything, half a second of it before and three seconds after.

What a recogniser says at each pause lies beside each recording (FILE.wav.txt, for run_end_of_turn). English: what whisper
hears up to there (run_recognizer). Korean: no recogniser understands espeak-ng's Korean, so the words are those of the
text, without its marks; they say what the rules are worth when the words are heard right.
"""
import array
import dataclasses
import json
import math
import pathlib
import random
import re
import statistics
import subprocess
import wave

RATE = 16000
LOUD = 300  # of 32768: -40 dBFS, below any phoneme of both voices
PAUSE_MS = 700

ENGLISH = """
If it rains tomorrow morning,| I would rather stay at home.
I was going to call my sister,| but I forgot her new number.
When the train arrives in Berlin,| please send me a message.
Turn off the lights in the kitchen,| and close the blinds in the bedroom.
Since nobody is at home right now,| you can turn down the heating.
The meeting was moved to Thursday,| because the room is not free today.
I finished the report last night,| so we can talk about it after lunch.
Although the soup was a bit salty,| everybody asked for another plate.
Set a timer for twelve minutes,| and remind me to turn the bread.
Before you read me the news,| tell me what the weather is like.
My doctor said it is nothing serious,| but I should drink more water.
As soon as the washing is done,| let me know on the phone.
What is the name of the| tallest mountain in Africa?
I would like to book a table for| six people on Friday evening.
Can you tell me how far it is from| Hamburg to Copenhagen?
Please add milk, butter and| a dozen eggs to the list.
My favourite colour has always been| a very dark green.
Could you play the song that we| heard in the car yesterday?
I think the best time to visit is| the second week of September.
We need to buy a present for my| brother and his wife.
How many people were living in| Vienna a hundred years ago?
Remind me to water the plants on the| balcony every second day.
The reason why I am asking is that| my cat has not eaten since Monday.
Does the shop at the corner of| Baker Street open on Sundays?
""".strip().splitlines()

KOREAN = """
내일 비가 오면| 집에서 영화를 보고 싶어요.
어제 도서관에 갔는데| 책을 빌리지 못했어요.
부엌 불을 끄고| 거실 창문을 닫아 주세요.
회의가 목요일로 바뀌어서| 오늘은 시간이 조금 있어요.
밥을 다 먹었으니까| 이제 산책을 나갈까요?
국이 조금 짰지만| 모두 맛있게 먹었어요.
기차가 부산에 도착하면| 저한테 문자를 보내 주세요.
동생한테 전화하려고 했는데| 번호를 잊어버렸어요.
빨래가 끝나자마자| 휴대폰으로 알려 주세요.
의사는 괜찮다고 했지만| 물을 더 마셔야 한대요.
뉴스를 읽어 주기 전에| 오늘 날씨부터 말해 주세요.
보고서는 어젯밤에 끝냈고| 점심 먹고 나서 이야기해요.
아프리카에서 가장 높은| 산의 이름이 뭐예요?
금요일 저녁에 여섯 명| 자리를 예약해 주세요.
서울에서 부산까지는| 얼마나 걸려요?
장보기 목록에 우유하고| 달걀을 넣어 주세요.
제가 제일 좋아하는| 색은 진한 초록색이에요.
어제 차에서 들은 그| 노래를 틀어 주세요.
여행하기에 가장 좋은 때는| 구월 둘째 주예요.
형하고 형수님한테 줄| 선물을 사야 해요.
백 년 전에 빈에는| 몇 명이 살았어요?
이틀에 한 번씩 베란다의| 화분에 물을 주라고 알려 주세요.
제가 이걸 물어보는 이유는| 고양이가 월요일부터 안 먹어서예요.
모퉁이에 있는 가게가| 일요일에도 문을 열어요?
""".strip().splitlines()


@dataclasses.dataclass
class Recording:
    file: str
    language: str
    place: str  # clause, middle
    way: str  # together, apart
    held_out: bool
    pause_begin_ms: float
    pause_end_ms: float
    end_ms: float  # of speech
    texts: tuple[str, str]  # up to the pause, and all


def read(file: pathlib.Path) -> array.array:
    with wave.open(str(file)) as recording:
        return array.array("h", recording.readframes(recording.getnframes()))


def trimmed(samples: array.array) -> array.array:
    """From the first loud sample to the last."""
    first = next(i for i, s in enumerate(samples) if abs(s) > LOUD)
    last = next(i for i in range(len(samples) - 1, -1, -1) if abs(samples[i]) > LOUD)
    return samples[first:last + 1]


def quietest(samples: array.array, near: int) -> int:
    window, reach = RATE // 50, RATE * 150 // 1000
    begin = max(near - reach, window)
    places = range(begin, min(near + reach, len(samples) - window), window // 4)
    energy = {at: sum(s * s for s in samples[at - window // 2:at + window // 2]) for at in places}
    return min(energy, key=lambda at: (energy[at], abs(at - near)))


def cut_at(samples: array.array, line: dict, first_bytes: int) -> tuple[array.array, array.array]:
    """The two parts of a text that was spoken as a whole."""
    near = next(sample for byte, sample in line["align"] if byte >= first_bytes)
    at = quietest(samples, min(near, len(samples) - 1))
    return trimmed(samples[:at]), trimmed(samples[at:])


def faded(samples: array.array) -> array.array:
    """5 ms at both ends: a cut in a vowel must not click."""
    length = RATE * 5 // 1000
    out = samples[:]
    for i in range(min(length, len(out) // 2)):
        out[i] = out[i] * i // length
        out[-1 - i] = out[-1 - i] * i // length
    return out


def speak(run_voice: str, language: str, texts: list[str], folder: pathlib.Path) -> list[tuple[array.array, dict]]:
    files = [folder / f"{language}-{i}.wav" for i in range(len(texts))]
    jobs = folder / f"{language}.list"
    jobs.write_text("".join(f"{file}\t{text}\n" for file, text in zip(files, texts)), encoding="utf-8")
    done = subprocess.run([run_voice, "--list", str(jobs), "--lang", language, "--rate", str(RATE)], check=True,
                          stdout=subprocess.PIPE, text=True)
    return [(read(file), json.loads(line)) for file, line in zip(files, done.stdout.splitlines())]


def write(file: pathlib.Path, first: array.array, second: array.array, noise: array.array) -> tuple[float, float, float]:
    """The times in ms: begin and end of the pause, end of speech."""
    def silence(ms: int) -> array.array:
        return array.array("h", bytes(2 * (RATE * ms // 1000)))
    whole = silence(500) + first + silence(PAUSE_MS) + second + silence(3000)
    begin = len(silence(500)) + len(first)
    end = begin + RATE * PAUSE_MS // 1000
    loud = array.array("h", (max(-32768, min(32767, s + n)) for s, n in zip(whole, noise)))
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(loud.tobytes())
    return tuple(1000 * at / RATE for at in (begin, end, end + len(second)))


def make(run_voice: str, folder: pathlib.Path) -> list[Recording]:
    """Every second text is held out of tuning."""
    source = random.Random(16)
    noise = array.array("h", (round(source.gauss(0, 16)) for _ in range(30 * RATE)))
    recordings = []
    for language, texts in (("en", ENGLISH), ("ko", KOREAN)):
        parts = [text.split("|") for text in texts]
        wholes = speak(run_voice, language, [a + b for a, b in parts], folder)
        apart = speak(run_voice, language, [p for a, b in parts for p in (a.rstrip(",") + ",", b.strip())], folder)
        for i, (first_text, _) in enumerate(parts):
            whole, line = wholes[i]
            pieces = {"together": cut_at(whole, line, len(first_text.encode())),
                      "apart": (trimmed(apart[2 * i][0]), trimmed(apart[2 * i + 1][0]))}
            for way, (first, second) in pieces.items():
                file = folder / f"{language}-{i:02}-{way}.wav"
                times = write(file, faded(first), faded(second), noise)
                recordings.append(Recording(str(file), language, "clause" if i < 12 else "middle", way, i % 2 == 1, *times,
                                            (first_text, texts[i].replace("|", ""))))
    return recordings


def contexts(audio_ms: float) -> float:
    """The recogniser's work, in 256 positions of 20 ms: it grows in steps of 32, and has 64 more than the audio."""
    return math.ceil((math.ceil(audio_ms / 20) + 64) / 32) / 8


def transcribe(recordings: list[Recording], run_recognizer: str, context_ms: float | None) -> None:
    """`context_ms`: what a recogniser takes for 256 positions; None: as long as it takes here and now."""
    lead, trail = 244, 128  # of the recording: where capture begins, and where decoding starts
    measured: dict[float, list[float]] = {}

    def heard(recording: Recording, end_ms: float) -> tuple[str, float]:
        samples = read(pathlib.Path(recording.file))[RATE * lead // 1000:int(RATE * (end_ms + trail) / 1000)]
        piece = pathlib.Path(recording.file).with_suffix(".piece")
        with wave.open(str(piece), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(samples.tobytes())
        done = subprocess.run([run_recognizer, str(piece), "--lang", recording.language], check=True,
                              stdout=subprocess.PIPE, text=True)
        answer = json.loads(done.stdout)
        measured.setdefault(contexts(end_ms + trail - lead), []).append(answer["decode_ms"])
        return answer["text"], answer["decode_ms"]

    for recording in sorted(recordings, key=lambda r: r.language):  # English first: its times are used for both
        lines = []
        for end_ms, text in zip((recording.pause_begin_ms, recording.end_ms), recording.texts):
            size = contexts(end_ms + trail - lead)
            if recording.language == "en":
                text, took = heard(recording, end_ms)
            else:
                text = re.sub("[.,?!]", "", text)
                took = statistics.median(measured.get(size) or [t * size / s for s, ts in measured.items() for t in ts])
            delay = took if context_ms is None else context_ms * size
            lines.append(f"{end_ms + 300:.0f}\t{delay:.0f}\t{text}\n")
        pathlib.Path(recording.file + ".txt").write_text("".join(lines), encoding="utf-8")
