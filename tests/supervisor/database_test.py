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
    def ask(self, prot, query, user="prot", database="prot"):
        return subprocess.run([BINARIES[-1] + "/psql", "-h", str(prot.runtime / "db"), "-U", user, "-d", database,
                               "-Atc", query], capture_output=True, text=True, timeout=10)

    def sql(self, prot, query):
        done = self.ask(prot, query)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def check_confined(self, prot):
        """Memory's role is the only one that is let in, and it can do nothing outside the database."""
        mark = prot.folder / "mark"
        for query in (f"copy (select 1) to program 'touch {mark}'", f"copy (select 1) to '{mark}'",
                      "create table t(x text); copy t from '/etc/passwd'", "select pg_read_file('/etc/passwd')",
                      "select lo_import('/etc/passwd')", "alter system set archive_command = 'true'",
                      "create role other superuser", "alter role prot superuser", "set role prot_admin",
                      "update pg_authid set rolsuper = true where rolname = 'prot'"):
            with self.subTest(query):
                done = self.ask(prot, query)
                self.assertEqual(done.returncode, 1, query)
                self.assertRegex(done.stderr, "permission denied|must be superuser")
        self.assertFalse(mark.exists())
        for user, database in (("prot_admin", "prot"), ("prot", "postgres"), ("postgres", "prot")):
            done = self.ask(prot, "select 1", user, database)
            self.assertEqual(done.returncode, 2, (user, database))
            self.assertIn("no pg_hba.conf entry", done.stderr)

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

    def test_who_has_its_socket_can_run_no_program_and_read_no_file(self):
        with Instance(settings=SETTINGS) as prot:
            prot.up()
            self.check_confined(prot)
            self.sql(prot, "create table kept(n int); insert into kept values (1); drop table kept")

    def test_a_cluster_of_an_earlier_version_is_taken_over_with_its_data(self):
        with Instance(settings=SETTINGS) as prot:
            self.make_as_earlier(prot.state / "db")
            prot.up()
            self.assertEqual(self.sql(prot, "select n, m from kept"), "1|calm")
            self.check_confined(prot)
            # Whatever memory does with what is its own; the trigger is of that time.
            self.sql(prot, "insert into kept(m) values ('calm'); alter table kept add more int; "
                           "create or replace function told() returns trigger language plpgsql as 'begin return new; end'")
            self.assertEqual(self.sql(prot, "select max(n) from kept"), "2")
            self.assertEqual(self.sql(prot, "select count(*) from pg_class c join pg_namespace n on n.oid = relnamespace "
                                            "where nspname = 'public' and relowner <> 'prot'::regrole"), "0")
            prot.run("down")
            prot.up()  # twice is as once
            self.assertEqual(self.sql(prot, "select count(*) from kept"), "2")

    @staticmethod
    def make_as_earlier(cluster):
        """The role that memory uses is the superuser and everybody's."""
        cluster.parent.mkdir(parents=True)
        for folder in (cluster.parent.parent, cluster.parent):
            folder.chmod(0o711)
        cluster.mkdir(mode=0o700)
        user = {}
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            os.chown(cluster, entry.pw_uid, entry.pw_gid)
            user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        single = [BINARIES[-1] + "/postgres", "--single", "-D", str(cluster)]
        statements = ("create type mood as enum ('calm')\n"
                      "create table kept(n int generated always as identity, m mood)\n"
                      "create function told() returns trigger language plpgsql as 'begin return new; end'\n"
                      "create trigger told before insert on kept for each row execute function told()\n"
                      "insert into kept(m) values ('calm')\n")
        for command, words in (([BINARIES[-1] + "/initdb", "-D", str(cluster), "-N", "-E", "UTF8", "--locale=C.UTF-8", "-U",
                                 "prot", "--auth=trust"], ""),
                               ([*single, "postgres"], "CREATE DATABASE prot\n"), ([*single, "prot"], statements)):
            subprocess.run(command, input=words, cwd="/", capture_output=True, text=True, timeout=60, check=True, **user)

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
