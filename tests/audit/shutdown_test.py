"""The audit's cases about background work and its end (F1, F8, F12, F14, F21), with the real brain, memory and web, and a
real PostgreSQL."""
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
for other in ("supervisor", "web"):
    sys.path.insert(0, str(FOLDER.parent / other))
from database_test import BINARIES, SETTINGS  # noqa: E402
from false_model import FalseModel  # noqa: E402
from instance import alive, wait_for  # noqa: E402
from web_instance import WebInstance, wait_for_web  # noqa: E402

LIMIT = 30  # s, for what takes none


class Work(unittest.TestCase):
    def setUp(self):
        self.model = FalseModel()
        self.addCleanup(self.model.close)
        settings = list(SETTINGS)
        for setting in (f"brain.url={self.model.url}", "memory.extraction_idle_s=0", "memory.drain_model_s=1",
                        "general.language=en"):
            settings += ["--set", setting]
        self.prot = self.enterContext(WebInstance(real=("brain", "memory"), settings=settings))

    def up(self, *extra):
        done = self.prot.run("up", "-d", *self.prot.settings, *extra)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_for_web("memory has its database", lambda: self.gauge("db_up") == 1, LIMIT)

    def say(self, text):
        done = self.prot.run("say", text)
        self.assertEqual(done.returncode, 0, done.stderr)

    def gauge(self, name):
        page = self.prot.page("/diagnostics")
        memory = next((stage for stage in page.get("stages", []) if stage["name"] == "memory"), {})
        return memory.get("counters", {}).get(name)

    def tasks(self):
        return self.prot.page("/diagnostics")["background_tasks"]

    def sql(self, query):
        return subprocess.run([BINARIES[-1] + "/psql", "-h", str(self.prot.runtime / "db"), "-U", "prot", "-d", "prot",
                               "-Atc", query], capture_output=True, text=True, timeout=LIMIT, check=True).stdout.strip()

    def extraction_hangs(self):
        self.model.hold_facts = True
        self.up()
        self.say("My cat is Tom.")
        wait_for("memory asks its model", lambda: self.model.asked["facts"] == 1, LIMIT)

    def test_background_work_is_counted_while_it_lasts(self):
        self.extraction_hangs()
        wait_for_web("one in flight", lambda: self.gauge("jobs_leased") == 1, LIMIT)
        self.assertEqual(self.tasks(), 1)
        page = self.prot.page("/diagnostics")
        self.assertGreaterEqual(page["asyncio_tasks"], 1)
        self.assertEqual(self.sql("SELECT kind, state FROM memory_job"), "extract|leased")
        self.model.go_on.set()
        wait_for_web("none", lambda: self.tasks() == 0, LIMIT)
        self.assertEqual(self.sql("SELECT DISTINCT state FROM memory_job"), "done")
        self.assertEqual(self.sql("SELECT object FROM fact"), "Tom")

    def test_work_that_fails_says_why_and_how_often(self):
        self.model.fail_facts = True
        self.up()
        self.say("My cat is Tom.")
        query = "SELECT state, attempts >= 1, last_error IS NOT NULL FROM memory_job"
        wait_for("its error", lambda: self.sql(query) == "ready|t|t", LIMIT)
        self.assertIn("JSON", self.sql("SELECT last_error FROM memory_job"))  # the model's answer was none
        wait_for_web("it is counted", lambda: self.tasks() == 1, LIMIT)

    def test_an_extraction_that_hangs_is_ready_again_behind_the_shutdown(self):
        self.extraction_hangs()
        left = [pid for pid in self.prot.pids().values() if pid] + [self.prot.supervisor()]
        began = time.monotonic()
        done = self.prot.run("down", timeout=60)
        print(f"shutdown with an extraction that hangs: {time.monotonic() - began:.1f} s")
        self.assertEqual(done.returncode, 7, done.stderr)  # deferred, and said so
        self.assertIn("DEFERRED=1", done.stdout + done.stderr)
        wait_for("nobody runs", lambda: not any(map(alive, left)), 5)  # the supervisor itself goes behind its answer
        wait_for("the question is hung up on", lambda: self.model.hung_up["facts"] == 1, LIMIT)
        self.assert_database_closed_behind_memory()

        self.model.hold_facts = False
        self.up("--set", "memory.extraction=false")
        self.assertEqual(self.sql("SELECT state, attempts, lease_token IS NULL FROM memory_job"), "ready|0|t")
        wait_for_web("it is counted", lambda: self.tasks() == 1, LIMIT)
        self.assertEqual(self.prot.run("down", timeout=60).returncode, 7)
        self.up()
        wait_for("it is resumed", lambda: self.sql("SELECT object FROM fact") == "Tom", LIMIT)
        wait_for_web("none is left", lambda: self.tasks() == 0, LIMIT)

    def assert_database_closed_behind_memory(self):
        log = self.prot.log()
        memory = next(i for i, line in enumerate(log) if line.startswith("memory drained"))
        database = next(i for i, line in enumerate(log) if line.startswith("db ended"))
        self.assertLess(memory, database)
        server = "\n".join(self.prot.log("db"))
        self.assertIn("database system is shut down", server)
        # One whose client had left, but that had no processor to notice, ends in vain: it cannot tell anybody.
        ended = set(re.findall(r"\[(\d+)\] FATAL:  terminating connection", server))
        left = set(re.findall(r"\[(\d+)\] LOG:  could not send data to client", server))
        self.assertEqual(ended - left, set(), server)
        self.assertNotIn("Connection reset by peer", server)

    def test_connections_are_free_again_after_any_death(self):
        self.up()
        size = wait_for_web("the pool", lambda: self.prot.page("/diagnostics")["db_pool_size"], LIMIT)
        self.assertGreaterEqual(size, 1)
        for number, fault in enumerate(("memory", "connections", "postmaster"), 1):
            with self.subTest(fault):
                self.break_by(fault)
                self.say(f"My {fault} is new.")
                wait_for("it is learnt", lambda: self.finished() == number, LIMIT)
                wait_for_web("all are free", self.all_free, LIMIT)

    def test_what_is_written_when_the_postmaster_dies_is_there_soon_after(self):
        self.up()
        self.sql("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(5); RETURN NEW; END $$; "
                 "CREATE TRIGGER slow BEFORE INSERT ON fact FOR EACH ROW EXECUTE FUNCTION slow(); "
                 # Nobody waits for the end of its lease, however slow the machine is.
                 "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.lease_until := now() + '50 min'; "
                 "RETURN NEW; END $$; CREATE TRIGGER late BEFORE UPDATE ON memory_job FOR EACH ROW "
                 "WHEN (NEW.state = 'leased') EXECUTE FUNCTION late()")
        self.say("My cat is Tom.")
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        wait_for("a fact is being written", lambda: self.sql(asleep) == "1", LIMIT)
        self.break_by("postmaster")
        wait_for("it is learnt", lambda: self.finished() == 1, LIMIT)
        wait_for_web("all are free", self.all_free, LIMIT)
        self.assertEqual(self.sql("SELECT object FROM fact"), "Tom")
        self.assertEqual(self.model.asked["facts"], 1)

    def finished(self):
        """Exchanges that are learnt; None while the database comes back."""
        with contextlib.suppress(subprocess.CalledProcessError):
            return int(self.sql("SELECT count(*) FROM memory_job WHERE kind = 'apply' AND state = 'done'"))

    def break_by(self, fault):
        if fault == "connections":
            self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
                     "backend_type = 'client backend'")
            return
        victim = "memory" if fault == "memory" else "db"
        pid = self.prot.pids()[victim]
        os.kill(pid, signal.SIGKILL)
        wait_for(f"another {victim}", lambda: self.prot.pids()[victim] not in (0, pid), LIMIT)
        wait_for_web("memory has its database", lambda: self.gauge("db_up") == 1, LIMIT)

    def all_free(self):
        page = self.prot.page("/diagnostics")
        return page["background_tasks"] == 0 and page["db_pool_size"] >= 1 and page["db_pool_free"] == page["db_pool_size"]

    def test_a_stream_of_the_model_ends_with_its_brain(self):
        self.model.hold_replies = True
        self.up()
        talk = self.prot.spawn("say", "My cat is Tom.")
        wait_for("the answer has begun", lambda: self.model.asked["reply"] == 1, LIMIT)
        os.kill(self.prot.pids()["brain"], signal.SIGKILL)
        wait_for("its stream is closed", lambda: self.model.hung_up["reply"] == 1, LIMIT)
        self.model.go_on.set()  # for the next brain, which asks again
        self.assertEqual(talk.wait(LIMIT), 0)
        self.assertIn("I have noted it.", talk.communicate()[0])


if __name__ == "__main__":
    if not BINARIES:
        print("PostgreSQL, or its system user, is not there")
        sys.exit(77)
    unittest.main(verbosity=2)
