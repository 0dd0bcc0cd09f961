"""prot-web in a real instance: its pages, who may ask, and that nothing else notices what becomes of it."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import unittest

import exposition
from web_instance import LIMIT, STAGES, Events, WebInstance, WebSocket, wait_for, wait_for_web

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
PROMTOOL = CACHE / "prot/tools/promtool"  # tools/setup/promtool.sh fetches it
TOKEN = "a token of enough characters"


class Reader(unittest.TestCase):
    """The strict reader finds what is wrong."""

    def test_what_the_format_forbids(self):
        good = '# HELP a_total b\n# TYPE a_total counter\na_total{x="1"} 2\na_total{x="q\\"\\\\\\n"} 3e5\n'
        self.assertEqual(exposition.parse(good)["a_total"][0], "counter")
        for wrong in (good[:-1], good.replace("# HELP a_total b\n", ""), good.replace("counter", "number"), good + good,
                      good + 'a_total{x="1"} 4\n', good + "b 1\n", good + "a_total x\n", good + "a_total{x=1} 1\n",
                      good + 'a_total{x="2",} 1\n', good + 'a_total{x="2" } 1\n', good + "\n", good + "a_total  1\n",
                      good + 'a_total{x="\\t"} 1\n', good + "a_total -1\n"):
            with self.subTest(wrong), self.assertRaises(ValueError):
                exposition.parse(wrong)


class Pages(unittest.TestCase):
    def test_the_pages_have_the_keys_and_types_of_the_original_and_more(self):
        with WebInstance(turn_log="brain") as prot:
            origin = f'["http://desk.example:{prot.port}"]'
            prot.settings += ["--set", f"web.cors_origins={origin}"]
            prot.up_and_ready()
            self.assertEqual(prot.page("/health"), {"status": "ok", "state": "idle"})
            self.assertEqual(prot.page("/ready"), {"ready": True, "missing": []})
            self.assertEqual(prot.page("/state", by_socket=True)["state"], "idle")
            page = prot.page("/diagnostics")
            for key, kind in (("state", str), ("background_tasks", int), ("active_timeout", bool), ("asyncio_tasks", int)):
                self.assertIs(type(page[key]), kind, key)
            self.assertNotIn("db_pool_size", page)  # the fixture has no database
            stages = {stage["name"]: stage for stage in page["stages"]}
            self.assertEqual(set(stages), {*STAGES, "web"})
            pids = prot.pids()
            for name, stage in stages.items():
                with self.subTest(name):
                    self.assertEqual(stage["pid"], pids[name])
                    self.assertGreaterEqual(stage["threads"], 1)
                    self.assertEqual(stage["descriptors"] > 3, True)
                    self.assertIn("timers", stage)  # counted later
                    self.assertGreater(stage["rss_bytes"], 100_000)
                    self.assertIs(type(stage["cpu_ms"]), int)
                    self.assertIs(type(stage["queue_depth"]), int)
                    self.assertIs(type(stage["last_errors"]), list)
                    self.assertEqual(set(stage["rings"]), {ring["name"] for ring in page["rings"] if name in (ring["from"], ring["to"])})
            self.assertEqual({ring["name"] for ring in page["rings"]},
                             {ring["name"] for ring in prot.status()["rings"]})
            self.assertEqual(page["turns"][0]["steps"][-1]["ms"], 1500)

            self.check_metrics(prot)
            self.check_dashboard(prot)
            self.check_who_may_ask(prot)
            self.check_a_restart_is_seen(prot)
            self.check_it_restarts(prot)
            self.check_it_may_die(prot)
        self.assertFalse(prot.socket.exists())

    def check_metrics(self, prot):
        status, headers, text = prot.answer("/metrics")
        self.assertEqual((status, headers["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        families = exposition.parse(text)
        self.assertEqual(families["prot_started"], ("gauge", {(): 1.0}))
        self.assertEqual(sum(families["prot_conversation_state"][1].values()), 1)
        for family in ("prot_stage_threads", "prot_stage_open_fds", "prot_stage_cpu_seconds_total"):
            self.assertEqual({dict(labels)["stage"] for labels in families[family][1]}, {*STAGES, "web"}, family)
        self.assertEqual(len(families["prot_ring_used_bytes"][1]), len(prot.status()["rings"]))
        done = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, timeout=LIMIT)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def check_dashboard(self, prot):
        nonces = set()
        for _ in range(2):
            status, headers, text = prot.answer("/")
            self.assertEqual((status, headers["content-type"]), (200, "text/html; charset=utf-8"))
            policy = headers["content-security-policy"]
            nonce = re.search(r"script-src 'nonce-([0-9a-f]{32})'", policy)[1]
            self.assertIn("default-src 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(re.findall(r"<(?:script|style)[^>]*>", text),
                             [f'<style nonce="{nonce}">', f'<script nonce="{nonce}">'])
            self.assertIn("require-trusted-types-for 'script'", policy)
            self.assertIsNone(re.search(r"\b(src|href)=\"(?!data:,|#)|https?://|innerHTML|@NONCE@|@include|[\"']//", text))
            nonces.add(nonce)
        self.assertEqual(len(nonces), 2)

    def check_who_may_ask(self, prot):
        for headers, status in (({"Host": "evil.example"}, 421), ({"Origin": "http://evil.example"}, 403),
                                ({"Origin": f"http://127.0.0.1:{prot.port}"}, 200), ({"Sec-Fetch-Site": "cross-site"}, 403)):
            for path in ("/state", "/diagnostics", "/turns", "/metrics", "/"):
                self.assertEqual(prot.answer(path, headers=headers)[0], status, (path, headers))
            if status != 200:
                self.assertEqual(prot.answer("/events", headers=headers)[0], status, headers)
        self.assertEqual(prot.answer("/state", by_socket=True, headers={"Host": "anything"})[0], 200)
        self.assertEqual(prot.answer("/nowhere")[0], 404)
        status, headers, _ = prot.answer("/state", method="POST", body="x")
        self.assertEqual((status, headers["allow"]), (405, "GET, HEAD"))
        status, headers, _ = prot.answer("/events", method="POST")
        self.assertEqual((status, headers["allow"]), (405, "GET"))
        self.assertEqual(prot.answer("/chat")[0], 426)
        status, headers, text = prot.answer("/state", method="HEAD")
        self.assertEqual((status, text), (200, ""))
        self.assertGreater(int(headers["content-length"]), 10)
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        self.assertEqual(prot.socket.stat().st_mode & 0o777, 0o600)

    def check_a_restart_is_seen(self, prot):
        os.kill(prot.pids()["stt"], signal.SIGKILL)

        def restarted():
            stage = next(s for s in prot.page("/diagnostics")["stages"] if s["name"] == "stt")
            return stage["generation"] == 2 and stage["state"] == "ready"
        wait_for_web("stt again", restarted)

    def check_it_restarts(self, prot):
        json_body = {"Content-Type": "application/json"}
        before = prot.pids()
        foreign = f"http://desk.example:{prot.port}"  # it may ask (web.cors_origins), but not this
        self.assertEqual(prot.answer("/state", headers={"Origin": foreign})[0], 200)
        for headers, body, status in (
                ({**json_body, "Origin": foreign}, '{"stage":"tts"}', 403),
                ({**json_body, "Origin": "http://evil.example"}, '{"stage":"tts"}', 403),
                ({**json_body, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, '{"stage":"tts"}', 403),
                ({"Content-Type": "text/plain"}, '{"stage":"tts"}', 415), (json_body, "tts", 400),
                (json_body, '{"stage":"nobody"}', 404)):
            with self.subTest(headers=headers, body=body):
                self.assertEqual(prot.answer("/restart", method="POST", headers=headers, body=body)[0], status)
        # What a browser asks before it lets a foreign page send JSON is not answered with leave.
        status, headers, _ = prot.answer("/restart", method="OPTIONS", headers={
            "Origin": foreign, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"})
        self.assertEqual((status, headers["access-control-allow-headers"]), (405, None))
        self.assertEqual(prot.answer("/restart")[0], 405)
        self.assertEqual(prot.pids(), before)
        own = {**json_body, "Origin": f"http://127.0.0.1:{prot.port}"}
        status, _, text = prot.answer("/restart", method="POST", headers=own, body='{"stage":"tts"}')
        self.assertEqual((status, json.loads(text)), (200, {"ok": True}))
        self.assertEqual({**prot.pids(), "tts": 0}, {**before, "tts": 0})
        wait_for("another tts", lambda: prot.pids()["tts"] not in (0, before["tts"]), LIMIT)
        self.assertEqual(prot.answer("/search?q=a")[0], 503)  # the fixture has no memory.sock
        self.assertEqual(prot.page("/turns"), [])

    def check_it_may_die(self, prot):
        before = prot.pids()
        for how in (signal.SIGKILL, signal.SIGABRT):
            old = prot.pids()["web"]
            os.kill(old, how)
            wait_for("another prot-web", lambda: prot.pids()["web"] not in (0, old), LIMIT)
            self.assertEqual(prot.page("/health")["status"], "ok")
            self.assertEqual(prot.page("/health", by_socket=True)["status"], "ok")
        after = prot.pids()
        self.assertEqual({**before, "web": 0}, {**after, "web": 0})
        self.assertEqual([stage["generation"] for stage in prot.status()["stages"] if stage["name"] == "brain"], [1])


class Starts(unittest.TestCase):
    def test_before_brain_is_ready_it_says_not_started(self):
        with WebInstance(slow="brain") as prot:
            prot.spawn("up", *prot.settings)
            for path in ("/health", "/state", "/diagnostics"):
                self.assertEqual(prot.page(path), {"status": "not_started"})
            status, _, text = prot.answer("/ready")
            self.assertEqual((status, json.loads(text)["ready"]), (503, False))
            self.assertEqual(exposition.parse(prot.answer("/metrics")[2])["prot_started"], ("gauge", {(): 0.0}))
            # Another try is no beginning either.
            os.kill(prot.pids()["brain"], signal.SIGKILL)
            wait_for("another brain", lambda: prot.stage("brain")["generation"] == 2, LIMIT)
            wait_for_web("its start is seen", lambda: prot.answer("/metrics")[2].count('prot_stage_starts_total{stage="brain"} 2'))
            for path in ("/health", "/state", "/diagnostics"):
                self.assertEqual(prot.page(path), {"status": "not_started"})

    def test_a_supervisor_that_hangs_fails_the_probes_that_look_at_the_status(self):
        with WebInstance() as prot:
            prot.up_and_ready()
            supervisor = prot.page("/diagnostics")["supervisor"]["pid"]
            os.kill(supervisor, signal.SIGSTOP)
            try:
                status, _, text = wait_for_web("it is seen", lambda: (got := prot.answer("/health"))[0] != 200 and got)
                self.assertEqual((status, json.loads(text)["status"]), (503, "hangs"))
                status, _, text = prot.answer("/ready")
                self.assertEqual((status, json.loads(text)), (503, {"ready": False, "missing": ["supervisor"]}))
            finally:
                os.kill(supervisor, signal.SIGCONT)
            self.assertEqual(wait_for_web("it goes on", lambda: (prot.answer("/health")[0] == 200) and 200), 200)
            self.assertEqual(prot.page("/ready"), {"ready": True, "missing": []})

    def test_one_that_cannot_run_does_not_fail_the_start(self):
        with WebInstance(web=["web.address=0.0.0.0"]) as prot:  # other machines, and no token
            prot.up()
            wait_for("its end", lambda: prot.stage("web")["state"] == "failed", LIMIT)
            self.assertIn("web.token_env", " ".join(prot.log("web")))
            self.assertTrue(all(s["state"] == "ready" for s in prot.status()["stages"] if s["name"] != "web"))

    def test_other_machines_show_a_token_which_is_in_no_log(self):
        with WebInstance(web=["web.address=0.0.0.0", "web.token_env=PROT_TEST_TOKEN"]) as prot:
            prot.environment["PROT_TEST_TOKEN"] = TOKEN
            prot.up()
            status = wait_for_web("it listens", lambda: prot.answer("/state"))[0]
            self.assertEqual(status, 401)
            self.assertEqual(prot.answer("/state", headers={"Authorization": "Bearer wrong"})[0], 401)
            self.assertEqual(prot.answer("/state", headers={"Authorization": f"Bearer {TOKEN}"})[0], 200)
            self.assertEqual(prot.answer("/state", by_socket=True)[0], 200)
            query = "?token=" + TOKEN.replace(" ", "%20")
            for path in ("/", "/health", "/ready", "/diagnostics", "/metrics", "/turns", "/events", "/search?q=a", "/chat"):
                self.assertEqual(prot.answer(path)[0], 401, path)
            self.assertEqual(prot.answer("/restart", method="POST", headers={"Content-Type": "application/json"},
                                         body='{"stage":"tts"}')[0], 401)
            self.assertEqual(prot.answer("/" + query)[0], 200)
            for path, wanted in (("/chat", 401), ("/chat" + query, 101)):
                with WebSocket(prot.port, path) as chat:
                    self.assertEqual(chat.status, wanted)
            with Events(prot.port, "/events" + query) as events:
                self.assertTrue(events.head[0].startswith("HTTP/1.1 200"))
            everything = "".join(p.read_text() for p in (prot.state / "log").glob("*.log"))
            self.assertNotIn(TOKEN, everything)

    def test_sizes_rates_and_heads_are_those_of_the_document(self):
        with WebInstance(web=["web.socket=false"]) as prot:
            prot.up()
            wait_for_web("it answers", lambda: prot.answer("/ready"))
            self.assertFalse(prot.socket.exists())  # nobody wanted it
            self.assertEqual(self.listens_at(prot.port), {"0100007F"})  # loopback, and nothing else
            self.assertEqual(prot.answer("/state", method="POST", body="x" * 65_536)[0], 405)
            self.assertEqual(prot.answer("/state", method="POST", body="x" * 65_537)[0], 413)
            self.assertEqual(prot.answer("/state", headers={"X-Long": "x" * 9000})[0], 431)
            for path in ("/", "/health", "/nowhere", "/chat", "/metrics"):
                _, headers, _ = prot.answer(path)
                self.assert_safe(headers, path)
            with Events(prot.port) as events:
                self.assert_safe(dict(line.lower().split(": ", 1) for line in events.head[1:]), "/events")
            with WebSocket(prot.port, "/chat") as chat:
                self.assert_safe(chat.head, "/chat")
            self.check_most_connections(prot)
            statuses = self.ask_at_once(prot.port, 400)
            self.assertEqual(set(statuses), {200, 429})
            self.assertGreaterEqual(statuses.index(429), 150)  # of 200, less what was asked before
            wait_for_web("it is answered again", lambda: prot.answer("/health")[0] == 200)

    def check_most_connections(self, prot):
        with contextlib.ExitStack() as held:
            clients = [held.enter_context(socket.create_connection(("127.0.0.1", prot.port), timeout=LIMIT)) for _ in range(140)]
            self.assertEqual((prot.answer("/health") or (0,))[0], 200)
            self.assertEqual(clients[0].recv(1), b"")  # the oldest without a request gave way

    @staticmethod
    def listens_at(port):
        lines = [line.split() for name in ("tcp", "tcp6") for line in pathlib.Path("/proc/net", name).read_text().splitlines()[1:]]
        return {fields[1].split(":")[0] for fields in lines if fields[3] == "0A" and int(fields[1].split(":")[1], 16) == port}

    @staticmethod
    def ask_at_once(port, count):
        """One connection, all requests before the first answer: [status]."""
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
            client.sendall(b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * count)
            text, statuses = b"", []
            while len(statuses) < count and (more := client.recv(65536)):
                text += more
                *heads, text = text.split(b"\r\n\r\n")
                statuses += [int(head.split()[1]) for head in heads]
            return statuses

    @staticmethod
    def ask_side_by_side(port, headers):
        """400 requests with these headers, each on a connection of its own: {status}."""
        statuses = set()
        for _ in range(4):
            with contextlib.ExitStack() as held:
                clients = [held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=LIMIT)) for _ in range(100)]
                for client in clients:
                    client.sendall(f"GET /state HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n".encode())
                statuses |= {int(client.recv(12)[9:]) for client in clients}
        return statuses

    def assert_safe(self, headers, path):
        self.assertEqual(headers["x-content-type-options"].lower(), "nosniff", path)
        self.assertEqual(headers["x-frame-options"].lower(), "deny", path)
        self.assertEqual(headers["cache-control"], "no-store", path)
        self.assertEqual(headers["referrer-policy"], "no-referrer", path)
        self.assertEqual(headers["cross-origin-resource-policy"], "same-origin", path)
        self.assertEqual(headers["cross-origin-opener-policy"], "same-origin", path)
        self.assertIn("default-src 'none'", headers["content-security-policy"], path)
        self.assertIn("frame-ancestors 'none'", headers["content-security-policy"], path)

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_other_users_of_this_machine_see_that_it_lives_and_nothing_else(self):
        with WebInstance() as prot:
            prot.up_and_ready()
            json_body = {"Content-Type": "application/json"}
            asks = [("GET", path, None, {}) for path in ("/health", "/ready", "/state", "/metrics", "/", "/diagnostics", "/events",
                                                       "/turns", "/search?q=a", "/nowhere")]
            asks += [("POST", "/restart", '{"stage":"tts"}', json_body),
                     ("GET", "/chat", None, {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                                           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})]
            before = prot.pids()
            self.assertEqual(self.as_somebody_else(prot, asks), [200] * 4 + [403] * 8)
            self.assertEqual(prot.pids(), before)

    @classmethod
    def as_somebody_else(cls, prot, asks):
        """The statuses that a process of another user gets."""
        with cls.somebody_else(lambda: [prot.answer(path, method=method, body=body, headers=headers)[0]
                                        for method, path, body, headers in asks]) as statuses:
            return statuses

    @staticmethod
    @contextlib.contextmanager
    def somebody_else(do):
        """A process of another user that does it and stays, with what it has opened: what came of it."""
        result, told = os.pipe()
        wait, end = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(end)
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                os.write(told, json.dumps(do()).encode())
                os.close(told)
                os.read(wait, 1)
            finally:
                os._exit(0)
        os.close(told)
        os.close(wait)
        try:
            with os.fdopen(result) as answers:
                text = answers.read()
            yield json.loads(text)
        finally:
            os.close(end)
            os.waitpid(child, 0)

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_another_user_takes_neither_the_places_nor_the_share_of_the_owner(self):
        held = []  # by the other process

        def take_all():
            statuses = self.ask_side_by_side(prot.port, "Origin: http://evil.example")
            statuses |= set(self.ask_at_once(prot.port, 300))
            for _ in range(200):
                held.append(socket.create_connection(("127.0.0.1", prot.port), timeout=LIMIT))
                held[-1].sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
            return sorted(statuses)
        with WebInstance() as prot:
            prot.up_and_ready()
            with socket.create_connection(("127.0.0.1", prot.port), timeout=LIMIT) as slow:
                slow.sendall(b"GET /health HTTP/1.1\r\n")
                with self.somebody_else(take_all) as statuses:
                    self.assertEqual(statuses, [200, 403, 429])
                    self.assertEqual([prot.answer("/health")[0] for _ in range(44)], [200] * 44)
                    slow.sendall(b"Host: localhost\r\n\r\n")
                    self.assertTrue(slow.recv(100).startswith(b"HTTP/1.1 200 "))

    def test_a_hostile_page_does_not_use_up_what_its_reader_may_ask(self):
        with WebInstance() as prot:
            prot.up_and_ready()
            for headers, wanted in (("Origin: http://evil.example", {403, 429}),
                                    ("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors", {403, 429}),
                                    ("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate", {200, 429})):
                with self.subTest(headers):
                    self.assertLessEqual(self.ask_side_by_side(prot.port, headers), wanted)
                    self.assertEqual([prot.answer("/health")[0] for _ in range(20)], [200] * 20)

    def test_without_the_key_there_is_none(self):
        with WebInstance() as prot:
            prot.settings[prot.settings.index("web.enabled=true")] = "web.enabled=false"
            prot.up()
            self.assertNotIn("web", prot.pids())
            self.assertIsNone(prot.answer("/health"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
