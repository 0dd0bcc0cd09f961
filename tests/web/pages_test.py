"""prot-web in a real instance: its pages, who may ask, and that nothing else notices what becomes of it."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import unittest

import exposition
from web_instance import LIMIT, STAGES, WebInstance, wait_for, wait_for_web

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
                    self.assertGreaterEqual(stage["timers"], 0)
                    self.assertGreater(stage["rss_bytes"], 100_000)
                    self.assertIs(type(stage["cpu_ms"]), int)
                    self.assertIs(type(stage["queue_depth"]), int)
                    self.assertIn("last_error", stage)
            self.assertEqual({ring["name"] for ring in page["rings"]},
                             {ring["name"] for ring in prot.status()["rings"]})
            self.assertEqual(page["turns"][0]["steps"][-1]["ms"], 1500)

            self.check_metrics(prot)
            self.check_dashboard(prot)
            self.check_who_may_ask(prot)
            self.check_a_restart_is_seen(prot)
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
        if promtool := shutil.which("promtool"):
            done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=LIMIT)
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
            self.assertIsNone(re.search(r"\b(src|href)=\"(?!data:,)|https?://|innerHTML|@NONCE@", text))
            nonces.add(nonce)
        self.assertEqual(len(nonces), 2)

    def check_who_may_ask(self, prot):
        for headers, status in (({"Host": "evil.example"}, 421), ({"Origin": "http://evil.example"}, 403),
                                ({"Origin": f"http://127.0.0.1:{prot.port}"}, 200), ({"Sec-Fetch-Site": "cross-site"}, 403)):
            self.assertEqual(prot.answer("/state", headers=headers)[0], status, headers)
        self.assertEqual(prot.answer("/state", by_socket=True, headers={"Host": "anything"})[0], 200)
        self.assertEqual(prot.answer("/nowhere")[0], 404)
        status, headers, _ = prot.answer("/state", method="POST", body="x")
        self.assertEqual((status, headers["allow"]), (405, "GET, HEAD"))
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

    def test_a_port_that_is_taken_keeps_nobody_waiting_and_is_tried_again(self):
        with WebInstance() as prot, socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", prot.port))
            other.listen()
            prot.up()
            wait_for("its reason", lambda: "cannot listen" in prot.stage("web")["status"], LIMIT)
            self.assertEqual(prot.stage("web")["state"], "ready")
            other.close()
            self.assertEqual(prot.page("/health")["status"], "ok")

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
            everything = "".join(p.read_text() for p in (prot.state / "log").glob("*.log"))
            self.assertNotIn(TOKEN, everything)

    def test_without_the_key_there_is_none(self):
        with WebInstance() as prot:
            prot.settings[prot.settings.index("web.enabled=true")] = "web.enabled=false"
            prot.up()
            self.assertNotIn("web", prot.pids())
            self.assertIsNone(prot.answer("/health"))


if __name__ == "__main__":
    unittest.main()
