"""prot memory, with the real brain, memory and PostgreSQL: what is found, explained, taken along and forgotten; and that
no byte of what was forgotten is left."""
import contextlib
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import unittest

from database_test import BINARIES, SETTINGS
from instance import PROT, Instance, wait_for

PROGRAMS = pathlib.Path(os.environ["PROGRAMS"])
CANARY = "Quetzalcoatl"


class Model(http.server.ThreadingHTTPServer):
    """Says what it was told; learns "X is Y" from "My X is Y."."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # noqa: N802
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        words = request["messages"][-1]["content"]
        if "response_format" in request:
            facts = [{"subject": "user", "predicate": said[1], "object": said[2], "statement": f"The user's {said[1]} is {said[2]}."}
                     for said in re.finditer(r"(?m)^User: My (\w+) is (\w+)", words)]
            content = json.dumps({"facts": facts, "entities": [
                {"name": fact["object"], "type": "thing", "description": f"called {fact['object']}"} for fact in facts]})
            return self.answer("application/json", json.dumps({"choices": [{"message": {"content": content}}]}))
        self.server.asked.append(request["messages"])
        reply = "You said: " + words.rsplit("\n\n", 1)[-1]
        chunks = [{"choices": [{"delta": {"content": reply}, "finish_reason": "stop"}]}]
        return self.answer("text/event-stream", "".join(f"data: {json.dumps(c)}\n\n" for c in chunks) + "data: [DONE]\n\n")

    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class Memory(unittest.TestCase):
    def setUp(self):
        self.model = Model()
        self.addCleanup(self.model.close)
        settings = list(SETTINGS)
        for setting in (f"brain.url=http://127.0.0.1:{self.model.server_port}/v1", "memory.extraction_idle_s=0.1",
                        "general.language=en", "general.log_content=true", "general.log_level=debug"):
            settings += ["--set", setting]
        self.prot = self.enterContext(Instance(stages=["capture", "stt", "tts", "player"], settings=settings))
        for stage in ("brain", "memory"):
            (self.prot.stages / f"prot-{stage}").symlink_to(PROGRAMS / stage / f"prot-{stage}")
        self.prot.up()
        wait_for("memory has its database", lambda: self.stats()["database"] == "up", 30)

    def ask(self, *arguments, code=0):
        done = self.prot.run("memory", *arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def read(self, *arguments):
        return json.loads(self.ask(*arguments, "--json").stdout)

    def stats(self):
        return self.read("stats")

    def say(self, *texts):
        for text in texts:
            done = self.prot.run("say", text)
            self.assertEqual(done.returncode, 0, done.stderr)

    def facts(self):
        return {fact["object"]: fact["id"] for fact in self.read("facts")["facts"]}

    def learn(self):
        self.say(f"My cat is {CANARY}.", "My drink is tea.", "My city is Busan.")
        wait_for("three facts", lambda: len(self.facts()) == 3, 30)

    def dump(self):
        return subprocess.run([BINARIES[-1] + "/pg_dump", "-h", str(self.prot.runtime / "db"), "-U", "prot", "prot"],
                              capture_output=True, check=True, timeout=30).stdout

    def places(self, word):
        """Every file of the instance, its shared memory and the database: what of it has the word."""
        word = word.lower().encode()
        found = ["pg_dump"] if word in self.dump().lower() else []
        for root in (self.prot.state, self.prot.runtime):
            for path in root.rglob("*"):
                if path.is_file() and "/db/" not in str(path) and word in path.read_bytes().lower():
                    found.append(str(path.relative_to(self.prot.folder)))
        return found + [path for path in self.prot.segments() if word in pathlib.Path(path).read_bytes().lower()]

    def test_forgotten_it_is_nowhere_and_the_rest_is_there(self):
        self.learn()
        self.say("What is my cat called?")
        self.assertIn("pg_dump", self.places(CANARY))
        self.assertTrue(any("log" in place for place in self.places(CANARY)), self.places(CANARY))
        # Into a conversation that brain still has, and its block.
        (self.prot.state / "said/chat_history").write_text(f"My cat is {CANARY}.\n")
        number = str(self.facts()[CANARY])
        self.assertEqual(self.read("forget", "fact", number, "--dry-run")["facts"], 1)
        self.assertIn("pg_dump", self.places(CANARY))
        self.assertRegex(self.ask("forget", "fact", number).stdout, r"^forgotten: \d+ messages, 1 facts, \d+ names\n$")
        # In a ring it stands until brain has taken what it is told of it.
        wait_for("it is nowhere", lambda: not [place for place in self.places(CANARY) if place.startswith("/dev/shm/")])
        self.assertEqual(self.places(CANARY), [])
        self.assertEqual(set(self.facts()), {"tea", "Busan"})
        before = len(self.model.asked)
        self.say("Tell me about my cat and what it is called.")
        self.assertNotIn(CANARY, json.dumps(self.model.asked[before:]))
        # A crash of memory meets the ring again. Not brain's: its report would have the lines that the supervisor still has
        # in memory, with what was said in them, as general.log_content allows.
        os.kill(self.prot.stage("memory")["pid"], 9)
        wait_for("memory is back", lambda: self.prot.run("memory", "stats").returncode == 0, 30)
        wait_for("it has its database", lambda: self.stats()["database"] == "up", 30)
        self.prot.run("down")
        self.prot.up()
        wait_for("memory is back", lambda: self.prot.run("memory", "stats").returncode == 0, 30)
        wait_for("it has its database", lambda: self.stats()["database"] == "up", 30)
        self.assertEqual(self.places(CANARY), [])
        self.assertEqual(set(self.facts()), {"tea", "Busan"})

    def test_it_is_found_explained_and_taken_along(self):
        self.learn()
        found = self.read("search", "tea", "coffee")
        self.assertEqual([m["role"] for m in found["messages"]].count("user"), 1)
        self.assertEqual([f["object"] for f in found["facts"]], ["tea"])
        why = self.read("why", str(self.facts()["tea"]))
        self.assertEqual([m["text"] for m in why["messages"]], ["My drink is tea."])
        message = str(why["messages"][0]["id"])
        self.assertEqual(len(self.read("show", message)["messages"]), 2)
        self.assertIn("My drink is tea.", self.ask("show").stdout)
        self.assertIn("The user's drink is tea.", self.ask("facts").stdout)
        self.assertEqual(len(self.read("show", "yesterday")["messages"]), 0)
        file = self.prot.folder / "all.jsonl"
        self.ask("export", str(file))
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        self.assertEqual(sum(row["type"] == "fact" for row in rows), 3)
        self.assertEqual(sum(row["type"] == "message" for row in rows), 6)
        self.assertEqual(self.read("import", str(file))["messages"], 0)
        self.ask("forget", "everything", code=2)
        self.ask("forget", "everything", "--yes")
        self.assertEqual(self.stats()["stats"]["messages"], 0)
        self.assertEqual(self.places(CANARY)[0:1], [])
        self.assertEqual(self.read("import", str(file)), {"ok": True, "messages": 0, "facts": 0, "forgotten": 6})
        self.assertEqual(self.places(CANARY)[0:1], [])
        self.assertEqual(self.ask("dead").stdout, "")

    def test_off_the_record_nothing_is_kept(self):
        self.assertEqual(self.ask("record").stdout, "on the record\n")
        self.ask("record", "off")
        wait_for("status says it", lambda: "off the record" in self.prot.run("status").stdout)
        self.say(f"My cat is {CANARY}.")
        self.ask("record", "on")
        chat = subprocess.run([PROT, "chat"], env=self.prot.environment, input="My drink is tea.\nforget that\nforget that\n",
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(chat.stdout.splitlines()[1:], ['I have forgotten what you said: "My drink is tea."',
                                                        "There is nothing to forget."])
        wait_for("neither is stored", lambda: self.stats()["stats"]["messages"] == 0)
        self.assertEqual([p for p in self.places(CANARY) if "/log/" not in p and "brain." not in p], [])

    def test_a_person_decides_on_what_waits_and_which_names_are_one(self):
        self.say("My password is hunter2.", "My sister is Anna.", "My friend is Anja.")
        wait_for("one waits", lambda: len(self.read("facts", "--waiting")["facts"]) == 1 and len(self.facts()) == 2, 30)
        self.assertIn("(quarantined: a credential)", self.ask("facts", "--all").stdout)
        self.assertNotIn("hunter2", self.facts())
        number = str(self.read("facts", "--waiting")["facts"][0]["id"])
        self.assertEqual(self.read("confirm", number)["facts"][0]["status"], "active")
        self.assertIn("hunter2", self.facts())
        self.ask("reject", number, code=4)
        self.assertIn(" = anna", self.ask("merge", "Anja", "Anna").stdout)
        self.ask("merge", "Anja", "Anna", code=4)
        self.assertIn("Anna (thing): anna\n", self.ask("entities").stdout)
        self.assertNotIn("=", self.ask("unmerge", "Anja").stdout)
        self.say("My sister is Ursula.")
        wait_for("a second one", lambda: "Ursula" in self.facts(), 30)
        why = self.ask("why", str(self.facts()["Ursula"])).stdout
        self.assertIn("over time:\n", why)
        self.assertIn("Anna", why)

    def test_the_same_in_a_conversation_asked_back_each_time(self):
        self.say("My password is hunter2.", "My sister is Anna.", "My friend is Anja.")
        wait_for("one waits", lambda: len(self.read("facts", "--waiting")["facts"]) == 1 and len(self.facts()) == 2, 30)
        asked = len(self.model.asked)
        chat = subprocess.run([PROT, "chat"], env=self.prot.environment, capture_output=True, text=True, timeout=60,
                              input="anything to confirm?\nyes, remember that\nAnja and Anna are the same person\nyes\n"
                                    "Anja and Anna are different people\nno\nanything to confirm?\n")
        self.assertEqual(chat.stdout.splitlines(), [
            'One thing waits for you. "The user\'s password is hunter2". Is that true?', "I will remember that.",
            '"anja", "anna". Shall I keep both as one, by the second name?', "They are one now.",
            '"anja", "anna". Shall I keep the two apart again?', "I will leave them as they are.", "Nothing waits for you."])
        self.assertEqual(len(self.model.asked), asked)
        self.assertIn("hunter2", self.facts())
        self.assertIn("anna", self.ask("entities", "Anja").stdout)
        self.assertEqual(self.stats()["stats"]["messages"], 6)  # none of it is one

    def test_bad_input_is_one_line_and_a_code(self):
        for code, arguments in ((2, ["forget", "all"]), (2, ["forget", "fact"]), (2, ["forget", "day", "2026-02-31"]),
                                (2, ["forget", "day", "Monday"]), (2, ["why", "x"]), (4, ["why", "99"]), (2, ["search"]),
                                (4, ["show", "12"]), (2, ["import"]), (1, ["import", "/nowhere"]), (1, ["import", "/"]), (2, ["dead", "retry"]),
                                (1, ["import", "--original"]), (4, ["forget", "entity", "Nobody"]), (4, ["confirm", "99"]), (4, ["reject", "99"]), (2, ["confirm"]),
                                (4, ["merge", "Nobody", "Somebody"]), (2, ["merge", "Nobody"]), (4, ["unmerge", "Nobody"]),
                                (4, ["entities", "Nobody"]), (2, ["dance"]), (2, [])):
            with self.subTest(arguments):
                done = self.ask(*arguments, code=code)
                self.assertEqual(done.stdout, "")
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertTrue(done.stderr.startswith("prot: "), done.stderr)
        file = self.prot.folder / "bad.jsonl"
        file.write_text('{"type":"message"}\nno JSON\n')
        self.assertIn(f"{file}:2: ", self.ask("import", str(file), code=2).stderr)
        self.prot.run("down")
        self.assertIn("is not running", self.ask("stats", code=3).stderr)


if __name__ == "__main__":
    if not BINARIES:
        print("PostgreSQL, or its system user, is not there")
        sys.exit(77)
    unittest.main(verbosity=2)
