"""The loopback MCP server, by its process's standard streams: tools, calls, a call that is cancelled, its faults."""
import contextlib
import json
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from loopback.faults import make_fault  # noqa: E402
from loopback.http_server import Loop  # noqa: E402
from loopback.mcp_service import FLOOD, HUGE, McpService  # noqa: E402


class Mcp(unittest.TestCase):
    def setUp(self):
        self.loop = Loop()
        self.addCleanup(self.loop.stop)
        self.service = McpService()
        self.loop.call(self.service.server.start())
        self.addCleanup(lambda: self.loop.call(self.service.server.stop()))
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.service.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.process.wait, 10)
        self.addCleanup(self.process.kill)
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.close_input)
        self.request(1, "initialize", {"protocolVersion": "2025-06-18"})
        self.assertEqual(self.line()["result"]["protocolVersion"], "2025-06-18")
        self.send({"method": "notifications/initialized"})
        self.request(2, "tools/list")
        self.assertEqual([tool["name"] for tool in self.line()["result"]["tools"]], ["echo"])

    def close_input(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def send(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def request(self, number, method, params=None):
        self.send({"id": number, "method": method, "params": params or {}})

    def line(self):
        return json.loads(self.process.stdout.readline().decode("utf-8", "replace"))

    def call(self, number=3, text="hello", **fault):
        self.loop.run(self.service.set_fault, make_fault(fault) if fault else None)
        self.request(number, "tools/call", {"name": "echo", "arguments": {"text": text}})

    def until(self, condition):
        end = time.monotonic() + 10
        while not self.loop.run(condition) and time.monotonic() < end:
            time.sleep(0.005)
        self.assertTrue(self.loop.run(condition))

    def test_a_call_is_answered_and_recorded(self):
        self.assertEqual(self.loop.run(lambda: self.service.ready), 1)
        self.call()
        answer = self.line()
        self.assertEqual((answer["id"], answer["result"]["content"][0]["text"]), (3, "hello"))
        record = self.loop.run(lambda: self.service.requests()[0])
        self.assertEqual((record.path, record.body, record.closed_early), ("echo", {"text": "hello"}, False))
        self.close_input()
        self.assertEqual(self.process.wait(10), 0)
        self.until(lambda: self.service.ready == 0)

    def test_a_cancelled_call_is_one_that_was_closed_early(self):
        self.call(kind="hang")
        self.until(lambda: self.service.requests())
        at = time.monotonic()
        self.send({"method": "notifications/cancelled", "params": {"requestId": 3}})
        self.until(lambda: self.service.requests()[0].done)
        record = self.service.requests()[0]
        self.assertTrue(record.closed_early)
        self.assertGreaterEqual(record.closed_at, at)
        self.request(4, "ping")
        self.assertEqual(self.line()["id"], 4)

    def test_its_process_ends_when_the_service_ends_it(self):
        for kind in ("reset", "eof"):
            self.call(kind=kind)
            self.assertNotEqual(self.process.wait(10), 0, kind)
            self.assertFalse(self.process.stdout.read().endswith(b"\n"), kind)
            self.start()

    def test_faults_behind_which_the_answer_comes(self):
        for number, kind in enumerate(("small_writes", "crlf", "unknown_field", "invalid_utf8", "delay_first"), 10):
            self.call(number, kind=kind)
            self.assertEqual(self.line()["id"], number, kind)
        self.call(20, kind="pings")
        self.assertEqual([self.line().get("method"), self.line()["id"]], ["ping", 20])
        self.call(21, kind="unknown_event")
        self.assertEqual([self.line().get("id") for _ in range(3)], [None, "s9", 21])
        self.call(22, kind="twin")
        self.assertEqual([self.line()["id"] for _ in range(2)], [22, 22])
        self.call(23, kind="json_body")
        self.assertTrue(self.process.stdout.readline().startswith(b"loopback: "))
        self.assertEqual(self.line()["id"], 23)
        self.call(24, kind="unasked")
        self.assertEqual(sum("method" in self.line() for _ in range(FLOOD)), FLOOD)
        self.assertEqual(self.line()["id"], 24)
        self.call(25, kind="huge_line")
        self.assertEqual(len(self.line()["result"]["content"][0]["text"]), HUGE)

    def test_errors(self):
        self.call(kind="error_event")
        self.assertIn("error", self.line())
        self.call(kind="status", status=500)
        self.assertTrue(self.line()["result"]["isError"])
        self.call(kind="status", times=1)
        self.line()
        self.request(4, "tools/call", {"name": "echo", "arguments": {"text": "well"}})
        self.assertFalse(self.line()["result"]["isError"])
        self.request(5, "no/such")
        self.assertEqual(self.line()["error"]["code"], -32601)
        self.assertEqual(self.service.server.errors, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
