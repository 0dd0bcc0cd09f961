"""prot config keys and prot doctor --services, against the loopback services: what is told, what it costs, and that no byte
of a key is ever shown."""
import contextlib
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from doctor_test import Doctor  # noqa: E402
from instance import PROT, Instance  # noqa: E402
from loopback.anthropic_service import AnthropicService  # noqa: E402
from loopback.chat_service import ChatService  # noqa: E402
from loopback import elevenlabs_stt  # noqa: E402
from loopback.elevenlabs_tts import SpeechService  # noqa: E402
from loopback.faults import Fault  # noqa: E402
from loopback.home_assistant import HomeAssistantService  # noqa: E402
from loopback.http_server import Loop  # noqa: E402
from loopback.script import Answer, Script  # noqa: E402
from loopback.transcription_service import TranscriptionService  # noqa: E402
from loopback.vector_service import VectorService  # noqa: E402

# Each of them can be found by any four of its letters.
CANARIES = {"ANTHROPIC_API_KEY": "sk-ant-Zq7Xw9Vk3Jp", "ELEVENLABS_API_KEY": "sk_Hu2Gy8Tf4Rd", "VOYAGE_API_KEY": "pa-Mn5Bv1Cx6Lk",
            "OPENAI_API_KEY": "sk-Wd0Es8Az3Qp", "HASS_TOKEN": "eyJYt6Ui4Oj9", "OWN_KEY": "Kf7Nb2Hg5Sx"}
PASSWORD = "Pw3Rx9Vt6Ze"
class Session(elevenlabs_stt.Session):
    """It may say what is wrong instead of hello."""

    async def run(self):
        if self._kind == "refuse":
            await self._fatal(self._fault.code, "loopback refuses")
        await super().run()


elevenlabs_stt.Session = Session
KINDS = {"anthropic": AnthropicService, "chat": ChatService, "scribe": elevenlabs_stt.ScribeService, "speech": SpeechService,
         "home": HomeAssistantService, "transcription": TranscriptionService, "vectors": VectorService}


def pieces(secret):
    return {secret[i:i + 4] for i in range(len(secret) - 3)} - {"sk-a", "-ant", "k-an", "ant-", "sk_"}


class Services:
    def __init__(self):
        self.loop = Loop()
        self.by = {name: kind() for name, kind in KINDS.items()}
        self.by["home"].token = CANARIES["HASS_TOKEN"]
        for service in self.by.values():
            self.loop.call(service.server.start())

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        for service in self.by.values():
            self.loop.call(service.server.stop())
        self.loop.stop()

    def url(self, name):
        return f"http://127.0.0.1:{self.by[name].server.port}"

    def fault(self, name, *arguments, **options):
        self.loop.run(self.by[name].set_fault, Fault(*arguments, **options) if arguments else None)

    def records(self, name):
        return self.loop.run(lambda: list(self.by[name].server.records))

    def settings(self):
        """Every service in use."""
        return {"stt.engine": "elevenlabs", "stt.url": self.url("scribe"), "tts.voice_en": "elevenlabs",
                "tts.elevenlabs_url": self.url("speech"), "tts.elevenlabs_voice": "voice1", "brain.engine": "anthropic",
                "brain.url": "", "anthropic.url": self.url("anthropic"), "home_assistant.url": self.url("home"), "memory.embedder": "hashed",
                "brain.fallback": f'["url={self.url("chat")}/v1 model=qwen key=OWN_KEY"]'}


class Asking(Doctor):
    """All services in use, with canary keys; `settings` on top of that."""

    def __init__(self, services, settings=None):
        super().__init__()
        self.values |= services.settings() | (settings or {})
        self.environment |= CANARIES
        self.shown = ""

    def ask(self):
        done = self.doctor("--services", "--json")
        plain = done.stdout + done.stderr
        self.shown += plain
        report = json.loads(done.stdout)
        return done.returncode, {row["service"]: row for row in report["services"]}


class Test(unittest.TestCase):
    def assert_no_key(self, text, *more):
        for secret in (*CANARIES.values(), PASSWORD, *more):
            for piece in pieces(secret):
                self.assertNotIn(piece, text)


