"""Bad input to a running instance and to a start: one clear line, the documented exit code, and whatever runs is
left alone."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import unittest

from instance import ALONE, PROT, STAGES, Instance, alive, wait_for

NOBODY = 65534
ROOT = os.geteuid() == 0


def framed(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<I", len(data)) + data


@contextlib.contextmanager
def small_disk(folder, size="256k"):
    """A file system of its own; it goes even when somebody still has a file open there."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def can_mount():
    return ROOT and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


def fill(file):
    with open(file, "wb", buffering=0) as out, contextlib.suppress(OSError):
        while True:
            out.write(b"x" * 512)


class BadInput(unittest.TestCase):
    def one_line(self, done, code, *words):
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    @contextlib.contextmanager
    def untouched(self, prot):
        before = {s["name"]: (s["pid"], s["generation"]) for s in prot.status()["stages"]}
        yield
        status = prot.status()
        self.assertEqual(status["state"], "ready")
        self.assertEqual({s["name"]: (s["pid"], s["generation"]) for s in status["stages"]}, before)

    def answer(self, prot, data):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(prot.runtime / "control.sock"))
            client.sendall(data)
            return self.message(client)

    def message(self, client):
        """The next one; None: that was the last."""
        head = client.recv(4, socket.MSG_WAITALL)
        if not head:
            return None
        body = client.recv(struct.unpack("<I", head)[0], socket.MSG_WAITALL)
        self.assertNotIn(b"\n", body)
        return json.loads(body)

    def answer_as_nobody(self, prot, data):
        """What a client of another user is answered, one that asks whoever listens."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            with contextlib.suppress(Exception):
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                os.write(write, json.dumps(self.answer(prot, data)).encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as answers:
            text = answers.read()
        os.waitpid(child, 0)
        return json.loads(text)

    def test_malformed_control_messages(self):
        with Instance() as prot:
            prot.up()
            with self.untouched(prot):
                for data, code, word in (
                        (b"\xff\xff\xff\xff", 2, "too large"), (framed(""), 2, "not JSON"), (framed("nonsense"), 2, "not JSON"),
                        (framed("[" * 60000), 2, "nested"), (framed("[1,2]"), 2, "unknown command"),
                        (framed("{}"), 2, "unknown command"), (framed('{"cmd":7}'), 2, "unknown command"),
                        (framed(b'{"cmd":"\xff\xfe"}'), 2, "unknown command"),
                        (framed('{"cmd":"stop","stage":["x"]}'), 4, "no stage"),
                        (framed('{"cmd":"restart","stage":"nobody"}'), 4, "no stage"),
                        (framed('{"cmd":"wait","for":"tea"}'), 2, "wait"),
                        (framed('{"cmd":"logs","stage":"nobody"}'), 4, "no stage")):
                    with self.subTest(data[:30]):
                        said = self.answer(prot, data)
                        self.assertEqual(said["code"], code, said)
                        self.assertIn(word, said["error"])
                # Numbers out of all proportion are not undefined behaviour, and half a message is no message.
                for number in ("9223372036854775807", "-9223372036854775808", "1e300"):
                    self.assertEqual(self.answer(prot, framed('{"cmd":"wait","for":"ready","timeout_ms":%s}' % number)),
                                     {"ok": True})
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(str(prot.runtime / "control.sock"))
                    client.sendall(framed('{"cmd":"down"}')[:-1])

    @unittest.skipUnless(ROOT and shutil.which("setpriv"), "needs another user")
    def test_clients_that_only_connect_lock_nobody_out(self):
        with Instance() as prot, contextlib.ExitStack() as open_ones:
            prot.up()
            with self.untouched(prot):
                for _ in range(150):
                    client = open_ones.enter_context(socket.socket(socket.AF_UNIX))
                    client.connect(str(prot.runtime / "control.sock"))
                self.assertEqual(prot.run("status").returncode, 0)
            said = [line for line in prot.log() if "who asks for nothing is sent away" in line]
            self.assertEqual(len(said), 1)

    def test_many_that_wait_leave_a_clear_answer_for_the_next(self):
        with Instance() as prot, contextlib.ExitStack() as open_ones:
            prot.up()
            for _ in range(64):
                client = open_ones.enter_context(socket.socket(socket.AF_UNIX))
                client.connect(str(prot.runtime / "control.sock"))
                client.sendall(framed('{"cmd":"logs","lines":1,"follow":true}'))
                self.assertTrue(client.recv(4, socket.MSG_WAITALL))
            self.one_line(prot.run("status"), 1, "too many clients")
            open_ones.close()
            wait_for("room again", lambda: prot.run("status").returncode == 0, 5)

    def test_a_client_that_goes_in_the_middle_of_what_it_asked_for_takes_nobody_along(self):
        with Instance() as prot:
            prot.up()
            self.assertEqual(prot.run("stop", "tts").returncode, 0)
            supervisor = prot.supervisor()
            for request in ('{"cmd":"debug","stage":"tts","launch":true}', '{"cmd":"debug","stage":"stt"}'):
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(10)
                    client.connect(str(prot.runtime / "control.sock"))
                    client.sendall(framed('{"cmd":"logs","lines":0,"follow":true}'))
                    self.assertEqual(self.message(client), {"live": True})
                    os.kill(supervisor, signal.SIGSTOP)  # it hears the next one when nobody listens any more
                    client.sendall(framed(request))
                os.kill(supervisor, signal.SIGCONT)
                self.assertIn(prot.run("status").returncode, (0, 6))
                self.assertEqual(prot.supervisor(), supervisor)
            self.assertEqual(prot.run("start", "tts").returncode, 0)
            self.assertEqual({s["name"]: s["state"] for s in prot.status()["stages"]}, dict.fromkeys(STAGES, "ready"))
            said = "\n".join(prot.log())
            self.assertIn("tts is given back by its developer", said)
            self.assertIn("stt is given back by its debugger", said)

    def test_what_one_client_may_wait_for_is_bounded(self):
        with Instance() as prot, socket.socket(socket.AF_UNIX) as client:
            prot.up()
            self.assertEqual(prot.run("stop", "tts").returncode, 0)
            client.settimeout(10)
            client.connect(str(prot.runtime / "control.sock"))
            client.sendall(17 * framed('{"cmd":"wait","for":"ready","timeout_ms":86400000}'))
            self.assertEqual(self.message(client), {"error": "this connection waits for 16 things already", "code": 1})
            # What it was refused it does not hold: it throws nobody out when it goes.
            with socket.socket(socket.AF_UNIX) as leaving:
                leaving.settimeout(10)
                leaving.connect(str(prot.runtime / "control.sock"))
                leaving.sendall(16 * framed('{"cmd":"wait","for":"ready","timeout_ms":86400000}') + framed('{"cmd":"join","stage":"stt"}'))
                self.assertEqual(self.message(leaving), {"error": "this connection waits for 16 things already", "code": 1})
                joiner = prot.spawn("--join", prot.name, program=prot.stages / "prot-stt")
                wait_for("held", lambda: prot.stage("stt")["state"] == "held", 10)
            self.assertEqual((prot.stage("stt")["state"], joiner.poll()), ("held", None))
            joiner.kill()
            wait_for("given back", lambda: prot.stage("stt")["state"] == "ready", 10)
            with socket.socket(socket.AF_UNIX) as other:
                other.settimeout(10)
                other.connect(str(prot.runtime / "control.sock"))
                other.sendall(framed('{"cmd":"wait","for":"ready"}'))
                self.assertEqual(prot.run("start", "tts").returncode, 0)
                self.assertEqual(self.message(other), {"ok": True})
            for _ in range(16):
                self.assertEqual(self.message(client), {"ok": True})
            client.sendall(framed('{"cmd":"wait","for":"ready"}'))  # there is room again
            self.assertEqual(self.message(client), {"ok": True})

    def test_who_asks_for_the_end_many_times_is_told_of_it_once(self):
        with Instance() as prot, socket.socket(socket.AF_UNIX) as client:
            prot.up()
            client.settimeout(30)
            client.connect(str(prot.runtime / "control.sock"))
            client.sendall(100 * framed('{"cmd":"down"}'))
            said = []
            while (message := self.message(client)) is not None:
                said.append(message)
            lines = [message["progress"] for message in said if "progress" in message]
            self.assertEqual(len(lines), len(set(lines)), lines)
            self.assertEqual(sum("drained" in message for message in said), 1, said)

    def test_another_user_is_told_whose_instance_it_is(self):
        def as_nobody(*arguments):
            return subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", program, *arguments],
                                  env=prot.environment, capture_output=True, text=True, timeout=30)
        with Instance() as prot:
            program = prot.folder / "prot"
            shutil.copy(PROT, program)
            program.chmod(0o755)
            prot.up()
            with self.untouched(prot):
                self.one_line(as_nobody("status"), 1, "belongs to another user", "Permission denied")
                # Even if it could reach the socket: the kernel says who it is.
                for folder in (prot.folder / "run", prot.folder / "run/prot", prot.runtime):
                    folder.chmod(0o711)
                (prot.runtime / "control.sock").chmod(0o666)
                for command in ("status", "down"):
                    self.one_line(as_nobody(command), 1, f"another user listens on {prot.runtime}/control.sock")
                for request in ("status", "restart", "down", "wait"):
                    said = self.answer_as_nobody(prot, framed(json.dumps({"cmd": request, "stage": "stt", "for": "ready"})))
                    self.assertEqual(said, {"error": f"this instance belongs to user {os.geteuid()}: user {NOBODY} has no "
                                                     "business here", "code": 1})

    @unittest.skipUnless(can_mount(), "needs a file system of its own")
    def test_a_full_disk_costs_the_log_files_and_is_said_once(self):
        with Instance() as prot, small_disk(prot.folder / "state"):
            fill(prot.folder / "state/fill")
            up = prot.up()
            said = [line for line in up.stderr.splitlines() if "No space left" in line]
            self.assertEqual(len(said), 1, up.stderr)
            self.assertIn("pids", said[0])
            with self.untouched(prot):
                self.assertIn("ready", prot.run("logs", "stt").stdout)  # from memory
            self.assertEqual(prot.run("down").returncode, 0)

    @unittest.skipUnless(can_mount(), "needs a file system of its own")
    def test_a_disk_that_fills_up_touches_nobody(self):
        with Instance() as prot, small_disk(prot.folder / "state"):
            prot.up()
            with self.untouched(prot):
                fill(prot.folder / "state/fill")
                prot.run("logs")
            old = prot.stage("brain")["pid"]
            os.kill(old, signal.SIGKILL)
            wait_for("brain is back", lambda: (s := prot.stage("brain"))["state"] == "ready" and s["pid"] != old)
            self.assertEqual(prot.run("restart", "tts").returncode, 0)
            self.assertEqual(prot.run("down").returncode, 0)

    def test_a_read_only_state_folder(self):
        with Instance() as prot, contextlib.ExitStack() as stack:
            state = prot.folder / "state"
            if can_mount():
                stack.enter_context(small_disk(state))
                subprocess.run(["mount", "-o", "remount,ro", state], check=True)
            elif ROOT:
                self.skipTest("root writes everywhere")
            else:
                state.chmod(0o500)
                stack.callback(state.chmod, 0o700)
            for how in (["up", "-d"], ["up"]):
                self.one_line(prot.run(*how, *ALONE), 1, str(state))
            self.assertEqual(prot.segments(), [])
            self.assertEqual(prot.run("status").returncode, 3)

    def test_a_configuration_that_is_a_folder(self):
        with Instance() as prot:
            for command in (["up", "-d"], ["up"], ["check"]):
                self.one_line(prot.run(*command, "--config", str(prot.folder)), 2, str(prot.folder), "folder")
            self.assertEqual(prot.segments(), [])

    def test_a_program_that_disappears_fails_its_stage_and_no_other(self):
        with Instance() as prot:
            alone = prot.folder / "prot"  # beside no stages of its own
            shutil.copy(PROT, alone)
            self.assertEqual(prot.run("up", "-d", *ALONE, program=alone).returncode, 0)
            before = {s["name"]: s["pid"] for s in prot.status()["stages"] if s["name"] != "stt"}
            link = prot.stages / "prot-stt"
            target = link.readlink()
            link.unlink()
            os.kill(prot.stage("stt")["pid"], signal.SIGKILL)
            wait_for("it has failed", lambda: prot.stage("stt")["state"] in ("failed", "backoff") and
                     any("prot-stt is not there" in line for line in prot.log()))
            self.assertEqual(prot.status()["state"], "degraded")
            self.assertEqual({s["name"]: s["pid"] for s in prot.status()["stages"] if s["name"] != "stt"}, before)
            link.symlink_to(target)
            self.assertEqual(prot.run("restart", "stt").returncode, 0)
            self.assertEqual(prot.status()["state"], "ready")

    def test_of_two_starts_at_once_one_wins(self):
        with Instance() as prot:
            starts = [prot.spawn("up", "-d", *ALONE) for _ in range(2)]
            said = [(process, process.communicate(timeout=60)[1]) for process in starts]
            self.assertEqual(sorted(process.returncode for process, _ in said), [0, 1], said)
            loser = next(text for process, text in said if process.returncode == 1)
            self.assertEqual(loser, f"prot: instance '{prot.name}' is already running (pid {prot.supervisor()})\n")
            self.assertEqual(len(prot.status()["stages"]), len(STAGES))
            with self.untouched(prot):
                self.one_line(prot.run("up", *ALONE), 1, "already running", str(prot.supervisor()))
            self.assertTrue(alive(prot.supervisor()))

    def test_a_start_from_a_session_with_other_folders_is_refused(self):
        for folder in ("run", "state"):  # the state folder's lock; the segments
            with self.subTest(folder), Instance() as prot:
                prot.up()
                pid = prot.supervisor()
                name = {"run": "XDG_RUNTIME_DIR", "state": "XDG_STATE_HOME"}[folder]
                before = dict(prot.environment)
                pids = (prot.state / "pids").read_text()
                with self.untouched(prot):
                    prot.environment["XDG_RUNTIME_DIR"] = str(prot.folder / "run-2")  # else the first lock is in the way
                    prot.environment[name] = str(prot.folder / f"{folder}-2")
                    for changed in (name, "XDG_RUNTIME_DIR"):
                        pathlib.Path(prot.environment[changed]).mkdir(exist_ok=True)
                    second = prot.run("up", "-d", *ALONE)
                    prot.environment.update(before)
                self.one_line(second, 1, f"instance '{prot.name}' is already running (pid {pid})")
                self.assertEqual((prot.state / "pids").read_text(), pids)
                self.assertEqual(prot.run("down").returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
