"""prot as a service: systemd's units by systemd's own tools, sd_notify by a socket of the test, PID 1 of a container."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from instance import ALONE, PROT, STAGES, Instance, alive, children_of, wait_for

UNITS = pathlib.Path(os.environ["UNITS"])


class Units(unittest.TestCase):
    """The files as they are installed; systemd must not run for it."""

    # Highest exposure that systemd-analyze may count. What the system's unit is charged for, and why it stays: the
    # network (0.5 + 0.3 + 0.2: configured services), devices (0.2 + 0.1: sound, GPU), real time and @resources (0.1 + 0.2:
    # the player), PrivateUsers and RootDirectory (0.2 + 0.1: not tried), AF_UNIX, AF_NETLINK (0.1 each: control socket,
    # name lookup), write-and-execute (0.1: GPU libraries), /proc (0.1: figures of the machine), RemoveIPC and the group
    # audio (0.1 each). A user's unit is counted as if it were root's with all its capabilities, and what needs a
    # name space of its own stays out of it.
    BARS = {"prot-system.service": 1.8, "prot.service": 6.5}

    def setUp(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("systemd-analyze is not installed")
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="prot-units-")))

    def enterContext(self, context):  # noqa: N802, in unittest from Python 3.11 on
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def unit(self, name):
        """With the program where this build has it: verify looks for it."""
        text = re.sub(r"ExecStart=\S+", f"ExecStart={PROT}", (UNITS / name).read_text())
        file = self.folder / name
        file.write_text(text)
        return file

    def analyze(self, *arguments):
        environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(self.folder), "SYSTEMD_LOG_LEVEL": "warning"}
        return subprocess.run(["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True,
                              env=environment, timeout=60)

    def test_verify_has_nothing_to_say(self):
        for name in self.BARS:
            with self.subTest(name):
                mode = ["--user"] if name == "prot.service" else []
                done = self.analyze("verify", "--man=no", *mode, str(self.unit(name)))
                self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_verify_would_have_found_a_mistake(self):
        file = self.unit("prot-system.service")
        file.write_text(file.read_text().replace("WatchdogSec=10", "WatchdogSex=10"))
        self.assertIn("WatchdogSex", self.analyze("verify", "--man=no", str(file)).stderr)

    def test_exposure_stays_below_its_bar(self):
        for name, bar in self.BARS.items():
            with self.subTest(name):
                done = self.analyze("security", "--offline=true", str(self.unit(name)))
                exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)[1])
                print(f"{name}: exposure {exposure}, bar {bar}")
                self.assertLessEqual(exposure, bar)

    def test_an_installation_has_them_and_the_manual_and_the_completions(self):
        plan = json.loads(subprocess.run(["meson", "introspect", "--installed", str(UNITS.parent)], capture_output=True,
                                         text=True, check=True).stdout).values()
        for end in ("/lib/systemd/user/prot.service", "/lib/systemd/system/prot-system.service", "/man/man1/prot.1",
                    "/man/man1/prot-top.1", "/bash-completion/completions/prot", "/zsh/site-functions/_prot", "/bin/prot"):
            self.assertTrue([path for path in plan if path.endswith(end)], end)
        program = next(path for path in plan if path.endswith("/bin/prot"))
        for name in self.BARS:
            self.assertIn(f"\nExecStart={program} up\n", (UNITS / name).read_text())

    def test_what_is_installed_runs(self):
        plan = json.loads(subprocess.run(["meson", "introspect", "--installed", str(UNITS.parent)], capture_output=True,
                                         text=True, check=True).stdout)
        missing = [source for source in plan if not pathlib.Path(source).exists()]
        if missing:
            self.skipTest(f"this build is not whole: {missing[0]} is not built")
        subprocess.run(["meson", "install", "-C", str(UNITS.parent), "--no-rebuild", "--destdir", str(self.folder)],
                       capture_output=True, check=True)
        for program in self.folder.glob("**/bin/prot*"):
            done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30)
            self.assertEqual((done.returncode, done.stdout.split()[0], done.stderr), (0, program.name, ""))
        self.assertEqual(len(list(self.folder.glob("**/bin/prot*"))), 9)

    def test_what_the_drain_needs(self):
        for name in self.BARS:
            text = (UNITS / name).read_text()
            for line in ("Type=notify", "NotifyAccess=main", "KillMode=mixed", "WatchdogSec=10", "Restart=on-failure",
                         "RestartSec=200ms", "LimitRTPRIO=20", "LimitMEMLOCK=256M", "LimitCORE=infinity"):
                self.assertRegex(text, f"(?m)^{re.escape(line)}$")
            self.assertRegex(text.split("[Service]")[0], r"(?m)^StartLimitIntervalSec=0$")  # down for good never
            self.assertGreater(int(re.search(r"(?m)^TimeoutStopSec=(\d+)s$", text)[1]), 120)
        text = (UNITS / "prot-system.service").read_text()
        self.assertRegex(text, r"(?m)^After=postgresql\.service sound\.target")
        self.assertRegex(text, r"(?m)^RemoveIPC=no$")  # else the turns of a killed run are gone


class Manager:
    """The end of sd_notify that systemd has."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.seen = []  # (when, "READY=1")

    def read(self, timeout=0.0):
        self.socket.settimeout(timeout or 0.000001)
        with contextlib.suppress(TimeoutError, socket.timeout, BlockingIOError):
            while True:
                self.seen += [(time.monotonic(), line) for line in self.socket.recv(4096).decode().split("\n")]
                self.socket.settimeout(0.000001)
        return [line for _, line in self.seen]

    def wait(self, line, timeout=10):
        wait_for(f"{line} (seen: {self.seen})", lambda: line in self.read(), timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.socket.close()


class Notify(unittest.TestCase):
    def begin(self, prot, address, watchdog=None):
        manager = Manager(address)
        self.addCleanup(manager.socket.close)
        prot.environment["NOTIFY_SOCKET"] = address.replace("\0", "@")
        if watchdog is not None:
            prot.environment["WATCHDOG_USEC"] = str(watchdog)
        return manager

    def end(self, process):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        return process.returncode

    def test_ready_when_all_is_ready_and_stopping_in_the_drain(self):
        with Instance() as prot:
            for address in (str(prot.folder / "notify"), f"\0prot-test-{prot.name}"):
                with self.subTest(address):
                    manager = self.begin(prot, address)
                    process = prot.spawn("up", *ALONE)
                    manager.wait("READY=1")
                    self.assertEqual(prot.status()["state"], "ready")
                    lines = manager.read()
                    self.assertTrue(any(line.startswith("STATUS=starting: ") for line in lines), lines)
                    self.assertFalse(any(line.startswith(("WATCHDOG", "STOPPING", "EXTEND")) for line in lines), lines)
                    manager.wait("STATUS=ready")
                    prot.run("stop", "tts")
                    manager.wait("STATUS=degraded: tts (down)")
                    prot.run("start", "tts")
                    self.assertEqual(self.end(process), 0)
                    lines = manager.read()
                    self.assertLess(lines.index("STOPPING=1"), lines.index("EXTEND_TIMEOUT_USEC=10000000"))
                    self.assertEqual(lines.count("READY=1"), 1)

    def test_a_reload_is_told_and_ends_when_all_is_ready(self):
        for how in ("command", "signal"):
            with self.subTest(how), Instance() as prot:
                manager = self.begin(prot, str(prot.folder / "notify"))
                file = prot.folder / "config/prot/prot.toml"
                file.parent.mkdir()
                file.write_text("[stt]\nthreads = 1\n")
                process = prot.spawn("up", *ALONE)
                manager.wait("READY=1")
                file.write_text("[stt]\nthreads = 1\nthreds = 2\n")
                self.assertEqual(prot.run("reload").returncode, 2)
                self.assertNotIn("RELOADING=1", manager.read())  # it was refused
                file.write_text("[stt]\nthreads = 2\n")
                if how == "command":
                    self.assertEqual(prot.run("reload").returncode, 0)
                else:
                    process.send_signal(signal.SIGHUP)
                wait_for("ready again", lambda: manager.read().count("READY=1") == 2)
                lines = manager.read()
                begun = lines.index("RELOADING=1")
                self.assertRegex(lines[begun + 1], r"^MONOTONIC_USEC=\d+$")
                self.assertLess(abs(int(lines[begun + 1].split("=")[1]) / 1e6 - time.monotonic()), 20)
                self.assertEqual([line for line in lines[begun + 2:] if line == "READY=1"], ["READY=1"])
                self.assertEqual(prot.stage("stt")["generation"], 2)
                self.assertEqual(self.end(process), 0)

    def test_a_start_that_fails_is_never_ready(self):
        with Instance(fail="stt") as prot:
            manager = self.begin(prot, str(prot.folder / "notify"))
            self.assertEqual(prot.run("up", *ALONE).returncode, 1)
            lines = manager.read()
            self.assertNotIn("READY=1", lines)
            self.assertIn("STOPPING=1", lines)
            self.assertTrue(any(line.startswith("STATUS=cannot start: ") for line in lines), lines)

    def test_a_drain_that_takes_its_time_asks_for_more(self):
        with Instance(deaf="stt") as prot:
            manager = self.begin(prot, str(prot.folder / "notify"))
            process = prot.spawn("up", *ALONE)
            manager.wait("READY=1")
            process.send_signal(signal.SIGTERM)
            wait_for("asked twice", lambda: manager.read().count("EXTEND_TIMEOUT_USEC=10000000") >= 3, 15)
            self.assertTrue(any(line.startswith("STATUS=waiting for stt") for line in manager.read()), manager.seen)
            times = [when for when, line in manager.seen if line.startswith("EXTEND")]
            self.assertLess(max(b - a for a, b in zip(times, times[1:])), 5)  # below what was asked for
            prot.run("down", "--now")

    def test_the_watchdog_is_fed_by_the_loop_and_only_by_it(self):
        with Instance() as prot:
            manager = self.begin(prot, str(prot.folder / "notify"), watchdog=1_000_000)
            process = prot.spawn("up", *ALONE)
            manager.wait("READY=1")
            until = time.monotonic() + 3
            while time.monotonic() < until:
                manager.read(0.05)
            times = [when for when, line in manager.seen if line == "WATCHDOG=1"]
            self.assertGreaterEqual(len(times), 5)  # every 0.5 s
            self.assertLess(max(b - a for a, b in zip(times, times[1:])), 1)
            os.kill(process.pid, signal.SIGSTOP)  # a loop that hangs
            manager.read(0.05)
            count = manager.read().count("WATCHDOG=1")
            self.assertFalse(manager.read(1.2).count("WATCHDOG=1") > count)
            os.kill(process.pid, signal.SIGCONT)
            self.assertEqual(self.end(process), 0)

    def test_another_processes_watchdog_is_not_fed(self):
        with Instance() as prot:
            manager = self.begin(prot, str(prot.folder / "notify"), watchdog=200_000)
            prot.environment["WATCHDOG_PID"] = "1"
            process = prot.spawn("up", *ALONE)
            manager.wait("READY=1")
            manager.read(0.5)
            self.assertNotIn("WATCHDOG=1", manager.read())
            self.assertEqual(self.end(process), 0)

    def test_stages_do_not_see_the_manager(self):
        with Instance() as prot:
            manager = self.begin(prot, str(prot.folder / "notify"), watchdog=10_000_000)
            process = prot.spawn("up", *ALONE)
            manager.wait("READY=1")
            for stage in prot.status()["stages"]:
                environment = pathlib.Path(f"/proc/{stage['pid']}/environ").read_bytes()
                self.assertNotIn(b"NOTIFY_SOCKET", environment)
                self.assertNotIn(b"WATCHDOG", environment)
            self.assertEqual(self.end(process), 0)

    def test_a_manager_that_is_gone_or_does_not_read_holds_nobody_up(self):
        with Instance() as prot:
            prot.environment["NOTIFY_SOCKET"] = str(prot.folder / "nobody")
            process = prot.spawn("up", *ALONE)
            wait_for("ready", lambda: (prot.status() or {}).get("state") == "ready")
            process.send_signal(signal.SIGTERM)
            _, messages = process.communicate(timeout=30)
            self.assertEqual(process.returncode, 0)
            self.assertEqual(messages.count("cannot be told"), 1)
            self.begin(prot, str(prot.folder / "deaf"), watchdog=2_000)  # a full socket after some messages
            process = prot.spawn("up", *ALONE)
            wait_for("ready", lambda: (prot.status() or {}).get("state") == "ready")
            time.sleep(0.2)  # real time: many messages that the socket has no room for
            self.assertEqual(prot.status()["state"], "ready")
            self.assertEqual(self.end(process), 0)

    def test_what_a_full_queue_refused_is_told_when_there_is_room(self):
        with Instance() as prot, contextlib.ExitStack() as stack:
            manager = self.begin(prot, str(prot.folder / "notify"), watchdog=1_000_000)
            filler = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            filler.setblocking(False)

            def fill():
                count = 0
                with contextlib.suppress(BlockingIOError):
                    while True:
                        filler.sendto(b"full", prot.environment["NOTIFY_SOCKET"])
                        count += 1
                return count

            count = fill()
            process = prot.spawn("up", *ALONE)
            wait_for("ready", lambda: (prot.status() or {}).get("state") == "ready")
            for _ in range(count):  # makes room; what comes into it is behind these
                self.assertEqual(manager.socket.recv(4096), b"full")
            manager.wait("READY=1")
            manager.wait("STATUS=ready")
            manager.wait("WATCHDOG=1")
            fill()
            self.assertEqual(self.end(process), 0)


class Journal(unittest.TestCase):
    def start(self, prot, stream):
        with open(prot.folder / "stderr", "w+", encoding="utf-8") as file:
            info = os.fstat(file.fileno())
            if stream:
                prot.environment["JOURNAL_STREAM"] = f"{info.st_dev}:{info.st_ino + (stream == 'another')}"
            process = subprocess.Popen([PROT, "up", *ALONE], env=prot.environment, stdin=subprocess.DEVNULL, stderr=file)
            prot.processes.append(process)
            wait_for("ready", lambda: (prot.status() or {}).get("state") == "ready")
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            file.seek(0)
            return file.read().splitlines()

    def test_lines_have_a_priority_where_the_journal_reads_them_and_only_there(self):
        with Instance() as prot:
            lines = self.start(prot, "journal")
            self.assertGreater(len(lines), 5)
            for line in lines:
                self.assertRegex(line, r"^<[3467]>\S")
            for stream in ("another", None):
                prot.environment.pop("JOURNAL_STREAM", None)
                self.assertFalse([line for line in self.start(prot, stream) if line.startswith("<")])


DEAF_SERVER = """#!/usr/bin/env python3
import signal, socket, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[sys.argv.index("--host") + 1])
server.listen()
while True:
    client, _ = server.accept()
    client.recv(4096)
    client.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\n{}")
    client.close()
"""


class Account(unittest.TestCase):
    """What is said while it stops, and the exit code that says whether something is left."""

    def down(self, prot, *arguments):
        down = prot.run("down", *arguments)
        return down.returncode, down.stdout, down.stderr

    def test_deferred_jobs_are_exit_code_7_for_down_and_for_up(self):
        with Instance(turns=2, store=1, defer=3) as prot:
            prot.up()
            self.assertEqual(self.down(prot)[:2], (7, "DRAINED=2 DEFERRED=3\n"))
            process = prot.spawn("up", *ALONE)
            wait_for("ready", lambda: (prot.status() or {}).get("state") == "ready")
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
            self.assertEqual(process.returncode, 7)

    def test_a_memory_that_is_given_up_is_no_silence(self):
        with Instance(turns=4, deaf="memory") as some, Instance(turns=0, deaf="memory") as none:
            downs = []
            for prot in (some, none):
                prot.up()
                downs.append(prot.spawn("down", "--now"))  # both at once: each takes 20 s
            for turns, prot, down in zip((4, 0), (some, none), downs):
                account, messages = down.communicate(timeout=60)
                code = down.returncode
                self.assertEqual((code, account), (7, "DRAINED=unknown DEFERRED=unknown\n"))
                left = "turns and 0 jobs"  # brain's end of stream at least
                # Each second of the 10 that memory has when the drain presses; one may be lost to rounding.
                named = re.findall(rf"waiting for memory to store what was said \({left} left, (\d) s of at most 10 s\)",
                                   messages)
                self.assertGreaterEqual(len(named), 8, messages)
                self.assertEqual(named, sorted(set(named)))
                self.assertIn("memory does not end: killed", messages)
                self.assertIn("memory gave no account", messages)
                self.assertEqual(f"{turns} frames of turns are kept" in messages, turns > 0)
                self.assertEqual(len(list((prot.state / "spool/brain").glob("*.frames"))), int(turns > 0))

    def test_a_memory_that_was_stopped_by_hand_owes_no_account(self):
        with Instance() as prot:
            prot.up()
            prot.run("stop", "memory")
            self.assertEqual(self.down(prot)[:2], (0, ""))
            self.assertEqual(list((prot.state / "spool/brain").glob("*.frames")), [])
        with Instance(turns=3) as prot:  # frames that wait are worth starting it once more
            prot.up()
            prot.run("stop", "memory")
            self.assertEqual(self.down(prot)[:2], (0, "DRAINED=3 DEFERRED=0\n"))

    def test_a_child_that_does_not_end_after_the_stages_is_named_too(self):
        with Instance() as prot:
            (prot.folder / "model.gguf").write_bytes(b"GGUF")
            server = prot.folder / "llama-server"
            server.write_text(DEAF_SERVER)
            server.chmod(0o755)
            prot.settings = ["--set", f"llm.program={server}", "--set", f"llm.model={prot.folder}/model.gguf",
                             "--set", "memory.database_url=postgresql:///nowhere"]
            prot.up()
            code, account, messages = self.down(prot)
            self.assertEqual((code, account), (0, "DRAINED=0 DEFERRED=0\n"))
            self.assertLess(messages.index("memory drained"), messages.index("waiting for llm to end (1 s)"))

    def test_a_stage_that_has_finished_does_not_sleep_first(self):
        with Instance(deaf="stt") as prot:  # it takes nothing, so nobody wakes capture
            prot.up()
            *_, messages = self.down(prot, "--now")
            self.assertLess(int(re.search(r"capture drained after (\d+) ms", messages)[1]), 900)

    def test_a_second_signal_hurries_and_a_third_kills(self):
        with Instance(deaf="stt", turns=2, store=1) as prot:
            process = prot.spawn("up", *ALONE)
            wait_for("ready", lambda: (prot.status() or {}).get("state") == "ready")
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            wait_for("drains", lambda: prot.status()["state"] == "draining")
            process.send_signal(signal.SIGTERM)
            _, messages = process.communicate(timeout=20)
            self.assertLess(time.monotonic() - began, 4.9)  # stt alone has 5 s when nobody hurries
            self.assertEqual(process.returncode, 0, messages)  # nothing of memory's is lost by hurrying
            self.assertIn("hurrying: replies are cut", messages)
            self.assertIn("memory drained", messages)
        with Instance(deaf="stt,memory", turns=2) as prot:
            process = prot.spawn("up", *ALONE)
            wait_for("ready", lambda: (prot.status() or {}).get("state") == "ready")
            pids = [stage["pid"] for stage in prot.status()["stages"]]
            process.send_signal(signal.SIGTERM)
            wait_for("drains", lambda: prot.status()["state"] == "draining")
            process.send_signal(signal.SIGINT)  # of another number: they do not merge
            wait_for("hurries", lambda: any("hurrying" in line for line in prot.log()))
            process.send_signal(signal.SIGTERM)
            _, messages = process.communicate(timeout=3)
            self.assertEqual(process.returncode, 7, messages)
            self.assertIn("killing every stage", messages)
            self.assertFalse([pid for pid in pids if alive(pid)])
            self.assertEqual(prot.segments(), [])
            self.assertEqual(len(list((prot.state / "spool/brain").glob("*.frames"))), 1)


class NotReady(unittest.TestCase):
    """prot up -d says what is not ready, and why."""

    def test_at_the_time_limit_each_is_named_and_the_start_goes_on(self):
        with Instance(slow="brain,tts") as prot:
            began = time.monotonic()
            up = prot.run("up", "-d", "-t", "1.5", *ALONE)
            self.assertLess(time.monotonic() - began, 4)
            self.assertEqual(up.returncode, 5, up.stderr)
            lines = up.stderr.splitlines()
            for stage in ("brain", "tts"):
                self.assertTrue(any(re.match(rf"prot: {stage} is not ready: it is starting for \d s", line) for line in lines), lines)
            self.assertIn("prot: capture is not ready: it waits for tts, brain", up.stderr)
            self.assertFalse([line for line in lines if re.match("prot: (stt|player|memory) is not ready", line)])
            self.assertIn("not everything is ready after 1.5 s; it goes on in the background", lines[-1])
            self.assertEqual(prot.status()["state"], "starting")

    def test_a_failing_part_is_named_with_its_last_line(self):
        with Instance(fail="stt", slow="brain") as prot:
            up = prot.run("up", "-d", "-t", "0.05", *ALONE)
            self.assertIn(up.returncode, (1, 5))
            if up.returncode == 5:  # before its third try
                self.assertRegex(up.stderr, r"stt is not ready: it (is starting|.*ended.* and is tried again).*")
        with Instance(fail="stt") as prot:
            up = prot.run("up", "-d", *ALONE)
            self.assertEqual(up.returncode, 1)
            self.assertRegex(up.stderr.splitlines()[-1], r"cannot start: stt .*fixture: told to fail")
            self.assertIsNone(prot.status())
        with Instance(config="tts") as prot:
            up = prot.run("up", "-d", *ALONE)
            self.assertEqual(up.returncode, 2)
            self.assertRegex(up.stderr.splitlines()[-1], r"cannot start: tts .*dislike its configuration")


class FirstProcess(unittest.TestCase):
    """As PID 1 of a container: no default signal actions, every orphan is its own."""

    def setUp(self):
        probe = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True, text=True)
        if probe.returncode != 0:
            self.skipTest(f"this user may make no PID name space: {probe.stderr.strip()}")

    def spawn(self, prot, *arguments):
        process = prot.spawn("--pid", "--fork", "--mount-proc", "--kill-child", str(PROT), *arguments, program="unshare")
        first = wait_for("PID 1", lambda: children_of(process.pid))[0]
        return process, first

    def inside(self, first):
        """The processes of the name space, as seen from outside, PID 1 left out."""
        space = os.readlink(f"/proc/{first}/ns/pid")
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(folder / "ns/pid") == space and int(folder.name) != first:
                    found.append(int(folder.name))
        return found

    def test_term_and_interrupt_drain_and_nothing_is_left(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), Instance(turns=5, store=1) as prot:
                process, first = self.spawn(prot, "up", *ALONE)
                wait_for("ready", lambda: (prot.status() or {}).get("state") == "ready")
                self.assertEqual(prot.supervisor(), 1)
                pids = self.inside(first)
                self.assertEqual(len(pids), len(STAGES))
                os.kill(first, number)
                _, messages = process.communicate(timeout=30)
                self.assertEqual(process.returncode, 0, messages)
                self.assertIn("memory drained after", messages)
                self.assertFalse([pid for pid in pids if alive(pid)])
                self.assertEqual(prot.segments(), [])
                self.assertEqual({p.name for p in prot.runtime.iterdir()}, {"lock"})

    def test_orphans_are_reaped(self):
        with Instance() as prot:
            process, first = self.spawn(prot, "up", *ALONE)
            wait_for("ready", lambda: (prot.status() or {}).get("state") == "ready")
            stages = self.inside(first)
            # A process whose parent ends first: PID 1 inherits it, and must take its end.
            subprocess.run(["nsenter", f"--target={first}", "--pid", "--mount", "sh", "-c", "(sleep 0.3 &) ; exit 0"], check=True)
            orphan = wait_for("the orphan", lambda: [p for p in self.inside(first) if p not in stages])
            self.assertEqual([int(pathlib.Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()[1]) for p in orphan],
                             [first] * len(orphan))
            wait_for("it is gone, not a zombie", lambda: not [p for p in orphan if pathlib.Path(f"/proc/{p}").exists()], 5)
            self.assertEqual(prot.status()["state"], "ready")
            os.kill(first, signal.SIGTERM)
            self.assertEqual(process.wait(30), 0)

    def test_the_exit_code_is_passed_on(self):
        with Instance(config="tts") as prot:
            process = prot.spawn("--pid", "--fork", "--mount-proc", "--kill-child", str(PROT), "up", *ALONE,
                                 program="unshare")
            process.communicate(timeout=30)
            self.assertEqual(process.returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
