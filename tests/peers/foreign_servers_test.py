"""prot's own clients, in a whole prot, against servers that we did not write: aimock (npm) for Anthropic and OpenAI, and
llama-server with the model of ./run."""
import http.server
import json
import mmap
import os
import pathlib
import struct
import tempfile
import threading
import unittest
import urllib.error
import urllib.request

import peers

os.environ["PROT"] = str(peers.PROT_BIN / "prot")
os.environ.setdefault("FIXTURE_STAGE", "/nonexistent")
from doctor_test import Doctor  # noqa: E402
from instance import wait_for  # noqa: E402

KEY = "sk-peers-0123456789"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "prot"
LLAMA = CACHE / "engines/llama/bin/llama-server"
MODEL = CACHE / "models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
ANSWER = "The Seine flows through it. 센강이 흘러요."
TOLD = "It is exactly that time in Seoul."
FIXTURES = [
    {"match": {"userMessage": "time in Seoul", "hasToolResult": False},
     "response": {"toolCalls": [{"name": "date_time", "arguments": '{"time_zone":"Asia/Seoul"}'}]}},
    {"match": {"userMessage": "time in Seoul", "hasToolResult": True}, "response": {"content": TOLD}},
    {"match": {"userMessage": "river"}, "response": {"content": ANSWER}},
    {"match": {"userMessage": "out of order"},
     "response": {"error": {"message": "no", "type": "overloaded_error"}, "status": 529}},
    {"match": {"userMessage": "Hi"}, "response": {"content": "Hello."}},
    {"match": {"endpoint": "transcription"}, "response": {"transcription": {"text": "nothing"}}},
]


def serves(url, key=KEY):
    def look():
        request = urllib.request.Request(url, headers={"authorization": f"Bearer {key}"})
        try:
            with urllib.request.urlopen(request, timeout=2) as answer:
                return answer.status == 200
        except urllib.error.HTTPError as error:
            return error.code != 503  # llama-server loads its model
        except OSError:
            return False
    return look


