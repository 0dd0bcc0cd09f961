"""Other users of the machine: what they put where everybody may put something (/tmp, /dev/shm, a working folder) is
neither asked, nor obeyed, nor ended, and keeps nobody from starting."""
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import threading
import unittest

from instance import ALONE, FIXTURE, PROT, STAGES, Instance, alive, wait_for

NOBODY = 65534
ROOT = os.geteuid() == 0
SOCKETS = ("control.sock", "chat.sock", "memory.sock")


@contextlib.contextmanager
def as_nobody(work):
    """A process of another user that runs work(tell) and lives until the end; goes on when it has told."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            work(lambda: os.write(write, b"x"))
        finally:
            os._exit(1)
    os.close(write)
    try:
        with os.fdopen(read, "rb") as told:
            assert told.read(1) == b"x", "the other user could not begin"
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def impersonate(folder, heard):
    """Listens where prot would, writes down what it is told, and gives the answers that keep a client talking."""
    def serve(listener):
        while True:
            client = listener.accept()[0]
            threading.Thread(target=talk, args=(client,), daemon=True).start()

    def talk(client):
        while data := client.recv(65536):
            with open(heard, "ab") as file:
                file.write(data)
            text = b'{"type":"hello","conversation":"c","ok":true}'
            client.sendall(text + b"\n" if data.startswith(b"{") else struct.pack("<I", len(text)) + text)

    def work(tell):
        folder.mkdir(parents=True, exist_ok=True)
        for name in SOCKETS:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(folder / name))
            (folder / name).chmod(0o777)
            listener.listen()
            threading.Thread(target=serve, args=(listener,), daemon=True).start()
        tell()
        signal.pause()

    return as_nobody(work)


class Namesake(Instance):
    """An instance that has the name of another one, and may be another user's."""

    def __init__(self, name=None, user=0):
        super().__init__()
        self.user = user
        if name:
            self.name = name
            self.environment["PROT_INSTANCE"] = name
            self.state = self.folder / "state/prot" / name
            self.runtime = self.folder / "run/prot" / name
        self.program = self.folder / "prot"
        shutil.copy(PROT, self.program)
        fixture = self.folder / "fixture-stage"  # the build folder may be closed to others
        shutil.copy(FIXTURE, fixture)
        for stage in STAGES:
            (self.stages / f"prot-{stage}").unlink()
            (self.stages / f"prot-{stage}").symlink_to(fixture)
        subprocess.run(["chown", "-R", "-h", f"{user}:{user}", self.folder], check=True)

    def run(self, *arguments, timeout=90, program=None):
        return subprocess.run([program or self.program, *arguments], env=self.environment, capture_output=True, text=True,
                              timeout=timeout, stdin=subprocess.DEVNULL, cwd=self.folder, user=self.user, group=self.user,
                              extra_groups=[])

    def segments(self):
        return [path for path in super().segments() if os.stat(path).st_uid == self.user]

    def pids(self):
        return {stage["name"]: stage["pid"] for stage in self.status()["stages"]}


class Base(unittest.TestCase):
    def one_line(self, done, code, *words):
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)


@unittest.skipUnless(ROOT, "needs another user")
class Squatted(Base):
    COMMANDS = (["status"], ["say", "my bank PIN is 1234"], ["chat"], ["memory", "search", "PIN"], ["memory", "stats"], ["restart", "stt"],
                ["logs"], ["logs", "-f"], ["log-level", "debug"], ["reload"], ["wait", "ready"], ["down"], ["debug", "stt"],
                ["debug", "stt", "--launch"])

    @contextlib.contextmanager
    def place(self):
        """An instance that does not run, where XDG_RUNTIME_DIR is not set and everybody has the same TMPDIR."""
        with Instance() as prot:
            temporary = prot.folder / "tmp"
            temporary.mkdir()
            temporary.chmod(0o1777)
            tools = prot.folder / "tools"
            tools.mkdir()
            (tools / "gdb").write_text(f"#!/bin/sh\ntouch {prot.folder}/debugged\n")
            (tools / "gdb").chmod(0o755)
            del prot.environment["XDG_RUNTIME_DIR"]
            prot.environment |= {"TMPDIR": str(temporary), "PATH": f"{tools}:{prot.environment['PATH']}"}
            heard = prot.folder / "heard"
            heard.touch()
            os.chown(heard, NOBODY, NOBODY)
            yield prot, temporary / f"prot-{os.geteuid()}/prot" / prot.name, heard

    def refused(self, prot, heard, why):
        for command in self.COMMANDS:
            with self.subTest(command):
                self.one_line(prot.run(*command, timeout=20), 1, why)
        self.assertEqual(heard.read_bytes(), b"")
        self.assertFalse((prot.folder / "debugged").exists())
        said = json.loads(prot.run("doctor", "--json").stdout)["checks"]
        self.assertTrue(any(one["verdict"] == "fail" and why in one["finding"] for one in said), said)

    def test_nothing_is_told_to_whoever_made_the_runtime_folder(self):
        with self.place() as (prot, folder, heard), impersonate(folder, heard):
            owner = f"{folder.parents[1]} belongs to user {NOBODY}, not to you"
            self.refused(prot, heard, owner)
            self.one_line(prot.run("up", "-d", *ALONE), 1, owner)
            self.assertEqual(prot.segments(), [])

    def test_nothing_is_told_to_whoever_listens_in_a_folder_of_ours(self):
        with self.place() as (prot, folder, heard):
            folder.mkdir(parents=True)
            folder.chmod(0o1777)
            with impersonate(folder, heard):
                self.refused(prot, heard, f"another user listens on {folder / 'control.sock'}"[:-len("control.sock")])

    def test_a_runtime_folder_that_others_may_change_starts_nothing(self):
        with self.place() as (prot, folder, _heard):
            folder.parents[2].chmod(0o777)
            self.one_line(prot.run("up", "-d", *ALONE), 1, f"{folder.parents[2]} may be changed by others (mode 777): the runtime "
                          "folder must be in folders that only you may change (set XDG_RUNTIME_DIR to one)")
            self.assertEqual(prot.segments(), [])
            self.one_line(prot.run("status"), 1, "is not asked: folder")

    def test_nothing_is_made_in_the_runtime_folder_of_another_user(self):
        with Instance() as prot:  # as sudo has it that keeps the environment
            theirs = prot.folder / "run"
            os.chown(theirs, NOBODY, NOBODY)
            for command in (["up", "-d", *ALONE], ["status"]):
                self.one_line(prot.run(*command), 1, f"folder {theirs} belongs to user {NOBODY}, not to you")
            self.assertEqual(list(theirs.iterdir()), [])