class Answers(Test):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.services = cls.stack.enter_context(Services())
        cls.addClassCleanup(cls.stack.close)

    def tearDown(self):
        for name in KINDS:
            self.services.fault(name)

    def check(self, prot, service, state, verdict, *words):
        code, rows = prot.ask()
        row = rows[service]
        self.assertEqual((row["state"], row["verdict"]), (state, verdict), row)
        for word in words:
            self.assertIn(word, row["finding"] + " " + row["mend"], row)
        self.assertEqual(bool(row["mend"]), verdict != "ok", row)
        others = {name: other for name, other in rows.items() if name != service}
        self.assertEqual({other["verdict"] for other in others.values()}, {"ok"}, others)
        self.assertEqual(code, {"ok": 0, "warn": 6, "fail": 1}[verdict])
        self.assert_no_key(prot.shown)
        return row

    def test_each_says_that_it_answers_and_after_how_long(self):
        with Asking(self.services) as prot:
            code, rows = prot.ask()
            self.assertEqual(set(rows), {"ElevenLabs recognition", "ElevenLabs voice", "language model", "fallback model 1",
                                         "Home Assistant"})
            for row in rows.values():
                self.assertEqual((row["state"], row["verdict"], row["mend"]), ("ok", "ok", ""), row)
                self.assertGreater(row["first_byte_ms"], 0)
                self.assertLess(row["first_byte_ms"], 5000)
            self.assertEqual(code, 0)
            done = prot.doctor("--services")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            lines = done.stdout.splitlines()
            self.assertEqual(len(lines), len(rows), done.stdout)
            for line in lines:
                self.assertRegex(line, r"^ok    [^:]+: .*http://127\.0\.0\.1:\d+.* answers after \d+ ms")
            self.assert_no_key(prot.shown + done.stdout)
            self.assertEqual(prot.segments(), [])

    def test_a_question_is_as_small_as_can_be(self):
        before = {name: len(self.services.records(name)) for name in KINDS}
        with Asking(self.services) as prot:
            prot.ask()
        new = {name: self.services.records(name)[before[name]:] for name in KINDS}
        self.assertEqual({name: len(records) for name, records in new.items()},
                         {"anthropic": 1, "chat": 1, "scribe": 1, "speech": 1, "home": 1, "transcription": 0,
                          "vectors": 0})
        self.assertEqual(new["anthropic"][0].body["max_tokens"], 1)
        self.assertEqual(new["chat"][0].body["max_tokens"], 1)
        self.assertEqual(new["scribe"][0].body["chunks"], 0)
        self.assertEqual(new["home"][0].path, "/api/")
        for service in self.services.by.values():
            self.assertEqual(service.server.errors, [])

    def test_a_recogniser_that_speaks_openais_interface(self):
        with Asking(self.services, {"stt.engine": "openai", "stt.url": self.services.url("transcription") + "/v1"}) as prot:
            self.check(prot, "OpenAI-compatible recognition", "ok", "ok")
            record = self.services.records("transcription")[-1]
            self.assertEqual((record.body["seconds"], tuple(record.body["shape"])), (0.5, (16000, 1, 2)))
            self.services.fault("transcription", "status", status=401)
            self.check(prot, "OpenAI-compatible recognition", "wrong_key", "fail", "OPENAI_API_KEY")

    def test_wrong_and_expired_keys_and_spent_plans_are_told_apart(self):
        cases = {
            ("anthropic", "language model", "ANTHROPIC_API_KEY"): [
                (dict(status=401), "wrong_key"), (dict(status=401, code="API key has expired"), "expired_key"),
                (dict(status=403), "forbidden"), (dict(status=402), "plan_limit"),
                (dict(status=400, code="Your credit balance is too low"), "plan_limit"),
                (dict(status=429, code="monthly spend_limit reached"), "plan_limit")],
            ("chat", "fallback model 1", "OWN_KEY"): [
                (dict(status=401), "wrong_key"), (dict(status=429, code="insufficient_quota"), "plan_limit")],
            ("scribe", "ElevenLabs recognition", "ELEVENLABS_API_KEY"): [
                (dict(status=401), "wrong_key"), (dict(status=401, code="quota_exceeded"), "plan_limit"),
                (dict(status=403), "forbidden"), (dict(status=401, code="api_key_expired"), "expired_key")],
            ("speech", "ElevenLabs voice", "ELEVENLABS_API_KEY"): [
                (dict(status=401), "wrong_key"), (dict(status=401, code="quota_exceeded"), "plan_limit"),
                (dict(status=402), "plan_limit")],
        }
        for (name, service, key), faults in cases.items():
            with Asking(self.services) as prot:
                for options, state in faults:
                    with self.subTest(service=service, **options):
                        self.services.fault(name, "status", **options)
                        self.check(prot, service, state, "fail", key)
                self.services.fault(name)

    def test_errors_in_the_session_of_a_recogniser(self):
        cases = {"auth_error": "wrong_key", "quota_exceeded": "plan_limit", "unaccepted_terms": "forbidden",
                 "invalid_request": "refused", "transcriber_error": "failed", "rate_limited": "busy"}
        with Asking(self.services) as prot:
            # The session opens, says what is wrong instead of hello, and ends.
            for code, state in cases.items():
                with self.subTest(code=code):
                    self.services.fault("scribe", "refuse", code=code)
                    self.check(prot, "ElevenLabs recognition", state, "warn" if state == "busy" else "fail")

    def test_a_service_that_has_no_time_is_no_mistake(self):
        with Asking(self.services) as prot:
            for name, service, options in (("anthropic", "language model", dict(status=529)),
                                           ("chat", "fallback model 1", dict(status=429, retry_after="2")),
                                           ("scribe", "ElevenLabs recognition", dict(status=429, retry_after="1")),
                                           ("home", "Home Assistant", dict(status=503))):
                with self.subTest(service=service):
                    self.services.fault(name, "status", **options)
                    self.check(prot, service, "busy", "warn")
                    self.services.fault(name)

    def test_answers_that_are_none(self):
        with Asking(self.services) as prot:
            for name, service in (("anthropic", "language model"), ("chat", "fallback model 1"),
                                  ("scribe", "ElevenLabs recognition"), ("speech", "ElevenLabs voice"),
                                  ("home", "Home Assistant")):
                for kind, state in (("empty_body", "malformed"), ("status", "failed")):
                    with self.subTest(service=service, kind=kind):
                        self.services.fault(name, kind, status=500)
                        self.check(prot, service, state, "fail")
                self.services.fault(name)

    def test_what_breaks_off_and_what_is_slow_or_odd(self):
        with Asking(self.services) as prot:
            for name, service in (("anthropic", "language model"), ("chat", "fallback model 1"),
                                  ("speech", "ElevenLabs voice")):
                for kind in ("reset", "error_event"):
                    with self.subTest(service=service, kind=kind):
                        self.services.fault(name, kind)
                        code, rows = prot.ask()
                        self.assertIn(rows[service]["state"], ("failed", "busy", "unreachable"), rows[service])
                        self.assertIn(code, (1, 6))
                for kind in ("small_writes", "crlf", "unknown_field", "huge_line"):
                    with self.subTest(service=service, kind=kind):
                        self.services.fault(name, kind)
                        self.check(prot, service, "ok", "ok")
                self.services.fault(name)
            self.services.fault("anthropic", "json_body", status=401)
            self.check(prot, "language model", "wrong_key", "fail", "under HTTP 200")
            self.services.fault("anthropic", "delay_headers", ms=300)
            self.assertGreater(self.check(prot, "language model", "ok", "ok")["first_byte_ms"], 300)
            self.services.fault("anthropic")
            self.assert_no_key(prot.shown)

    def test_one_that_hangs_holds_the_others_up_for_five_seconds_at_most(self):
        with Asking(self.services) as prot:
            self.services.fault("anthropic", "hang")
            self.services.fault("scribe", "hang")
            code, rows = prot.ask()
            self.assertEqual((code, rows["language model"]["verdict"]), (1, "fail"))
            self.assertEqual(rows["ElevenLabs recognition"]["state"], "unreachable")
            self.assertEqual(rows["ElevenLabs voice"]["state"], "ok")

    def test_nobody_there_no_key_and_a_key_that_would_go_in_the_clear(self):
        with Asking(self.services, {"anthropic.url": "http://127.0.0.1:1"}) as prot:
            self.check(prot, "language model", "unreachable", "fail", "anthropic.url")
        with Asking(self.services, {"anthropic.url": "http://192.0.2.1"}) as prot:
            self.check(prot, "language model", "unencrypted", "fail", "anthropic.plain_http")
        with Asking(self.services, {"home_assistant.url": "http://192.0.2.1:8123"}) as prot:
            self.check(prot, "Home Assistant", "unencrypted", "fail")
        with Asking(self.services) as prot:
            prot.environment.pop("HASS_TOKEN")
            self.check(prot, "Home Assistant", "no_key", "fail", "HASS_TOKEN")

    def test_a_home_assistant_that_refuses_the_token(self):
        with Asking(self.services) as prot:
            prot.environment["HASS_TOKEN"] = "another"
            self.check(prot, "Home Assistant", "wrong_key", "fail", "HASS_TOKEN")

    def test_a_database_elsewhere(self):
        with Asking(self.services, {"memory.enabled": "true"}) as prot:
            prot.environment["DATABASE_URL"] = f"postgresql://prot:{PASSWORD}@127.0.0.1:1/prot"
            self.check(prot, "database", "unreachable", "fail", "memory.database_url")
            prot.environment["DATABASE_URL"] = f"postgresql://prot:{PASSWORD}@192.0.2.1/prot?sslmode=require"
            self.check(prot, "database", "unencrypted", "fail", "memory.database_plain")

    def test_embeddings_of_voyage_and_of_another_server(self):
        url = self.services.url("vectors")
        more = {"memory.embedder": "auto", "memory.enabled": "true", "memory.store": "ram", "memory.extraction": "false", "memory.embedding_url": url + "/v1"}
        with Asking(self.services, more | {"memory.embedder": "voyage"}) as prot:
            self.check(prot, "Voyage vectors", "ok", "ok", "VOYAGE_API_KEY")
            self.assertEqual(self.services.records("vectors")[-1].body["texts"], 1)
            self.services.fault("vectors", "status", status=401)
            self.check(prot, "Voyage vectors", "wrong_key", "fail", "VOYAGE_API_KEY")
            self.services.fault("vectors")
        with Asking(self.services, more | {"memory.embedding_model": "m"}) as prot:
            self.check(prot, "OpenAI-compatible vectors", "ok", "ok")
            self.assertNotIn("authorization", self.services.records("vectors")[-1].headers)  # no key was named for it

    def test_a_stage_that_says_nothing_is_a_finding(self):
        with Asking(self.services) as prot:
            stage = prot.stages / "prot-tts"
            stage.write_text("#!/bin/sh\nexit 3\n")
            stage.chmod(0o755)
            self.check(prot, "ElevenLabs voice", "not_asked", "fail", "prot-tts ended with 3")

    def test_without_services_nobody_is_asked(self):
        with Doctor() as prot:
            done = prot.doctor("--services")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(done.stdout, "no service is configured: everything is done on this machine\n")

    def test_a_wrong_configuration_ends_with_2(self):
        with Asking(self.services, {"stt.thread": "1"}) as prot:
            done = prot.doctor("--services")
            self.assertEqual(done.returncode, 2)
            self.assertIn("stt.thread", done.stdout)