class Aimock(peers.Process):
    def __init__(self, folder, *options):
        port = peers.free_port()
        self.url = f"http://127.0.0.1:{port}"
        fixtures = pathlib.Path(folder) / "fixtures.json"
        fixtures.write_text(json.dumps({"fixtures": FIXTURES}))
        cli = peers.PEERS / "node_modules/@copilotkit/aimock/dist/cli.js"
        super().__init__([peers.NODE, cli, "-p", str(port), "-f", fixtures, "-c", "5", "-l", "5", *options],
                         serves(self.url + "/__aimock/journal"), environment={**os.environ, "AIMOCK_API_KEYS": KEY})

    def journal(self):
        request = urllib.request.Request(self.url + "/__aimock/journal", headers={"authorization": f"Bearer {KEY}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())


class Relay:
    """Stands before llama-server and adds `fields` to what asks for a call: so small a model writes one only when it is pushed.
    With a result in the request nothing is added. `seen`: of each request its messages, the status and all that came."""

    def __init__(self, url: str, fields: dict):
        seen = self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if all(message["role"] != "tool" for message in body["messages"]):
                    body |= fields
                request = urllib.request.Request(url + self.path, json.dumps(body).encode(), {
                    "content-type": "application/json", "authorization": self.headers["authorization"]})
                try:
                    answer = urllib.request.urlopen(request, timeout=300)
                except urllib.error.HTTPError as error:
                    answer = error
                with answer:
                    self.send_response(answer.status)
                    self.send_header("content-type", answer.headers["content-type"])
                    self.end_headers()
                    came = b""
                    for piece in iter(lambda: answer.read1(65536), b""):
                        came += piece
                        self.wfile.write(piece)
                    seen.append((body["messages"], answer.status, came.decode()))

            def log_message(self, *_arguments):
                pass
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False  # the end waits for what they still note
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._server.server_close()


def chat_template(path):
    """Of a GGUF file, with its example of a call mended: {{"name": ...}} was meant for a formatter, and no model that follows
    it is understood."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as model:
        key = b"tokenizer.chat_template"
        at = model.find(key) + len(key)
        kind, length = struct.unpack_from("<IQ", model, at)
        text = model[at + 12:at + 12 + length].decode()
    wrong = r'{{\"name\": <function-name>, \"arguments\": <args-json-object>}}'
    if kind != 8 or wrong not in text:
        raise AssertionError(f"{path} has another template: {text[:200]!r}")
    return text.replace(wrong, wrong[1:-1])


class Talking(Doctor):
    """A prot by keyboard alone."""

    def __init__(self, **settings):
        super().__init__(**{"brain__url": "", "brain__tools": "on", "llm__enabled": "false", "brain__model": "m", **settings})
        self.environment |= {"ANTHROPIC_API_KEY": KEY, "OPENAI_API_KEY": KEY}

    def __enter__(self):
        super().__enter__()
        done = self.run("up", "-d", *self.arguments())
        if done.returncode != 0:
            self.__exit__()
            raise AssertionError(done.stderr)
        return self

    def say(self, text, seconds=90):
        done = self.run("say", text, timeout=seconds)
        return done.stdout.strip() or done.stderr.strip()

    def services(self):
        done = self.doctor("--services", "--json")
        return {row["service"]: row["state"] for row in json.loads(done.stdout)["services"]}


class WithAimock(unittest.TestCase):
    KINDS = {"anthropic": lambda url: {"brain__engine": "anthropic", "anthropic__url": url, "anthropic__web_search": "false"},
             "openai": lambda url: {"brain__engine": "openai", "brain__url": url + "/v1"}}

    def each(self, check):
        """`check(server, prot)` with a prot of its own for each of the two interfaces."""
        for kind, own in self.KINDS.items():
            with self.subTest(kind=kind), tempfile.TemporaryDirectory() as folder, Aimock(folder) as server, \
                    Talking(**own(server.url)) as prot:
                check(server, prot)

    def test_an_answer(self):
        self.each(lambda _server, prot: self.assertEqual(prot.say("Which river flows through Paris?"), ANSWER))

    def test_a_tool(self):
        def check(server, prot):
            self.assertEqual(prot.say("What is the time in Seoul?"), TOLD)
            results = [m for entry in server.journal() for m in entry["body"]["messages"] if m["role"] == "tool"]
            self.assertIn("Asia/Seoul", json.dumps(results))
        self.each(check)

    def test_an_overloaded_server_is_told_and_the_next_question_is_answered(self):
        def check(_server, prot):
            self.assertNotIn(ANSWER, prot.say("Are you out of order?"))
            self.assertEqual(prot.say("Which river flows through Paris?"), ANSWER)
        self.each(check)

    def test_doctor_finds_it_and_knows_a_wrong_key(self):
        def check(_server, prot):
            self.assertEqual(prot.services(), {"language model": "ok"})
            prot.environment |= {"ANTHROPIC_API_KEY": "sk-another-key", "OPENAI_API_KEY": "sk-another-key"}
            self.assertEqual(prot.services(), {"language model": "wrong_key"})
        self.each(check)

    def test_chaos_ends_at_the_next_of_the_list(self):
        for chaos in ("--chaos-drop", "--chaos-malformed", "--chaos-disconnect", "--chaos-ratelimit"):
            for _kind, own in self.KINDS.items():
                with self.subTest(chaos=chaos, kind=_kind), tempfile.TemporaryDirectory() as folder, \
                        tempfile.TemporaryDirectory() as other, Aimock(folder, chaos, "1") as server, Aimock(other) as second, \
                        Talking(**own(server.url), brain__fallback=f'["url={second.url}/v1 model=m key=OPENAI_API_KEY"]') as prot:
                    self.assertEqual(prot.say("Which river flows through Paris?"), ANSWER)


class WithLlamaServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.access(LLAMA, os.X_OK) or not MODEL.exists():
            raise AssertionError("llama-server and its model are missing: tools/setup/engines.sh fetches them")
        cls.url = f"http://127.0.0.1:{(port := peers.free_port())}"
        with tempfile.NamedTemporaryFile("w", suffix=".jinja") as template:
            template.write(chat_template(MODEL))
            template.flush()
            cls.server = peers.Process([LLAMA, "--host", "127.0.0.1", "--port", str(port), "-m", MODEL, "-c", "4096", "-t", "2",
                                        "-np", "1", "--no-webui", "--offline", "--jinja", "--chat-template-file", template.name,
                                        "--api-key", KEY], serves(cls.url + "/v1/models"), seconds=120)
            cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)

    @classmethod
    def pushed(cls):
        """What makes the model begin a call, and end behind one, in words of the server's own interface."""
        asked = json.dumps({"content": "<tool_call>", "parse_special": True}).encode()
        request = urllib.request.Request(cls.url + "/tokenize", asked, {
            "content-type": "application/json", "authorization": f"Bearer {KEY}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            tokens = json.loads(answer.read())["tokens"]
        return {"tool_choice": "required", "parallel_tool_calls": False, "temperature": 0,
                "logit_bias": [[token, 20] for token in tokens]}

    def test_chat_with_and_without_tools(self):
        for tools in ("off", "on"):
            with self.subTest(tools=tools), Talking(brain__engine="openai", brain__url=self.url + "/v1", brain__tools=tools,
                                                    brain__first_byte_timeout_ms="60000", brain__max_tokens="40") as prot:
                self.assertIn("paris", prot.say("What is the capital of France? Answer in one word.").lower())

    def test_its_anthropic_interface(self):
        with Talking(brain__engine="anthropic", anthropic__url=self.url, anthropic__effort="none", brain__max_tokens="40",
                     anthropic__web_search="false", brain__first_byte_timeout_ms="60000") as prot:
            self.assertIn("paris", prot.say("What is the capital of France? Answer in one word.").lower())

    def test_doctor_finds_it_and_knows_a_wrong_key(self):
        with Talking(brain__engine="openai", brain__url=self.url + "/v1") as prot:
            self.assertEqual(prot.services(), {"language model": "ok"})
            prot.environment["OPENAI_API_KEY"] = "sk-another-key"
            self.assertEqual(prot.services(), {"language model": "wrong_key"})

    def test_vectors_of_what_was_said(self):
        """Of a second one, which makes nothing else; the model that is talked to is aimock's."""
        url = f"http://127.0.0.1:{(port := peers.free_port())}"
        with tempfile.TemporaryDirectory() as folder, Aimock(folder) as model, peers.Process(
                [LLAMA, "--host", "127.0.0.1", "--port", str(port), "-m", MODEL, "-c", "1024", "-t", "2", "--embeddings", "--pooling",
                 "mean", "--no-webui", "--offline", "--api-key", KEY], serves(url + "/v1/models"), seconds=120), Talking(
                     brain__url=model.url + "/v1", memory__enabled="true", memory__store="ram", memory__extraction="false",
                     memory__embedder="openai", memory__embedding_url=url + "/v1", memory__embedding_model="qwen",
                     memory__embedding_key_env="OPENAI_API_KEY") as prot:
            self.assertEqual(prot.services(), {"language model": "ok", "OpenAI-compatible vectors": "ok"})
            self.assertEqual(prot.say("Which river flows through Paris?"), ANSWER)

            def counters():
                return next(s for s in prot.status()["stages"] if s["name"] == "memory").get("counters", {})
            wait_for("vectors of both messages", lambda: counters().get("vectors", 0) >= 2 and
                     counters().get("vectors_pending", 1) == 0, 120)
            self.assertEqual(counters().get("vectors_failing", 0), 0)

    def test_a_call_of_its_model_through_our_client(self):
        with Relay(self.url, self.pushed()) as between, Talking(
                brain__engine="openai", brain__url=between.url + "/v1", brain__tools="on", brain__max_tokens="150",
                brain__first_byte_timeout_ms="120000", brain__wait_notice_ms="0") as prot:
            said = prot.say("What is the time in Seoul?", 600)
        self.assertEqual([status for _messages, status, _came in between.seen], [200, 200], said)
        self.assertIn('"tool_calls"', between.seen[0][2])
        asked, result = between.seen[1][0][-2:]
        call, = asked["tool_calls"]
        self.assertEqual(call["function"]["name"], "date_time")
        self.assertIn(call["id"], between.seen[0][2])
        self.assertEqual(result["tool_call_id"], call["id"])
        self.assertEqual(json.loads(result["content"])["time_zone"], "Asia/Seoul")
        self.assertTrue(said)

    def test_a_call_of_its_model_through_the_official_package(self):
        tool = {"type": "function", "function": {"name": "date_time", "description": "The time now.", "parameters": {
            "type": "object", "properties": {"time_zone": {"type": "string"}}, "required": ["time_zone"]}}}
        got = peers.run_client("openai", {"url": self.url, "key": KEY, "tools": [tool], "tokens": 150, "fields": self.pushed(),
                                          "messages": [
            {"role": "user", "content": "Call date_time for the time zone Asia/Seoul."}]}, seconds=300)
        self.assertEqual([call["name"] for call in got["calls"]], ["date_time"], got)
        self.assertEqual(json.loads(got["calls"][0]["arguments"]), {"time_zone": "Asia/Seoul"})


if __name__ == "__main__":
    peers.main()
