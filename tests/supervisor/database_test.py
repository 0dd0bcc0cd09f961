"""The private PostgreSQL as a child: made at first use, ready when it answers, gone with the supervisor."""
import ctypes
import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
import unittest

from instance import Instance, alive, children_of, wait_for

BINARIES = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
SETTINGS = ["--set", "llm.enabled=false"]
if os.geteuid() == 0:
    try:
        pwd.getpwnam("postgres")
        SETTINGS += ["--set", "db.user=postgres"]  # no new user for a test
    except KeyError:
        BINARIES = []


class Database(unittest.TestCase):
    def sql(self, prot, query):
        return subprocess.run([BINARIES[-1] + "/psql", "-h", str(prot.runtime / "db"), "-U", "prot", "-d", "prot",
                               "-Atc", query], capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    def test_its_data_outlives_a_clean_stop_and_a_killed_supervisor(self):
        with Instance(settings=SETTINGS) as prot:
            prot.up()
            self.assertEqual(self.sql(prot, "show listen_addresses"), "")
            self.sql(prot, "create table kept(n int); insert into kept values (1)")
            self.assertEqual(prot.run("down").returncode, 0)
            prot.up()
            self.sql(prot, "insert into kept values (2)")
            pid = prot.stage("db")["pid"]
            _, killed = prot.kill_supervisor()
            wait_for("the database is gone", lambda: not alive(pid), 2)
            print(f"database gone {1000 * (time.monotonic() - killed):.0f} ms after the supervisor")
            prot.up()
            self.assertEqual(self.sql(prot, "select sum(n) from kept"), "3")

    def test_what_a_killed_one_has_left_holds_up_no_start(self):
        self.adopt_orphans(True)  # and never collects them: to PostgreSQL the dead live
        self.addCleanup(self.adopt_orphans, False)
        with Instance(settings=SETTINGS) as prot:
            prot.up()
            self.sql(prot, "create table kept(n int); insert into kept values (1)")
            server = prot.stage("db")["pid"]
            left = children_of(server)[0]
            os.kill(left, signal.SIGSTOP)  # as one that waits for the disk: it has the shared memory
            try:
                prot.kill_supervisor()
                prot.up()
                self.assertFalse(alive(left))
                os.kill(server, 0)
                self.assertEqual(self.sql(prot, "select sum(n) from kept"), "1")
            finally:
                if alive(left):
                    os.kill(left, signal.SIGKILL)

    @staticmethod
    def adopt_orphans(adopt):
        ctypes.CDLL(None).prctl(36, int(adopt), 0, 0, 0)  # PR_SET_CHILD_SUBREAPER

    def test_a_cluster_of_another_version_is_told_and_left_alone(self):
        with Instance(settings=SETTINGS) as prot:
            cluster = prot.state / "db"
            cluster.mkdir(parents=True)
            (cluster / "PG_VERSION").write_text("9\n")
            done = prot.run("up", "-d", *prot.settings)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(f"{cluster} is a cluster of PostgreSQL 9", done.stderr)
            self.assertEqual([entry.name for entry in cluster.iterdir()], ["PG_VERSION"])

    def test_a_folder_that_cannot_be_looked_at_fails_the_start_with_one_line(self):
        with Instance(settings=SETTINGS) as prot:
            loop = prot.folder / "cluster"
            loop.symlink_to(loop)
            done = prot.run("up", "-d", *prot.settings, "--set", f"db.folder={loop}")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(f"db: cannot look at {loop}/PG_VERSION: Too many levels of symbolic links", done.stderr)
            self.assertEqual(prot.segments(), [])

    def test_a_folder_that_goes_away_under_it_takes_nobody_else_along(self):
        with Instance(settings=SETTINGS) as prot:
            prot.up()
            supervisor = prot.supervisor()
            others = {s["name"]: s["pid"] for s in prot.status()["stages"] if s["name"] != "db"}
            cluster = prot.state / "db"
            away = cluster.with_name("away")
            cluster.rename(away)
            cluster.symlink_to(cluster)
            os.kill(prot.stage("db")["pid"], signal.SIGKILL)
            wait_for("it has failed", lambda: prot.stage("db")["state"] == "failed")
            self.assertIn(f"db: cannot look at {cluster}/PG_VERSION", "\n".join(prot.log()))
            self.assertEqual(prot.supervisor(), supervisor)
            self.assertEqual({s["name"]: s["pid"] for s in prot.status()["stages"] if s["name"] != "db"}, others)
            cluster.unlink()
            away.rename(cluster)
            self.assertEqual(prot.run("start", "db").returncode, 0)
            self.assertEqual(self.sql(prot, "select 1"), "1")
            self.assertEqual(prot.run("down").returncode, 0)
            self.assertEqual(prot.segments(), [])

    def test_it_is_stopped_last_and_memory_waits_for_it(self):
        with Instance(settings=SETTINGS) as prot:
            prot.up()
            ready = [line.split()[0] for line in prot.log() if " ready in " in line]
            self.assertLess(ready.index("db"), ready.index("memory"))
            prot.run("down")
            log = prot.log()
            memory = next(i for i, line in enumerate(log) if line.startswith("memory drained"))
            database = next(i for i, line in enumerate(log) if line.startswith("db ended"))
            self.assertLess(memory, database)
            self.assertIn("database system is shut down", "\n".join(prot.log("db")[-3:]))

    def test_a_start_that_was_broken_off_is_done_again(self):
        with Instance(settings=SETTINGS) as prot:
            half = prot.state / "db.new"
            half.mkdir(parents=True)
            (half / "PG_VERSION").write_text("15\n")
            prot.up()
            self.assertFalse(half.exists())

    @unittest.skipUnless(os.geteuid() == 0, "needs another user")
    def test_a_folder_of_somebody_else_is_refused_with_one_line(self):
        with Instance(settings=SETTINGS) as prot:
            folder = prot.folder / "cluster"
            folder.mkdir()
            os.chown(folder, 65534, 65534)
            done = prot.run("up", "-d", *SETTINGS, "--set", f"db.folder={folder}")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("belongs to user 65534", done.stderr)
            self.assertEqual(prot.segments(), [])
            shutil.rmtree(folder)

    @unittest.skipUnless(os.geteuid() == 0, "needs another user")
    def test_a_runtime_folder_that_its_user_cannot_enter_works_by_a_link(self):
        with Instance(settings=SETTINGS) as prot:
            (prot.folder / "run").chmod(0o700)
            prot.up()
            self.assertTrue((prot.runtime / "db").is_symlink())
            self.assertEqual(self.sql(prot, "select 1"), "1")


if __name__ == "__main__":
    if not BINARIES:
        print("PostgreSQL, or its system user, is not there")
        sys.exit(77)
    unittest.main(verbosity=2)
