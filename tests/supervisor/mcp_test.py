"""MCP servers of a running prot: each that misbehaves is in `prot status` and in one line of brain's log, the others work on,
and none has more of the environment than it was given."""
import ctypes
import json
import os
import pathlib
import signal
import sys
import unittest

from doctor_test import Doctor
from instance import wait_for

SERVER = str(pathlib.Path(__file__).resolve().parents[1] / "support" / "mcp_server.py")
SECRET = "sk-mcp-canary-4f1c"
MISDEEDS = {"silent": ("does not answer at its start",),
            "garbage": ("writes what is no JSON",),
            "flood": ("floods", "does not answer at its start"),  # the latter on a machine with no time for a flood
            "exit_at_start": ("exited with code 3",)}


class Brain(Doctor):
    def __init__(self, servers, **settings):
        super().__init__(brain__tools="on", mcp__servers=json.dumps(servers), mcp__start_timeout_ms="3000", **settings)
        self.mark = f"mark-{self.name}"
        self.environment |= {"MARK": self.mark, "GIVEN_KEY": "given", "ANTHROPIC_API_KEY": SECRET, "OTHER_NAME": "other"}

    def __enter__(self):
        super().__enter__()
        done = self.run("up", "-d", *self.arguments())
        if done.returncode != 0:
            self.__exit__()
            raise AssertionError(done.stderr)
        return self

    def words(self):
        return next(s for s in self.status()["stages"] if s["name"] == "brain").get("status", "")

    def servers(self):
        """{pid: environment} of the running ones."""
        found = {}
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if (entry / "cmdline").read_bytes().split(b"\0")[1:2] != [SERVER.encode()]:
                    continue
                pairs = (entry / "environ").read_bytes().decode().split("\0")
            except OSError:
                continue
            environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
            if environment.get("MARK") == self.mark:
                found[int(entry.name)] = environment
        return found


def server(name, *options):
    return {"name": name, "command": [sys.executable, SERVER, *options], "environment": ["MARK", "GIVEN_KEY", "MODE=read"]}


class Servers(unittest.TestCase):
    def test_each_misdeed_is_told_and_the_others_work_on(self):
        for fault, reasons in MISDEEDS.items():
            with self.subTest(fault=fault), Brain([server("ill", "--fault", fault), server("well")]) as prot:
                wait_for(fault, lambda: any(f"ill: down: {reason}" in prot.words() for reason in reasons), 30)
                wait_for("the other one", lambda: "well: 7 tools" in prot.words(), 30)
                told = [line for line in prot.log("brain") if line.startswith("MCP server ill") and "wrote at last" not in line]
                self.assertEqual(len(told), 1, told)
                self.assertTrue(any(reason in told[0] for reason in reasons), told)
                # It is tried again now and then.
                wait_for("prot status says so", lambda: "ill: down: " in prot.run("status").stdout, 20)

    def test_one_that_dies_is_told_and_comes_back(self):
        with Brain([server("one"), server("two")]) as prot:
            wait_for("both", lambda: "one: 7 tools; two: 7 tools" in prot.words(), 30)
            before = prot.servers()
            self.assertEqual(len(before), 2)
            os.kill(min(before), signal.SIGKILL)
            wait_for("its death in the log", lambda: any("killed by signal 9" in line for line in prot.log("brain")), 20)
            wait_for("both again", lambda: len(prot.servers()) == 2 and "one: 7 tools; two: 7 tools" in prot.words(), 30)
            self.assertEqual(len(set(prot.servers()) & set(before)), 1)

    def test_a_server_has_what_it_was_given_and_what_every_program_needs(self):
        with Brain([server("one")]) as prot:
            wait_for("it", lambda: "one: 7 tools" in prot.words(), 30)
            (environment,) = prot.servers().values()
            self.assertEqual((environment["GIVEN_KEY"], environment["MODE"]), ("given", "read"))
            self.assertLessEqual(set(environment), {"MARK", "GIVEN_KEY", "MODE", "PATH", "HOME", "USER", "LANG", "LC_ALL",
                                                    "LC_CTYPE", "TMPDIR", "TZ", "XDG_CACHE_HOME"})
            self.assertNotIn(SECRET, environment.values())

    def test_the_last_words_of_one_that_never_had_tools_are_in_the_log_and_steer_no_terminal(self):
        """Without general.log_content: nothing was said to it. One that dies in a call: tests/brain/mcp_test.cpp."""
        with Brain([server("ill", "--fault", "exit_at_start")]) as prot:
            wait_for("its words", lambda: any("wrote at last: no licence" in line for line in prot.log("brain")), 30)
            files = b"".join(file.read_bytes() for file in prot.state.glob("log/*.log"))
            self.assertIn(b"no licence \\u202efor\\u009b2Jyou", files)
            for output in (prot.run("logs").stdout, prot.run("logs", "--json").stdout, files.decode()):
                self.assertIn("no licence", output)
                self.assertNotIn("\u009b", output)
                self.assertNotIn("\u202e", output)

    def test_what_a_server_says_of_itself_steers_no_terminal(self):
        with Brain([server("ill", "--fault", "steers")]) as prot:
            wait_for("it", lambda: "ill: down: refuses: " in prot.words(), 30)
            self.assertIn("not\u009b2J to\u202eday\u001b[1m error: all", prot.words())
            for words in (["status"], ["status", "-v"], ["status", "--json"], ["logs"], ["logs", "--json"]):
                output = prot.run(*words).stdout
                self.assertIn("refuses: not", output)
                for steering in ("\u009b", "\u202e", "\u001b"):
                    self.assertNotIn(steering, output, words)

    def test_a_server_sees_no_key_in_the_memory_of_brain_its_guardian_or_the_supervisor(self):
        """As the same user, with and without brain's sandbox."""
        if ctypes.CDLL(None).syscall(444, None, 0, 1) < 1:  # landlock_create_ruleset: its version
            self.skipTest("this kernel has no Landlock")
        for sandbox in ("true", "false"):
            with self.subTest(sandbox=sandbox):
                prot = Brain([], supervisor__sandbox=sandbox)
                seen = prot.runtime / "seen"  # where brain and its servers write, whatever else is taken from them
                keyed = {**server("two"), "environment": ["MARK", "KEY_OF_TWO"]}  # so brain has it, and not the first one
                prot.values["mcp.servers"] = json.dumps([keyed, server("one", "--spy", str(seen))])
                prot.environment["KEY_OF_TWO"] = SECRET
                with prot:
                    wait_for("both", lambda: "two: 7 tools; one: 7 tools" in prot.words(), 30)
                    found = json.loads(seen.read_text())
                    self.assertTrue(any(who.startswith("other ") for who in found), found)
                    for who, files in found.items():
                        self.assertEqual(set(files.values()), {"PermissionError"}, (who, files))


if __name__ == "__main__":
    unittest.main(verbosity=2)
