"""The loopback Anthropic itself, by plain sockets: its events, what it refuses, and what it does wrong on purpose."""
import json
import pathlib
import socket
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from loopback.anthropic_service import AnthropicService  # noqa: E402
from loopback.faults import KINDS, make_fault  # noqa: E402
from loopback.http_server import Loop, body_of  # noqa: E402
from loopback.script import Answer, Script, Tool  # noqa: E402

TIMEOUT = 10
LAMP = {"name": "lamp", "description": "d", "input_schema": {"type": "object"}}


def request_of(*messages, **more) -> dict:
    return {"model": "m", "max_tokens": 100, "stream": True, "messages": list(messages), **more}


def user(*content) -> dict:
    return {"role": "user", "content": content[0] if isinstance(content[0], str) else list(content)}


class Case(unittest.TestCase):
    def setUp(self):
        self.closed = threading.Event()
        self.loop = Loop()
        self.service = AnthropicService(lambda kind, _record: self.closed.set() if kind == "closed" else None, key="good")
        self.loop.call(self.service.server.start())

    def tearDown(self):
        self.loop.call(self.service.server.stop())
        self.loop.stop()

    def script(self, *answers: Answer) -> None:
        self.loop.run(self.service.reset, Script(list(answers)))

    def connect(self, body: dict, path: str, headers: dict) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.service.server.port), TIMEOUT)
        self.addCleanup(connection.close)
        data = json.dumps(body).encode()
        lines = [f"POST {path} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(data)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + data)
        return connection

    def ask(self, body: dict, path="/v1/messages", **headers) -> bytes:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = self.connect(body, path, {"x-api-key": "good"} | named)
        out = b""
        try:
            while data := connection.recv(65536):
                out += data
        except ConnectionResetError:
            pass
        return out

    def status(self, body: dict, **headers) -> tuple[int, str]:
        raw = self.ask(body, **headers)
        error = json.loads(body_of(raw)).get("error", {}) if b"application/json" in raw else {}
        return int(raw.split()[1]), error.get("message", "")

    def events(self, raw: bytes) -> list[dict]:
        events = []
        for part in body_of(raw).replace(b"\r\n", b"\n").split(b"\n\n"):
            lines = dict(line.split(b": ", 1) for line in part.split(b"\n") if b": " in line)
            if b"data" in lines:
                events.append(json.loads(lines[b"data"]))
                self.assertEqual(lines[b"event"].decode(), events[-1]["type"])
        return events


class Answers(Case):
    def test_the_events_come_in_their_order_each_with_its_name(self):
        self.script(Answer(text="Paris it is.", thinking="hm", search="paris", tools=[Tool("lamp", '{"a": "불"}')]))
        events = self.events(self.ask(request_of(user("France?"), tools=[LAMP])))
        kinds = [e["type"] for e in events]
        self.assertEqual(kinds[:2], ["message_start", "ping"])
        self.assertEqual(kinds[-2:], ["message_delta", "message_stop"])
        starts = [e["content_block"]["type"] for e in events if e["type"] == "content_block_start"]
        self.assertEqual(starts, ["thinking", "server_tool_use", "web_search_tool_result", "text", "text", "tool_use"])
        self.assertEqual([e["index"] for e in events if e["type"] == "content_block_stop"], list(range(6)))
        deltas = [e["delta"] for e in events if e["type"] == "content_block_delta"]
        self.assertEqual("".join(d.get("text", "") for d in deltas), "Paris it is.")
        last = [d["partial_json"] for e, d in zip([e for e in events if e["type"] == "content_block_delta"], deltas)
                if d["type"] == "input_json_delta" and e["index"] == 5]
        self.assertEqual((last[0], json.loads("".join(last))), ("", {"a": "불"}))
        self.assertEqual(events[-2]["delta"]["stop_reason"], "tool_use")
        self.assertIn("citations_delta", [d["type"] for d in deltas])

    def test_stable_blocks_are_found_in_the_cache(self):
        self.script(Answer(text="One."), Answer(text="Two."))
        mark = {"cache_control": {"type": "ephemeral"}}
        usages = []
        for time, question in (("10:00", "a"), ("10:01", "b")):
            system = [{"type": "text", "text": "persona " * 50, **mark}, {"type": "text", "text": "memory", **mark},
                      {"type": "text", "text": time}]
            start = self.events(self.ask(request_of(user(question), system=system)))[0]
            usages.append(start["message"]["usage"])
        self.assertEqual((usages[0]["cache_read_input_tokens"], usages[1]["cache_creation_input_tokens"]), (0, 0))
        self.assertGreater(usages[1]["cache_read_input_tokens"], 100)

    def test_a_pause_is_carried_on(self):
        self.script(Answer(text="Sunny.", search="weather", pauses=2))
        content = []
        for stop in ("pause_turn", "pause_turn", "end_turn"):
            more = [{"role": "assistant", "content": content}] if content else []
            events = self.events(self.ask(request_of(user("Weather?"), *more)))
            self.assertEqual(events[-2]["delta"]["stop_reason"], stop)
            content = [{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}]
        self.assertEqual(self.loop.run(lambda: self.service.server.errors), [])

    def test_without_a_stream_it_is_one_object(self):
        self.script(Answer(text="Yes.", tools=[Tool("lamp", "{}")]))
        body = json.loads(body_of(self.ask(request_of(user("Well?"), tools=[LAMP], stream=False))))
        self.assertEqual([b["type"] for b in body["content"]], ["text", "tool_use"])
        self.assertEqual(body["stop_reason"], "tool_use")

    def test_a_record_has_the_plain_messages_and_no_secret(self):
        self.script(Answer(text="Yes."))
        self.ask(request_of(user("Well?"), system="Be brief."))
        record, = self.loop.run(self.service.requests)
        self.assertEqual(record.body["messages"], [{"role": "system", "content": "Be brief."},
                                                   {"role": "user", "content": "Well?"}])
        self.assertNotIn("good", str(record.headers))
        self.assertEqual((record.sent, record.closed_early), ("Yes.", False))


class Refusals(Case):
    def test_keys(self):
        self.script(Answer(text="Yes."), Answer(text="Yes."))
        self.assertEqual(self.status(request_of(user("a")), x_api_key="bad")[0], 401)
        self.assertEqual(self.status(request_of(user("a")), x_api_key="")[0], 401)
        self.assertIn(b"200 OK", self.ask(request_of(user("a")), x_api_key="", authorization="Bearer good")[:20])
        self.assertEqual(self.status(request_of(user("a")))[0], 200)

    def test_what_a_client_may_get_wrong(self):
        call = {"type": "tool_use", "id": "toolu_1", "name": "lamp", "input": {}}
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "on"}
        text = {"type": "text", "text": "x"}
        edits = {"edits": [{"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 5}}]}
        for wrong, word in (
                ({"messages": [user("a")], "model": "m"}, "max_tokens"),
                (request_of({"role": "assistant", "content": "a"}), "first message"),
                (request_of(user({"type": "text", "text": ""})), "non-empty"),
                (request_of(user("a"), {"role": "assistant", "content": [call]}, user("b")), "without `tool_result`"),
                (request_of(user("a"), {"role": "assistant", "content": [call]}, user(text, result)), "come first"),
                (request_of(user("a"), {"role": "assistant", "content": [text]}, user(result)), "unexpected"),
                (request_of(user("a"), {"role": "assistant", "content": [text]}), "prefill"),
                (request_of(user("a"), tools=[{"name": "a b", "input_schema": {"type": "object"}}]), "name"),
                (request_of(user("a"), thinking={"type": "enabled", "budget_tokens": 2000}), "budget_tokens"),
                (request_of(user("a"), output_config={"effort": "huge"}), "effort"),
                (request_of(user("a"), context_management=edits), "Extra inputs")):
            status, why = self.status(wrong)
            self.assertEqual(status, 400, wrong)
            self.assertIn(word, why)

    def test_thoughts_must_come_back_as_they_were(self):
        thinking = {"thinking": {"type": "adaptive"}, "tools": [LAMP]}

        def second(change) -> tuple[int, str]:
            self.script(Answer(thinking="hm", text="So.", tools=[Tool("lamp", "{}", "toolu_000000001")]), Answer(text="On."))
            self.ask(request_of(user("a"), **thinking))
            content = change(self.loop.run(lambda: list(self.service._issued["toolu_000000001"])))
            result = {"type": "tool_result", "tool_use_id": "toolu_000000001", "content": "on"}
            return self.status(request_of(user("a"), {"role": "assistant", "content": content}, user(result), **thinking))
        self.assertEqual(second(lambda content: content)[0], 200)
        self.assertIn("Expected `thinking`", second(lambda content: content[1:])[1])
        self.assertIn("cannot be modified", second(lambda content: [content[0] | {"thinking": "oh"}, *content[1:]])[1])


class Faults(Case):
    def test_every_fault_of_the_menu_befalls(self):
        harmless = ("delay_headers", "delay_first", "unknown_event", "unknown_field", "small_writes", "crlf", "pings",
                    "huge_line", "invalid_utf8", "split_surrogates")
        for kind in (*harmless, "status", "reset", "eof", "error_event", "empty_body", "json_body"):
            with self.subTest(kind):
                fault = make_fault({"kind": kind} | ({"after": 1} if "after" in KINDS[kind] else {}))
                self.script(Answer(text="Paris 😀 it is.", fault=fault))
                raw = self.ask(request_of(user("France?")))
                self.assertEqual(b"message_stop" in raw, kind in harmless)
        self.assertEqual(self.loop.run(lambda: self.service.server.errors), [])

    def test_an_error_has_the_services_own_words(self):
        for status, kind in ((401, "authentication_error"), (429, "rate_limit_error"), (529, "overloaded_error")):
            self.script(Answer(text="Yes.", fault=make_fault({"kind": "status", "status": status})))
            raw = self.ask(request_of(user("a")))
            self.assertEqual(json.loads(body_of(raw))["error"]["type"], kind)
            self.assertIn(b"request-id: req_", raw)

    def test_an_early_close_is_seen(self):
        self.script(Answer(text="One two", fault=make_fault({"kind": "hang", "after": 1})))
        connection = self.connect(request_of(user("a")), "/v1/messages", {"x-api-key": "good"})
        seen = b""
        while b"One" not in seen:
            seen += connection.recv(4096)
        connection.close()
        self.assertTrue(self.closed.wait(TIMEOUT))
        self.assertTrue(self.loop.run(lambda: self.service.requests()[0].closed_early))


if __name__ == "__main__":
    unittest.main(verbosity=2)