# In llama-server's place: a model on the Unix socket that always says the same.
LOCAL_MODEL = """#!/usr/bin/env python3
import http.server, json, socketserver, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def address_string(self):
        return "socket"

    def log_message(self, *_arguments):
        pass

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for delta, reason in (({"content": "I am local."}, None), ({}, "stop")):
            self.wfile.write(b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}).encode() +
                             b"\\n\\n")
        self.wfile.write(b"data: [DONE]\\n\\n")

class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

Server(sys.argv[sys.argv.index("--host") + 1], Answer).serve_forever()
"""


class Chosen(Test):
    """The original's names in the environment and nothing else; the addresses alone lead to loopback servers."""

    def prot(self, services, settings=None):
        prot = Doctor()
        model, program = prot.folder / "model.gguf", prot.folder / "llama-server"
        model.write_bytes(b"GGUF")
        program.write_text(LOCAL_MODEL)
        program.chmod(0o755)
        for name in ("stt.engine", "brain.url", "tts.voice_en", "tts.voice_ko"):
            del prot.values[name]
        prot.values |= {"anthropic.url": services.url("anthropic"), "stt.url": services.url("scribe"),
                        "tts.elevenlabs_url": services.url("speech"), "llm.program": program, "llm.model": model,
                        "tts.fallback_en": "tone", "tts.fallback_ko": "tone", "brain.first_byte_timeout_ms": "1000"}
        prot.values |= settings or {}
        prot.environment |= {name: CANARIES[name] for name in ("ANTHROPIC_API_KEY", "ELEVENLABS_API_KEY")}
        prot.environment["ELEVENLABS_VOICE_ID"] = "voice1"
        return prot

    def up(self, prot):
        done = subprocess.run([PROT, "up", "-d", *prot.arguments()], env=prot.environment, capture_output=True, text=True,
                              timeout=120, stdin=subprocess.DEVNULL, cwd=prot.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_no_key(done.stderr)
        return [line for line in done.stderr.splitlines() if "because" in line]

    def test_they_are_used_told_and_followed_by_the_local_model(self):
        with Services() as services, self.prot(services) as prot:
            services.loop.run(services.by["anthropic"].reset, Script([Answer(text="I am Claude.", to="Who are you?")]))
            self.assertEqual(self.up(prot), [
                "prot: ElevenLabs for recognition and voice, Anthropic's claude-sonnet-4-6, because ANTHROPIC_API_KEY, "
                "ELEVENLABS_API_KEY are set: what is said goes there; general.keys_choose = false keeps it here"])
            self.assertIn("I am Claude.", prot.run("say", "Who are you?").stdout)
            code = json.loads(prot.doctor("--services", "--json").stdout)["services"]
            self.assertEqual({row["service"]: row["state"] for row in code},
                             {"language model": "ok", "ElevenLabs recognition": "ok", "ElevenLabs voice": "ok"})
            # The network is gone.
            services.loop.call(services.by["anthropic"].server.stop())
            services.loop.run(services.by["anthropic"].server.drop)
            self.assertIn("I am local.", prot.run("say", "And who are you now?").stdout)

    def test_one_setting_keeps_everything_here(self):
        with Services() as services, self.prot(services, {"general.keys_choose": "false", "stt.engine": "null",
                                                          "tts.voice_en": "tone", "tts.voice_ko": "tone"}) as prot:
            self.assertEqual(self.up(prot), [])
            self.assertIn("I am local.", prot.run("say", "Who are you?").stdout)
            for name in KINDS:
                self.assertEqual(services.records(name), [])


class Keys(Test):
    def keys(self, prot, *more):
        done = subprocess.run([PROT, "config", "keys", *more], env=prot.environment, capture_output=True, text=True, timeout=30,
                              stdin=subprocess.DEVNULL, cwd=prot.folder)
        self.assert_no_key(done.stdout + done.stderr)
        return done

    def rows(self, prot, *more):
        done = self.keys(prot, "--json", *more)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        document = json.loads(done.stdout)
        return {row["service"]: row for row in document["services"]}, {k["key"]: k["key_from"] for k in document["other_keys"]}

    def test_nothing_configured(self):
        with Instance(stages=()) as prot:
            done = self.keys(prot)
            self.assertEqual((done.returncode, done.stdout),
                             (0, "no service has a key or an address: prot works on this machine alone\n"))

    def test_where_each_key_and_address_comes_from(self):
        with Instance(stages=()) as prot:
            file = prot.folder / "config/prot/prot.toml"
            file.parent.mkdir()
            file.write_text('[home_assistant]\nurl = "http://user:Ab1Cd2Ef3@ha.local:8123/?token=Gh4Ij5Kl6"\n'
                            '[stt]\nengine = "elevenlabs"\n')
            env = prot.folder / ".env"
            env.write_text(f"ELEVENLABS_API_KEY={CANARIES['ELEVENLABS_API_KEY']}\nHASS_TOKEN={CANARIES['HASS_TOKEN']}\n")
            env.chmod(0o600)
            prot.environment |= {"HASS_TOKEN": CANARIES["HASS_TOKEN"], "VOYAGE_API_KEY": CANARIES["VOYAGE_API_KEY"],
                                 "DATABASE_URL": f"postgresql://prot:{PASSWORD}@db/prot", "MY_SEARCH_KEY": "Qz8Wx7Ec6Rv"}
            file.write_text(file.read_text() + '[[mcp.servers]]\nname = "s"\ncommand = ["true"]\nenvironment = ["MY_SEARCH_KEY"]\n')
            rows, others = self.rows(prot, "--set", "brain.engine=anthropic")
            stt = rows["ElevenLabs recognition"]
            self.assertTrue(stt["in_use"])
            self.assertEqual((stt["key"], stt["key_from"]), ("ELEVENLABS_API_KEY", f"{env}:1"))
            self.assertEqual((stt["address"], stt["address_from"]), ("https://api.elevenlabs.io/", "default"))
            self.assertEqual((stt["chosen_by"], stt["chosen_from"]), ("stt.engine", f"{file}:4"))
            home = rows["Home Assistant"]
            self.assertEqual((home["key_from"], home["address"], home["address_from"], home["in_use"]),
                             ("environment", "http://ha.local:8123/", f"{file}:2", True))
            model = rows["language model"]
            self.assertEqual((model["in_use"], model["key_set"], model["key_from"], model["chosen_from"]),
                             (True, False, None, "--set"))
            self.assertEqual(rows["database"]["address"], "set (not shown)")
            self.assertEqual(rows["database"]["address_from"], "environment DATABASE_URL")
            voyage = rows["Voyage vectors"]
            self.assertEqual((voyage["in_use"], voyage["key_from"], voyage["chosen_by"], voyage["chosen_from"]),
                             (True, "environment", "memory.embedder", "environment VOYAGE_API_KEY"))
            self.assertEqual(others, {"MY_SEARCH_KEY": "environment"})
            text = self.keys(prot, "--set", "brain.engine=anthropic").stdout
            self.assertRegex(text, r"(?m)^in use     ElevenLabs recognition: key ELEVENLABS_API_KEY from \S*\.env:1; address ")
            self.assertRegex(text, r"(?m)^in use     language model: key ANTHROPIC_API_KEY is NOT SET; ")
            self.assertRegex(text, r"(?m)^not in use ElevenLabs voice: key ELEVENLABS_API_KEY from .*"
                             r"; it needs tts\.elevenlabs_voice$")
            self.assertEqual([name for name, row in rows.items() if row["needs"]], ["ElevenLabs voice"])
            self.assertRegex(text, r"(?m)^not in use key MY_SEARCH_KEY from environment$")
            for secret in ("Ab1Cd2Ef3", "Gh4Ij5Kl6"):
                self.assert_no_key(text + json.dumps(rows), secret)

    def test_a_key_in_the_place_of_its_name_or_address_is_not_shown(self):
        with Instance(stages=()) as prot:
            key = CANARIES["ELEVENLABS_API_KEY"]
            done = self.keys(prot, "--set", "stt.engine=elevenlabs", "--set", f"stt.api_key_env={key}",
                             "--set", f"stt.url={CANARIES['OPENAI_API_KEY']}", "--set", f"brain.api_key_env={CANARIES['OWN_KEY']}",
                             "--set", f"home_assistant.token_env={CANARIES['HASS_TOKEN']}", "--set",
                             f"home_assistant.url=http://{PASSWORD}@ha.local:8123",
                             "--set", f"anthropic.api_key_env={CANARIES['ANTHROPIC_API_KEY']}")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("not shown", done.stdout)

    def test_no_output_and_no_log_of_any_command_has_a_byte_of_a_key(self):
        with Services() as services, Asking(services) as prot:
            prot.environment |= {"DATABASE_URL": f"postgresql://prot:{PASSWORD}@127.0.0.1:1/prot", "LOG_LEVEL": "debug"}
            text = ""
            for command in (("config", "keys"), ("config", "keys", "--json"), ("check",), ("check", "--json"), ("doctor",),
                            ("doctor", "--json"), ("doctor", "--services"), ("doctor", "--services", "--json")):
                done = subprocess.run([PROT, *command, *prot.arguments()], env=prot.environment, capture_output=True, text=True,
                                      timeout=60, stdin=subprocess.DEVNULL, cwd=prot.folder)
                self.assertIn(done.returncode, (0, 1, 2), (command, done.stderr))
                text += done.stdout + done.stderr
            services.fault("anthropic", "status", status=401)
            services.fault("scribe", "status", status=401)
            up = subprocess.run([PROT, "up", "-d", *prot.arguments(), "--set", "general.log_content=true"],
                                env=prot.environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
                                cwd=prot.folder)
            self.assertEqual(up.returncode, 0, up.stderr)
            for command in (("status", "-v"), ("status", "--json"), ("say", "hello"), ("config", "keys"),
                            ("logs", "-n", "5000"), ("logs", "--json", "-n", "5000")):
                done = prot.run(*command)
                text += done.stdout + done.stderr
            done = prot.run("down", "--now")
            text += up.stdout + up.stderr + done.stdout + done.stderr
            logs = [file.read_text(errors="replace") for file in sorted(prot.state.rglob("*")) if file.is_file()]
            self.assertGreater(len(logs), 2)
            self.assertIn("HTTP 401", text + "".join(logs))  # the services were asked with the keys
            self.assert_no_key(text)
            self.assert_no_key("".join(logs))


if __name__ == "__main__":
    unittest.main(verbosity=2)
