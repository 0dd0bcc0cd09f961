"""The services of `./run --demo --services loopback`: servers on this machine with the protocols of the real ones. What is
behind them is no engine: the recogniser is told what was said, the model reads from a script (but knows after the restart
only what prot's memory put into its request), the voice is one tone a word, and the home has a light and a lock."""
import dataclasses
import json
import pathlib
import sys
import wave

import questions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "support"))
from loopback.anthropic_service import AnthropicService  # noqa: E402
from loopback.chat_service import ChatService  # noqa: E402
from loopback.elevenlabs_stt import ScribeService  # noqa: E402
from loopback.elevenlabs_tts import SpeechService  # noqa: E402
from loopback.home_assistant import HomeAssistantService  # noqa: E402
from loopback.http_server import Loop  # noqa: E402
from loopback.openai_speech import OpenAiSpeechService  # noqa: E402
from loopback.script import Answer, Script, Tool, last_user, text_of  # noqa: E402
from loopback.transcription_service import TranscriptionService, Utterance  # noqa: E402
from loopback.vector_service import VectorService  # noqa: E402
from loopback.wyoming_service import WyomingService  # noqa: E402

KEY = "sk-loopback-demonstration"
NOTE = ("{} were loopback servers on this machine that speak their protocols: scripted answers, one tone a word. The times of "
        "recognition, model and voice are what the servers were told to take; what prot adds is real")
RECOGNITION_S = 0.2  # from the end of the audio to its text
MODEL_MS, WORD_MS = 300, 15  # to the first word, and between two
VOICE_S = 0.12  # to the first sound
EDGE_S = 0.5  # of a question's recording: no speech
LONG = {"en": "Once upon a time a fox lived at the edge of a quiet forest. Every morning it walked along the river and looked for "
              "berries. One day it met an old owl who knew many stories. The owl told of mountains and of the sea. The fox "
              "listened until the evening came. Then it ran home and dreamed of the sea.",
        "ko": "옛날에 조용한 숲에 여우 한 마리가 살았어요. 여우는 아침마다 강가를 걸으며 열매를 찾았어요. 어느 날 여우는 늙은 부엉이를 "
              "만났어요. 부엉이는 산과 바다 이야기를 들려주었어요. 여우는 저녁까지 들었어요. 그리고 집으로 가서 바다 꿈을 꾸었어요."}
PLAIN = {"en": ("It is {}.", "All right.", "I do not know that."), "ko": ("{} 이에요.", "알겠어요.", "잘 모르겠어요.")}


@dataclasses.dataclass(frozen=True)
class Family:
    """Whose protocols take part, beside Home Assistant's."""
    whose: str
    recogniser: tuple  # its name in a report, its class
    voice: tuple
    model: tuple
    vectors: str


FAMILIES = {
    "elevenlabs": Family("ElevenLabs, Anthropic, Voyage and Home Assistant", ("ElevenLabs recognition", ScribeService),
                         ("ElevenLabs voice", SpeechService), ("Anthropic", lambda: AnthropicService(key=KEY)), "voyage"),
    "wyoming": Family("Home Assistant with its voice services (Wyoming), and OpenAI", ("Wyoming recognition", WyomingService),
                      ("Wyoming voice", WyomingService), ("OpenAI model", ChatService), "openai"),
    "openai": Family("OpenAI and Home Assistant", ("OpenAI recognition", TranscriptionService),
                     ("OpenAI voice", OpenAiSpeechService), ("OpenAI model", ChatService), "openai"),
}
CHOICES = {"loopback": "elevenlabs", **{f"loopback:{name}": name for name in FAMILIES}}  # as --services has them


@dataclasses.dataclass(frozen=True)
class HomeTurn:
    """A question about the home, the call that the model makes of it, and what it says when that is done."""
    said: str
    call: tuple | None
    told: str
    expect: tuple


LIGHT = ("light.turn_on", "light.living_room")
LOCK = ("lock.unlock", "lock.front_door")
HOME = {"en": [HomeTurn("Turn on the light in the living room.", LIGHT, "The light is on.", ("light is on",)),
               HomeTurn("Unlock the front door.", LOCK, "", ("shall i do that",)),
               HomeTurn("Yes, please.", None, "The front door is unlocked.", ("unlocked",))],
        "ko": [HomeTurn("거실 불 켜 줘.", LIGHT, "불을 켰어요.", ("켰어요",)),
               HomeTurn("현관문 열어 줘.", LOCK, "", ("할까요",)),
               HomeTurn("네, 열어 줘.", None, "문을 열었어요.", ("열었어요",))]}


def with_home(turns: list, language: str) -> list:
    """The turns of the demonstration, and before the last one those that need a home."""
    return [*turns[:-1], *(questions.Turn(t.said, expect=t.expect) for t in HOME[language]), turns[-1]]