@unittest.skipUnless(ROOT, "needs another user")
class SameName(Base):
    def test_two_users_have_an_instance_of_one_name_each(self):
        with Namesake(user=NOBODY) as theirs, Namesake(theirs.name) as ours:
            theirs.up()
            before = theirs.pids()
            ours.up()  # while theirs runs
            self.assertEqual(theirs.pids(), before)
            self.assertTrue(all(alive(pid) for pid in before.values()))
            theirs.kill_supervisor()
            wait_for("theirs has ended", lambda: not any(alive(pid) for pid in before.values()))
            held = set(theirs.segments())
            self.assertTrue(held)
            self.assertEqual(ours.run("down").returncode, 0)
            up = ours.up()  # while theirs lies there
            self.assertNotIn("earlier run", up.stderr)
            self.assertEqual(set(theirs.segments()), held)
            self.assertIn("an earlier run ended hard", theirs.up().stderr)
            self.assertEqual(ours.status()["state"], "ready")

    def test_names_that_another_user_made_up_keep_nobody_from_starting_and_end_nobody(self):
        with Namesake() as ours, contextlib.ExitStack() as planted:
            ours.up()
            before = ours.pids()
            run = ours.segments()[0].split(".")[-2]
            for name in (f"{ours.name}.000000000000.turns", f"{ours.name}x.{run}.x", f"{ours.name}x.{run}.turns"):
                path = pathlib.Path("/dev/shm/prot." + name)
                path.touch()
                planted.callback(path.unlink)
                os.chown(path, NOBODY, NOBODY)
            other = planted.enter_context(Namesake(ours.name + "x"))
            other.up()
            self.assertEqual(ours.pids(), before)
            self.assertEqual(ours.run("down").returncode, 0)
            self.assertNotIn("earlier run", ours.up().stderr)


class Configuration(Base):
    @contextlib.contextmanager
    def place(self):
        with Namesake(user=os.geteuid()) as prot:
            toml = prot.folder / "config/prot/prot.toml"
            toml.parent.mkdir()
            toml.write_text("[stt]\nthreads = 1\n")
            env = prot.folder / ".env"
            env.write_text("HASS_URL=http://elsewhere:8123\n")
            env.chmod(0o600)
            self.assertEqual(prot.run("check", *ALONE).returncode, 0)
            yield prot, toml, env

    def check(self, prot, file, why):
        for command in (["check"], ["up", "-d"], ["up"]):
            self.one_line(prot.run(*command, *ALONE), 2, f"{file}: is not obeyed: it {why}")
        self.assertEqual(prot.segments(), [])

    @unittest.skipUnless(ROOT, "only root gives a file away")
    def test_a_file_of_another_user_is_not_obeyed(self):
        with self.place() as (prot, *files):
            for file in files:
                with self.subTest(file):
                    os.chown(file, NOBODY, NOBODY)
                    self.check(prot, file, f"belongs to user {NOBODY}, not to you")
                    os.chown(file, 0, 0)

    def test_a_file_that_others_may_change_is_not_obeyed(self):
        with self.place() as (prot, *files):
            for file in files:
                with self.subTest(file):
                    mode = file.stat().st_mode & 0o777
                    file.chmod(0o606)
                    self.check(prot, file, "may be changed by others (mode 606)")
                    file.chmod(mode)

    def test_a_reload_keeps_what_was_obeyed(self):
        with self.place() as (prot, toml, _env):
            prot.up()
            toml.write_text("[stt]\nthreads = 2\n")
            toml.chmod(0o666)
            self.one_line(prot.run("reload"), 2, f"{toml}: is not obeyed")
            toml.chmod(0o644)
            self.assertIn("stt.threads: 1 -> 2", prot.run("reload").stdout)

    def test_without_a_home_it_is_the_users_own(self):
        with self.place() as (prot, *_):
            for name in ("HOME", "XDG_CONFIG_HOME"):
                del prot.environment[name]
            home = pathlib.Path(pwd.getpwuid(os.geteuid()).pw_dir)
            said = json.loads(prot.run("check", "--json", *ALONE).stdout)
            self.assertEqual(said["file"], str(home / ".config/prot/prot.toml"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
