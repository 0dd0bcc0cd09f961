"""A whole prot whose clock runs quicker than the machine's: every stage is the real one, with a real database."""
import json
import pathlib
import sys

import postgres
from microphone import Microphone
from services import Answer, Services
from instance import STAGES, children_of
from told import Told
from web_instance import LIMIT, PROGRAMS, WebInstance, WebSocket

from loopback.chat_service import ChatService  # tests/support, by way of services

LIBRARY = PROGRAMS / "tests/bench/leaks/libquick_time.so"
SPOKEN_S = 0.13  # by prot's clock
LONGEST_TURN_S = 4
HEARD_WITHIN_S = 5  # by the machine's clock, as all that is waited for here
SAID_AT_MOST = 3    # times: a machine that does other work may let the place where it is written pass by
__all__ = ["Answer", "Rig", "WebSocket"]


class Model(ChatService):
    """What a person likes is all that is learned of them: as many facts as there are words."""

    async def _handle(self, exchange) -> None:
        request = json.loads(exchange.body)
        if "response_format" not in request:
            return await super()._handle(exchange)
        exchange.record.kind = "facts"
        said = str(request["messages"][-1]["content"]).rsplit("User: ", 1)[-1].splitlines()[0].rstrip(".?")
        liked = said.split()[-1]
        fact = {"subject": "user", "predicate": "likes", "object": liked, "statement": f"The user likes {liked}."}
        content = json.dumps({"facts": [fact], "entities": []})
        body = {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}
        await exchange.answer(200, "application/json", json.dumps(body).encode())


class LeakServices(Services):
    def __init__(self):
        super().__init__()
        self.chat = self.add(Model())
        self.chat.script = self.answers


def settings_of(services: Services, microphone: pathlib.Path) -> dict[str, object]:
    """The shortest waits that prot allows, and small rooms: what is bounded must come to its bound in the warm-up."""
    return {"general.language": "en", "llm.enabled": "false",
            "capture.source": "wav", "capture.device": microphone, "capture.detector": "energy",
            "capture.turn_model": "silence", "capture.confirm_windows": 1, "capture.barge_in_windows": 2,
            "capture.lull_ms": 32, "capture.pause_ms": 64, "capture.end_of_turn_ms": 100,
            "capture.end_of_turn_min_ms": 100, "capture.end_of_turn_max_ms": 100,
            "player.sink": "null", "player.headphones": "true", "player.sentence_silence_ms": 0,
            "stt.engine": "openai", "stt.url": services.recogniser_url, "stt.fallback": "[]",
            "brain.url": services.model_url, "brain.fallback": "[]", "brain.history_tokens": 300,
            "brain.barge_in_grace_ms": 0, "brain.barge_in_ms": 100, "tts.voice_en": "tone",
            # A machine that does other work is no fault.
            "brain.first_byte_timeout_ms": 120_000, "brain.connect_timeout_ms": 30_000, "brain.wait_notice_ms": 0,
            "stt.first_byte_timeout_ms": 15_000, "stt.connect_timeout_ms": 15_000, "stt.answer_timeout_ms": 15_000,
            "tts.first_audio_timeout_ms": 15_000,
            "memory.extraction_idle_s": 0, "memory.recall_tokens": 200, "memory.index_mib": 1, "memory.vector_mib": 1}


def speech_begins(kind: str, event: dict) -> bool:
    return kind == "hold" or kind == "state" and event["state"] in ("listening", "interrupted")


class Rig(WebInstance):
    """Use as a context manager."""

    told: Told | None = None

    def __init__(self, scale):
        self.services = LeakServices()
        super().__init__(real=STAGES, settings=postgres.SETTINGS)
        self.heaps = self.folder / "heaps"
        self.heaps.mkdir()
        self.microphone = Microphone(self.folder / "microphone.wav", (scale.turns + 1000) * LONGEST_TURN_S)
        for key, value in settings_of(self.services, self.microphone.path).items():
            self.settings += ["--set", f"{key}={value}"]
        quick = {"LD_PRELOAD": str(LIBRARY), "PROT_QUICK_TIME": str(scale.speed), "PROT_QUICK_HEAPS": str(self.heaps),
                 "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}  # blocks that a thread keeps for itself are not in use
        # The supervisor, who gives nothing of it to its children, stays on the machine's clock: so do the database's start
        # and the question whether a stage hangs, which the machine's load decides.
        self.environment |= quick | {"PROT_QUICK_TIME": "1"}
        if scale.profile:
            self.settings += ["--set", "general.heap_profile=true"]
            quick["TCMALLOC_SAMPLE_PARAMETER"] = "8192"  # finer than prot asks for: what grows is small
        exports = " ".join(f'{name}="{value}{" $LD_PRELOAD" if name == "LD_PRELOAD" else ""}"' for name, value in quick.items())
        for stage in (*STAGES, "web"):
            script = self.stages / f"prot-{stage}"
            script.unlink()
            script.write_text(f"#!/bin/sh\n{exports} exec {PROGRAMS / stage}/prot-{stage} \"$@\"\n")
            script.chmod(0o755)

    def __enter__(self) -> "Rig":
        try:
            self.up()  # not /ready: by web's clock the supervisor, on the machine's, hangs
            self.microphone.heard_by(self.pids()["capture"])
            self.told = Told(self.port)
            if self.told.wait(lambda kind, _: kind == "connected", LIMIT) is None:
                raise TimeoutError("prot-web does not find brain")
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, *error) -> None:
        if self.told is not None:
            self.told.close()
        super().__exit__(*error)
        self.microphone.close()
        self.services.close()

    def all_pids(self) -> dict[str, int]:
        status = self.status()
        stages = {s["name"]: s["pid"] for s in status["stages"] if s["name"] in (*STAGES, "web")}
        return stages | {"supervisor": status["supervisor"]["pid"]}

    def say(self, question: str, answer: Answer) -> None:
        self.services.will_hear(question, SPOKEN_S)
        self.services.will_answer(question, answer)
        for _ in range(SAID_AT_MOST):
            self.microphone.say(SPOKEN_S)
            if self.told.wait(speech_begins, HEARD_WITHIN_S) is not None:
                return
        raise TimeoutError("nothing was heard")

    def forget(self) -> None:
        self.services.forget_requests()
        self.services.forget_answers()

    def database_connections(self) -> int:
        names = []
        for pid in children_of(self.stage("db")["pid"]):
            try:
                names.append(pathlib.Path(f"/proc/{pid}/cmdline").read_text())
            except OSError:
                continue
        return sum("prot prot" in name for name in names)

    def database_kib(self) -> float:
        return int(postgres.sql(self, "SELECT pg_database_size('prot')")) / 1024

    def questions_kept(self) -> int:
        return int(postgres.sql(self, "SELECT count(*) FROM message WHERE role = 'user'"))
