"""What is said to prot in the demonstration, and how the questions' recordings are made."""
import array
import dataclasses
import hashlib
import os
import pathlib
import random
import subprocess
import wave


@dataclasses.dataclass
class Turn:
    said: str
    interrupts: bool = False  # spoken while prot speaks: it must stop
    expect: tuple = ()  # one of these words shows that the answer is right (shown, not judged, unless recall)


# (statement, question after the restart, the word that only memory knows). Statements that the recogniser hears
# word for word with every word: "color is brown" becomes "colors brown".
FACTS = {
    "en": [
        ("The color that I like best is {}.", "What color do I like best?",
         ["green", "purple", "orange", "yellow", "silver", "brown"]),
        ("My sister has a house in {}.", "Where does my sister have a house?",
         ["Madrid", "Berlin", "Chicago", "Toronto", "Sydney", "Dublin"]),
        ("My brother works as a {}.", "What is my brother's job?",
         ["baker", "teacher", "pilot", "dentist", "farmer", "painter"]),
        ("My favorite animal is the {}.", "What is my favorite animal?",
         ["elephant", "tiger", "dolphin", "penguin", "rabbit", "horse"]),
    ],
    "ko": [("내 여동생은 {}에 살아.", "내 여동생은 어디에 살아?", ["부산", "대구", "광주", "제주"])],
}


def script(language: str, seed: int | None = None) -> tuple[list[Turn], Turn]:
    """The turns before the restart, and the one after it that only memory can answer."""
    choice = random.Random(seed)
    statement, question, words = choice.choice(FACTS[language])
    word = choice.choice(words)
    if language == "ko":
        turns = [Turn("프랑스의 수도는 어디야?", expect=("파리",)), Turn("거기에는 몇 명이 살아?"),
                 Turn(statement.format(word)), Turn("여우에 대한 짧은 이야기를 해 줘."),
                 Turn("그만. 이 더하기 삼은 뭐야?", interrupts=True, expect=("5", "오")),
                 Turn("일주일은 며칠이야?", expect=("7", "칠", "일곱")), Turn("하늘은 무슨 색이야?", expect=("파란",)),
                 Turn("잘 자.")]
        return turns, Turn(question, expect=(word,))
    turns = [
        Turn("What is the capital of France?", expect=("paris",)),
        Turn("And what river flows through it?", expect=("seine",)),
        Turn(statement.format(word), expect=()),
        Turn("Please tell me a story about a fox.", expect=("fox",)),
        Turn("Stop, please. How many days are in a week?", interrupts=True, expect=("seven", "7")),
        Turn("What color is the sky on a clear day?", expect=("blue",)),
        Turn("How many legs does a spider have?", expect=("eight", "8")),
        Turn("Thank you, good night.", expect=()),
    ]
    return turns, Turn(question, expect=(word.lower(),))


def make_wav(text: str, language: str, folder: pathlib.Path, run_voice: pathlib.Path) -> pathlib.Path:
    """The spoken text with room noise, made once by prot's own voice and kept in `folder`. Several may make it at once."""
    name = hashlib.sha256(f"3:{language}:{text}".encode()).hexdigest()[:16] + ".wav"
    target = folder / name
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    plain = folder / f"{name}.{os.getpid()}.voice"
    done = subprocess.run([run_voice, text, plain, "--lang", language], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"cannot make the spoken question: {done.stderr.strip() or done.stdout.strip()}")
    with wave.open(str(plain), "rb") as reader:
        rate = reader.getframerate()
        voice = array.array("h", reader.readframes(reader.getnframes()))
    peak = max(1, max(abs(s) for s in voice))
    gain = 0.5 * 32767 / peak
    noise = random.Random(name)
    level = 12.0  # about -69 dBFS: a quiet room

    def hiss(count: int) -> array.array:
        return array.array("h", (int(noise.gauss(0, level)) for _ in range(count)))

    sound = hiss(int(0.25 * rate))
    room = hiss(len(voice))
    sound.extend(max(-32768, min(32767, int(s * gain) + n)) for s, n in zip(voice, room))
    sound.extend(hiss(int(0.25 * rate)))
    part = folder / f"{name}.{os.getpid()}.part"
    with wave.open(str(part), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(sound.tobytes())
    part.rename(target)
    plain.unlink()
    return target
