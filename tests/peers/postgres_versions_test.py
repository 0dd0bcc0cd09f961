"""prot's memory on each PostgreSQL that it is said to run with, where Debian has only one: the tests of its store, of drains and
outages, and prot's own start of a private server."""
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import unittest

import peers

BUILD = peers.PROT_BIN.parent
os.environ["PROT"] = str(peers.PROT_BIN / "prot")
os.environ.setdefault("FIXTURE_STAGE", "/nonexistent")
from instance import Instance, wait_for  # noqa: E402
from with_postgres import postgres_programs  # noqa: E402

PROGRAMS = ("memory_database_test", "memory_vectors_database_test", "memory_outage_test")


@contextlib.contextmanager
def programs(version):
    """Of the package, where the user that runs the server can go; npm's form has links as a list."""
    package = peers.PEERS / f"node_modules/postgres-{version}"
    with tempfile.TemporaryDirectory(prefix=f"prot-postgres-{version}-") as folder:
        os.chmod(folder, 0o755)
        shutil.copytree(package / "native", f"{folder}/native", symlinks=True)
        for link in json.loads((package / "native/pg-symlinks.json").read_text()):
            target = pathlib.Path(folder) / link["target"]
            if not target.is_symlink():
                target.symlink_to(os.path.relpath(link["source"], os.path.dirname(link["target"])))
        yield f"{folder}/native/bin"


def private_server_settings(folder):
    settings = {"db.program_folder": folder, "llm.enabled": "false", "memory.extraction": "false"}
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            settings["db.user"] = pwd.getpwnam("postgres").pw_name
    return [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]


class WithServers(unittest.TestCase):
    def tests(self, names, version, folder):
        for program in names:
            with self.subTest(program=program):
                done = subprocess.run([BUILD / "tests/memory" / program], capture_output=True, text=True, timeout=300,
                                      env={**os.environ, "PROT_TEST_POSTGRES": folder, "PROT_TEST_POSTGRES_VERSION": version})
                self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-1000:])

    def own_server(self, version, folder, pgvector):
        with Instance(stages=[], settings=private_server_settings(folder)) as prot:
            (prot.stages / "prot-memory").symlink_to(BUILD / "memory/prot-memory")
            for _ in range(2):  # made, then found
                done = prot.run("up", "db", "memory", "-d", *prot.settings)
                self.assertEqual(done.returncode, 0, done.stderr)
                wait_for("memory has its database", lambda: json.loads(
                    prot.run("memory", "stats", "--json").stdout or "{}").get("database") == "up", 30)
                shown = subprocess.run(["psql", "-h", prot.runtime / "db", "-U", "prot", "-d", "prot", "-Atc", "SHOW server_version"],
                                       capture_output=True, text=True, timeout=20, check=True).stdout
                self.assertTrue(shown.startswith(version + "."), shown)
                self.assertIn(pgvector, prot.run("memory", "stats").stdout)
                self.assertEqual(prot.run("down").returncode, 0)


class Versions(WithServers):
    def of(self, version):
        with programs(version) as folder:
            self.tests(PROGRAMS, version, folder)
            with self.subTest(program="prot"):
                self.own_server(version, folder, "pgvector not present")

    def test_13(self):
        self.of("13")

    def test_14(self):
        self.of("14")

    def test_16(self):
        self.of("16")

    def test_17(self):
        self.of("17")

    def test_18(self):
        self.of("18")


class WithPgvector(WithServers):
    """The same where the server has pgvector: nothing of it is used before memory lacks room."""
    def test_16_with_0_6(self):
        with postgres_programs(peers.PEERS / "pgvector") as folder:
            self.tests((*PROGRAMS, "memory_pgvector_test"), "16", folder)
            with self.subTest(program="prot"):
                self.own_server("16", folder, "pgvector 0.6.2 present, not in use")


if __name__ == "__main__":
    peers.main()
