"""The loopback Home Assistant, by a plain HTTP client: what it answers, and what it does wrong on purpose."""
import contextlib
import http.client
import json
import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from loopback.faults import make_fault  # noqa: E402
from loopback.home_assistant import HomeAssistantService, agent_answer  # noqa: E402
from loopback.http_server import Loop  # noqa: E402

LIGHT = {"entity_id": "light.living_room"}


class Home(unittest.TestCase):
    def setUp(self):
        self.closed = threading.Event()
        self.loop = Loop()
        self.addCleanup(self.loop.stop)
        self.service = HomeAssistantService(lambda kind, _record: kind == "closed" and self.closed.set())
        self.loop.call(self.service.server.start())
        self.addCleanup(lambda: self.loop.call(self.service.server.stop()))

    def ask(self, method, path, body=None, token="loopback-secret", timeout=10):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.service.server.port,
                                                           timeout=timeout)) as connection:
            connection.request(method, path, body if isinstance(body, (str, type(None))) else json.dumps(body),
                               {"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            text = answer.read().decode()
        return answer.status, json.loads(text) if answer.getheader("Content-Type") == "application/json" else text

    def test_states(self):
        self.assertEqual(self.ask("GET", "/api/"), (200, {"message": "API running."}))
        status, states = self.ask("GET", "/api/states")
        self.assertEqual((status, len(states)), (200, len(self.service.entities)))
        self.assertEqual(self.ask("GET", "/api/states/lock.front_door")[1]["state"], "locked")
        self.assertEqual(self.ask("GET", "/api/states/lock.none"), (404, {"message": "Entity not found."}))
        self.assertEqual(self.ask("GET", "/api/other"), (404, "404: Not Found"))
        self.assertEqual([r.kind for r in self.service.requests()], ["state", "state"])

    def test_a_wrong_token_is_refused(self):
        self.assertEqual(self.ask("GET", "/api/", token="x"), (401, "401: Unauthorized"))
        self.assertNotIn("loopback-secret", str(self.service.server.records))

    def test_a_service_changes_the_state(self):
        status, changed = self.ask("POST", "/api/services/light/turn_on", LIGHT)
        self.assertEqual((status, [c["state"] for c in changed]), (200, ["on"]))
        self.assertEqual(self.ask("GET", "/api/states/light.living_room")[1]["state"], "on")
        self.assertEqual(self.ask("POST", "/api/services/light/turn_on", {"target": LIGHT}), (400, "400: Bad Request"))
        self.assertEqual(self.ask("POST", "/api/services/light/turn_on", "no JSON")[0], 400)
        self.assertEqual(self.service.calls, [("light.turn_on", LIGHT)])

    def test_the_agent_fails_with_status_200(self):
        path = "/api/conversation/process"
        self.assertEqual(self.ask("POST", path, {"text": "hello"})[1]["response"]["response_type"], "action_done")
        self.assertEqual(self.ask("POST", path, {"text": "hello", "conversation_id": None})[0], 400)
        self.service.agent = agent_answer("No such light", "error", "no_valid_targets")
        status, answer = self.ask("POST", path, {"text": "hello"})
        self.assertEqual((status, answer["response"]["data"]), (200, {"code": "no_valid_targets"}))

    def test_faults(self):
        self.service.set_fault(make_fault({"kind": "status", "status": 503}))
        self.assertEqual(self.ask("GET", "/api/states/light.kitchen")[0], 503)
        self.service.set_fault(make_fault({"kind": "small_writes"}))
        self.assertEqual(len(self.ask("GET", "/api/states")[1]), len(self.service.entities))
        self.service.set_fault(make_fault({"kind": "unknown_field"}))
        self.assertIn("x_new", self.ask("GET", "/api/states/light.kitchen")[1])
        self.service.set_fault(make_fault({"kind": "delay_first", "ms": 200}))
        asked = time.monotonic()
        self.assertEqual(self.ask("GET", "/api/states/light.kitchen")[1]["state"], "on")
        self.assertGreaterEqual(time.monotonic() - asked, 0.2)
        self.service.set_fault(make_fault({"kind": "huge_line"}))
        self.assertEqual(self.ask("GET", "/api/states"), (200, []))
        for kind in ("reset", "eof"):
            self.service.set_fault(make_fault({"kind": kind}))
            with self.assertRaises((http.client.HTTPException, ConnectionError)):
                self.ask("GET", "/api/states")
        self.service.set_fault(make_fault({"kind": "hang"}))
        with self.assertRaises(TimeoutError):
            self.ask("GET", "/api/states", timeout=0.2)
        self.assertTrue(self.closed.wait(10))


if __name__ == "__main__":
    unittest.main(verbosity=2)
