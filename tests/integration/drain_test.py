"""prot down while memory extracts: every job is finished or handed back, the database stops last."""
import pathlib
import re
import unittest

from harness import Conversation, wait_for


class Drain(unittest.TestCase):
    def test_down_during_extraction_finishes_or_hands_back_every_job(self):
        with Conversation("drain", {"memory.extraction_idle_s": "0", "brain.max_tokens": "20"}) as talk:
            talk.ask("My favorite animal is the tiger.")
            talk.ask("My sister lives in Madrid.")
            wait_for("extraction under way", lambda: talk.sql(
                "SELECT count(*) FROM memory_job WHERE state IN ('ready', 'leased')") != "0", 20)
            waiting = int(talk.sql("SELECT count(*) FROM memory_job WHERE state IN ('ready', 'leased')"))
            said = talk.prot.down()
            match = re.search(r"DRAINED=(\d+) DEFERRED=(\d+)", said)
            self.assertIsNotNone(match, said)
            self.assertGreaterEqual(int(match[1]) + int(match[2]), waiting, said)
            logs = talk.folder / "state" / "prot" / talk.instance / "log"
            self.assert_database_stopped_last(logs)
            talk.up()
            self.assertEqual(talk.sql("SELECT count(*) FROM message WHERE role = 'user'"), "2")
            wait_for("deferred jobs are resumed", lambda: talk.sql(
                "SELECT count(*) FROM memory_job WHERE state NOT IN ('done')") == "0", 90, 0.5)
            self.assertNotEqual(talk.sql("SELECT count(*) FROM fact"), "0")

    def assert_database_stopped_last(self, logs: pathlib.Path) -> None:
        database = (logs / "db.log").read_text(errors="replace")
        self.assertIn("database system is shut down", database)
        self.assertNotIn("terminating connection", database, "a connection was cut: memory had not closed")


if __name__ == "__main__":
    unittest.main(verbosity=2)