class DemoScript(Script):
    """Answers the turns of the demonstration; the last one only from what else is in the request."""

    def __init__(self, language: str, turns: list, recall):
        home = {turn.said: turn for turn in HOME[language]}
        answers = []
        for turn, after in zip(turns, [*turns[1:], None]):
            to = turn.said.rstrip(".?")
            if turn.said in home:
                answers += self._home(home[turn.said], to)
                continue
            told = LONG[language] if after is not None and after.interrupts else (
                PLAIN[language][0].format(turn.expect[0]) if turn.expect else PLAIN[language][1])
            answers.append(Answer(text=told, to=to, first_ms=MODEL_MS, pace_ms=WORD_MS))
        super().__init__(answers)
        self._recall = recall
        self._unknown = PLAIN[language][2]
        self._known = PLAIN[language][0]

    @staticmethod
    def _home(turn: HomeTurn, to: str) -> list[Answer]:
        answers = []
        if turn.call:
            service, entity = turn.call
            arguments = {"action": "call_service", "entity_id": service, "service_data": {"entity_id": entity}}
            answers.append(Answer(tools=[Tool("home_assistant", json.dumps(arguments))], to=to, first_ms=MODEL_MS))
        if turn.told:
            answers.append(Answer(text=turn.told, to=to, first_ms=MODEL_MS, pace_ms=WORD_MS))
        return answers

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

    def __init__(self, name: str, language: str, turns: list[questions.Turn], recall: questions.Turn):
        self.name = name
        self.family = FAMILIES[name]
        self.note = NOTE.format(self.family.whose)
        self._language = language
        self._loop = Loop()
        self._model = self.family.model[1]()
        self._recogniser = self.family.recogniser[1]()
        self._recogniser.delay = RECOGNITION_S
        self._voice = self.family.voice[1]()
        self._voice.first = VOICE_S
        self._vectors = VectorService()
        self._home = HomeAssistantService(token=KEY)
        for service in (self._recogniser, self._voice, self._vectors):
            if hasattr(service, "key"):  # Wyoming knows none
                service.key = KEY
        self._loop.run(self._model.reset, DemoScript(language, turns, recall))
        self._services = {self.family.model[0]: self._model, self.family.recogniser[0]: self._recogniser,
                          self.family.voice[0]: self._voice, f"{self.family.vectors} vectors": self._vectors,
                          "Home Assistant": self._home}
        for service in self._services.values():
            self._loop.call(service.server.start())

    @staticmethod
    def _url(service, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{service.server.port}"

    def settings(self) -> dict:
        """Facts would need a model that reads; what was said is remembered all the same."""
        common = {"llm.enabled": "false", "stt.fallback": "[]", "memory.extraction": "false", "memory.embedder": self.family.vectors,
                  "memory.embedding_url": self._url(self._vectors) + "/v1", "home_assistant.url": self._url(self._home)}
        voice = f"tts.voice_{self._language}"
        if self.name == "elevenlabs":
            return common | {"brain.engine": "anthropic", "anthropic.url": self._url(self._model), "stt.engine": "elevenlabs",
                             "stt.url": self._url(self._recogniser), voice: "elevenlabs",
                             "tts.elevenlabs_url": self._url(self._voice), "tts.elevenlabs_voice": "loopback"}
        common |= {"brain.engine": "openai", "brain.url": self._url(self._model) + "/v1", "brain.model": "loopback",
                   "memory.embedding_key_env": "OPENAI_API_KEY", "memory.embedding_model": "loopback"}
        if self.name == "wyoming":
            return common | {"stt.engine": "wyoming", "stt.url": self._url(self._recogniser, "tcp"), voice: "wyoming",
                             "tts.wyoming_url": self._url(self._voice, "tcp")}
        return common | {"stt.engine": "openai", "stt.url": self._url(self._recogniser) + "/v1", voice: "openai",
                         "tts.openai_url": self._url(self._voice) + "/v1"}

    def environment(self) -> dict:
        return {f"{name}_API_KEY": KEY for name in ("ANTHROPIC", "ELEVENLABS", "VOYAGE", "OPENAI")} | {"HASS_TOKEN": KEY}

    def will_hear(self, text: str, recording: pathlib.Path) -> None:
        with wave.open(str(recording)) as reader:
            seconds = reader.getnframes() / reader.getframerate() - EDGE_S
        self._loop.run(self._recogniser.say, Utterance(text, seconds))

    def _asked(self, service) -> int:
        if service is self._voice:
            return len(service.texts())
        return len(service.requests("embeddings") if service is self._vectors else service.requests())

    def report(self) -> dict:
        """How often each was asked, and what it had to complain about: a defect of prot's, or of the server's."""
        def inside():
            problems = [f"{name}: {error}" for name, service in self._services.items() for error in service.server.errors]
            problems += [f"{self.family.model[0]}: nobody wrote an answer to {question!r}"
                         for question in self._model.script.exhausted]
            done = [(call, data.get("entity_id")) for call, data in self._home.calls]
            if done != [LIGHT, LOCK]:
                problems.append(f"Home Assistant: {done} was done")
            return {name: self._asked(service) for name, service in self._services.items()}, problems
        asked, problems = self._loop.run(inside)
        return {"kind": "loopback", "family": self.name, "note": self.note, "asked": asked, "problems": problems}

    def stop(self) -> None:
        for service in self._services.values():
            self._loop.call(service.server.stop())
        self._loop.stop()
