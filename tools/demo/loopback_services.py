"""The services of `./run --demo --services loopback`: ElevenLabs' recognition and voice and Anthropic's model as servers on
this machine, with the protocols of the real ones. What is behind them is no engine: the recogniser is told what was said,
the model reads from a script (but knows after the restart only what prot's memory put into its request), and the voice is
one tone a word."""
import pathlib
import sys
import wave

import questions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "support"))
from loopback.anthropic_service import AnthropicService  # noqa: E402
from loopback.elevenlabs_stt import ScribeService  # noqa: E402
from loopback.elevenlabs_tts import SpeechService  # noqa: E402
from loopback.http_server import Loop  # noqa: E402
from loopback.script import Answer, Script, last_user, text_of  # noqa: E402
from loopback.transcription_service import Utterance  # noqa: E402

KEY = "sk-loopback-demonstration"
NOTE = ("recognition, language model and voice were loopback servers on this machine that speak the protocols of ElevenLabs and "
        "Anthropic: scripted answers, one tone a word. The times of recognition, model and voice are what the servers were told "
        "to take; what prot adds is real")
RECOGNITION_S = 0.2  # from a commit to its text
MODEL_MS, WORD_MS = 300, 15  # to the first word, and between two
VOICE_S = 0.12  # to the first sound
EDGE_S = 0.5  # of a question's recording: no speech
LONG = {"en": "Once upon a time a fox lived at the edge of a quiet forest. Every morning it walked along the river and looked for "
              "berries. One day it met an old owl who knew many stories. The owl told of mountains and of the sea. The fox "
              "listened until the evening came. Then it ran home and dreamed of the sea.",
        "ko": "옛날에 조용한 숲에 여우 한 마리가 살았어요. 여우는 아침마다 강가를 걸으며 열매를 찾았어요. 어느 날 여우는 늙은 부엉이를 "
              "만났어요. 부엉이는 산과 바다 이야기를 들려주었어요. 여우는 저녁까지 들었어요. 그리고 집으로 가서 바다 꿈을 꾸었어요."}
PLAIN = {"en": ("It is {}.", "All right.", "I do not know that."), "ko": ("{} 이에요.", "알겠어요.", "잘 모르겠어요.")}


class DemoScript(Script):
    """Answers the turns of the demonstration; the last one only from what else is in the request."""

    def __init__(self, language: str, turns: list, recall):
        answers = []
        for turn, after in zip(turns, [*turns[1:], None]):
            told = LONG[language] if after is not None and after.interrupts else (
                PLAIN[language][0].format(turn.expect[0]) if turn.expect else PLAIN[language][1])
            answers.append(Answer(text=told, to=turn.said.rstrip(".?"), first_ms=MODEL_MS, pace_ms=WORD_MS))
        super().__init__(answers)
        self._recall = recall
        self._unknown = PLAIN[language][2]
        self._known = PLAIN[language][0]

    def answer_for(self, messages: list[dict]) -> Answer | None:
        question, _results = last_user(messages)
        if self._recall.said.rstrip("?.").lower() not in question.lower():
            return super().answer_for(messages)
        rest = "\n".join(text_of(message) for message in messages).lower()
        word = self._recall.expect[0]
        return Answer(text=self._known.format(word) if word.lower() in rest else self._unknown, first_ms=MODEL_MS,
                      pace_ms=WORD_MS)


class LoopbackServices:
    """Use from one thread; `stop` ends the servers."""

    def __init__(self, language: str, turns: list[questions.Turn], recall: questions.Turn):
        self._language = language
        self._loop = Loop()
        self._model = AnthropicService(key=KEY)
        self._recogniser = ScribeService()
        self._recogniser.key = KEY
        self._recogniser.delay = RECOGNITION_S
        self._voice = SpeechService()
        self._voice.first = VOICE_S
        self._loop.run(self._model.reset, DemoScript(language, turns, recall))
        self._services = {"Anthropic": self._model, "ElevenLabs recognition": self._recogniser, "ElevenLabs voice": self._voice}
        for service in self._services.values():
            self._loop.call(service.server.start())

    def _url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._services[name].server.port}"

    def settings(self) -> dict:
        """Facts would need a model that reads; what was said is remembered all the same."""
        return {"brain.engine": "anthropic", "anthropic.url": self._url("Anthropic"), "llm.enabled": "false",
                "memory.extraction": "false", "stt.engine": "elevenlabs", "stt.url": self._url("ElevenLabs recognition"),
                f"tts.voice_{self._language}": "elevenlabs", "tts.elevenlabs_url": self._url("ElevenLabs voice"),
                "tts.elevenlabs_voice": "loopback"}

    def environment(self) -> dict:
        return {"ANTHROPIC_API_KEY": KEY, "ELEVENLABS_API_KEY": KEY}

    def will_hear(self, text: str, recording: pathlib.Path) -> None:
        with wave.open(str(recording)) as reader:
            seconds = reader.getnframes() / reader.getframerate() - EDGE_S
        self._loop.run(self._recogniser.say, Utterance(text, seconds))

    def report(self) -> dict:
        """How often each was asked, and what it had to complain about: a defect of prot's, or of the server's."""
        def inside():
            return ({name: len(service.texts() if service is self._voice else service.requests())
                     for name, service in self._services.items()},
                    [f"{name}: {error}" for name, service in self._services.items() for error in service.server.errors] +
                    [f"Anthropic: nobody wrote an answer to {question!r}" for question in self._model.script.exhausted])
        asked, problems = self._loop.run(inside)
        return {"kind": "loopback", "note": NOTE, "asked": asked, "problems": problems}

    def stop(self) -> None:
        for service in self._services.values():
            self._loop.call(service.server.stop())
        self._loop.stop()
