"""prot debug with fixture stages and real debuggers: who holds, who goes on, what is left behind."""
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import threading
import time
import unittest

from instance import PROT, STAGES, Instance, alive, children_of, wait_for

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def tracer_of(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("TracerPid:"):
            return int(line.split()[1])


def launched(prot, stage):
    """Its status when the process that a debugger started is ready."""
    return wait_for("ready", lambda: (s := prot.stage(stage))["state"] == "held" and s["ready_ms"] >= 0 and s, 30)


class Session:
    """prot debug, with gdb at a prompt that reads from us."""

    def __init__(self, prot, *arguments):
        self.process = subprocess.Popen([PROT, "debug", *arguments], env=prot.environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        prot.processes.append(self)  # which ends it
        self.said = []
        self.lines = queue.SimpleQueue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    @property
    def pid(self):
        return self.process.pid

    def gdb(self):
        return wait_for("the debugger", lambda: children_of(self.pid), 10)[0]

    def poll(self):
        return self.process.poll()

    def kill(self):
        self.process.kill()

    def communicate(self):
        self.process.wait(10)
        self.reader.join(10)
        self.process.stdout.close()
        self.process.stdin.close()

    def until(self, text, timeout=20):
        """Reads on until a line has `text`."""
        deadline = time.monotonic() + timeout
        try:
            while (line := self.lines.get(timeout=max(0.0, deadline - time.monotonic()))) is not None:
                self.said.append(line)
                if text in line:
                    return line
        except queue.Empty:
            pass
        raise AssertionError(f"{text!r} did not come:\n" + "".join(self.said))

    def order(self, *lines):
        self.process.stdin.write("".join(line + "\n" for line in lines))
        self.process.stdin.flush()

    def at_prompt(self):
        self.order("echo here\\n")
        self.until("here")

    def leave(self):
        """What it said since, and its exit code."""
        self.process.stdin.close()
        self.reader.join(20)
        rest = []
        while not self.lines.empty():
            rest.append(self.lines.get() or "")
        return "".join(rest), self.process.wait(10)


class Attached(unittest.TestCase):
    def test_one_that_was_looked_at_goes_on_under_its_generation(self):
        with Instance() as prot:
            prot.up()
            before = prot.stage("stt")
            done = prot.run("debug", "stt", "--", "-batch", "-ex", "bt")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("in main ()", done.stdout)
            self.assertIn("prot: stt is given back (ready, generation 1)", done.stderr)
            after = prot.stage("stt")
            self.assertEqual((after["pid"], after["generation"], after["restarts"]), (before["pid"], 1, 0))
            self.assertIn(f"process {done.stderr.split('process ')[1].split(',')[0]}", "\n".join(prot.log()))

    def test_it_is_held_for_longer_than_any_watchdog_and_nobody_else_may_have_it(self):
        with Instance() as prot:
            prot.up()
            before = prot.stage("stt")
            session = Session(prot, "stt")
            session.at_prompt()
            session.order("break prot::stage::StageContext::disarm", "continue")
            session.until("Breakpoint 1, ")
            stopped = time.monotonic()
            held = prot.stage("stt")
            self.assertEqual((held["state"], held["pid"], held["held_by"]), ("held", before["pid"], session.pid))
            self.assertIn("held", prot.run("status").stdout)
            for arguments in (["restart", "stt"], ["stop", "stt"], ["start", "stt"], ["debug", "stt"]):
                refused = prot.run(*arguments)
                self.assertEqual((refused.returncode, refused.stderr),
                                 (1, f"prot: stt is held by process {session.pid}\n"))
            self.assertEqual(prot.run("restart", "brain").returncode, 0)  # the others are free
            wait_for("6 s at a breakpoint", lambda: time.monotonic() - stopped > 6, 10)
            self.assertEqual(tracer_of(before["pid"]), session.gdb())
            _, code = session.leave()
            self.assertEqual(code, 0)
            after = wait_for("it goes on", lambda: (s := prot.stage("stt"))["state"] == "ready" and s, 2)
            self.assertEqual((after["pid"], after["generation"], after["held_by"]), (before["pid"], 1, 0))

    def test_one_that_is_killed_in_the_debugger_is_started_again_at_once(self):
        with Instance() as prot:
            prot.up()
            done = prot.run("debug", "stt", "--", "-batch", "-ex", "kill")
            self.assertRegex(done.stderr, r"stt is given back \((starting|ready), generation 2\)")
            after = wait_for("ready", lambda: (s := prot.stage("stt"))["state"] == "ready" and s, 2)
            self.assertEqual((after["generation"], after["restarts"], after["last_exit"]), (2, 1, -9))
            self.assertIn("stt was killed by SIGKILL in its debugger", "\n".join(prot.log()))

    def test_a_body_at_the_prompt_neither_spins_the_supervisor_nor_confuses_it(self):
        with Instance() as prot:
            prot.up()
            supervisor, before = prot.supervisor(), prot.stage("stt")["pid"]
            session = Session(prot, "stt")
            session.at_prompt()
            os.kill(before, signal.SIGKILL)
            wait_for("dead", lambda: not alive(before), 2)
            began, used = time.monotonic(), cpu_seconds(supervisor)
            wait_for("3 s", lambda: time.monotonic() - began > 3, 5)
            used = cpu_seconds(supervisor) - used
            print(f"supervisor beside a body in gdb: {used / (time.monotonic() - began):.2%} of a core")
            self.assertLess(used / (time.monotonic() - began), 0.01)
            self.assertEqual(prot.stage("stt")["state"], "held")
            self.assertEqual(len([c for c in children_of(supervisor) if alive(c)]), len(STAGES) - 1)
            session.leave()
            after = wait_for("a new one", lambda: (s := prot.stage("stt"))["state"] == "ready" and s, 2)
            self.assertEqual(after["generation"], 2)
            self.assertFalse(pathlib.Path(f"/proc/{before}").exists())

    def test_sigkill_of_the_client_or_of_gdb_gives_it_back(self):
        for victim in ("client", "gdb"):
            with self.subTest(victim), Instance() as prot:
                prot.up()
                before = prot.stage("stt")["pid"]
                session = Session(prot, "stt")
                session.at_prompt()
                gdb = session.gdb()
                os.kill(session.pid if victim == "client" else gdb, signal.SIGKILL)
                wait_for("gdb is gone", lambda: not alive(gdb), 2)
                code = session.process.wait(5)
                if victim == "gdb":
                    self.assertEqual(code, 1)
                    session.until("gdb was killed by SIGKILL")
                after = wait_for("it goes on", lambda: (s := prot.stage("stt"))["state"] == "ready" and s, 2)
                self.assertEqual((after["pid"], after["generation"]), (before, 1))
                self.assertEqual(tracer_of(before), 0)

    def test_a_stop_ends_the_debugger_in_bounded_time(self):
        with Instance() as prot:
            prot.up()
            session = Session(prot, "stt")
            session.at_prompt()
            gdb = session.gdb()
            began = time.monotonic()
            down = prot.run("down")
            self.assertLess(time.monotonic() - began, 20)
            self.assertEqual(down.returncode, 0, down.stderr)
            self.assertRegex(down.stderr, rf"stt \(process \d+\) is in a debugger of process {session.pid}: it drains "
                                          "when you let it run, and is killed when its time is over")
            session.until("prot: the instance is stopping: gdb is ended")
            self.assertEqual(session.process.wait(5), 1)
            wait_for("gdb is gone", lambda: not alive(gdb), 2)
            self.assertEqual(prot.segments(), [])


class Launched(unittest.TestCase):
    def test_it_is_the_next_generation_with_the_descriptors_and_the_environment_of_any_other(self):
        with Instance() as prot:
            prot.up()
            pid = prot.stage("stt")["pid"]
            environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            files = {f.name: os.readlink(f) for f in pathlib.Path(f"/proc/{pid}/fd").iterdir()}
            session = Session(prot, "stt", "--launch")
            session.order("break main", "run")
            session.until("Breakpoint 1, ")
            self.assertFalse(alive(pid))
            held = prot.stage("stt")
            self.assertEqual((held["state"], held["generation"], held["ready_ms"], held["held_by"]),
                             ("held", 2, -1, session.pid))
            self.assertEqual(prot.status()["state"], "degraded")
            new = wait_for("its process", lambda: children_of(session.gdb()))[0]
            same = [e.replace(b"GENERATION=1", b"GENERATION=2") for e in environment]
            self.assertEqual(sorted(pathlib.Path(f"/proc/{new}/environ").read_bytes().split(b"\0")), sorted(same))
            for number, what in files.items():
                if what == "anon_inode:[eventfd]" and int(number) < 11:
                    self.assertEqual(os.readlink(f"/proc/{new}/fd/{number}"), what)
            for number in (3, 4):
                self.assertTrue(os.readlink(f"/proc/{new}/fd/{number}").startswith("pipe:"))
            session.order("delete", "continue")
            ready = launched(prot, "stt")
            self.assertEqual((ready["state"], ready["pid"], ready["engine"]), ("held", new, "fixture"))
            self.assertEqual(prot.status()["state"], "ready")
            self.assertIn("stt ready in its debugger (generation 2)", "\n".join(prot.log()))
            session.process.send_signal(signal.SIGTERM)
            session.until("prot: asked to end: gdb is ended")
            session.leave()
            wait_for("gone", lambda: not alive(new), 2)
            after = wait_for("its own again", lambda: (s := prot.stage("stt"))["state"] == "ready" and s, 3)
            self.assertEqual(after["generation"], 3)

    def is_taken(self, prot, session):
        line = f"the next process of stt is for a debugger of process {session.pid}"
        wait_for("it is taken", lambda: line in "\n".join(prot.log()), 10)

    def test_one_that_waits_gets_the_process_after_a_crash(self):
        with Instance() as prot:
            prot.up()
            pid = prot.stage("stt")["pid"]
            session = Session(prot, "stt", "--wait", "--", "-iex", "set confirm off")
            self.is_taken(prot, session)
            refused = prot.run("debug", "stt")
            self.assertEqual((refused.returncode, refused.stderr), (1, "prot: stt is being taken by somebody else\n"))
            stt = prot.stage("stt")
            self.assertEqual((stt["state"], stt["pid"], stt["generation"]), ("ready", pid, 1))
            os.kill(pid, signal.SIGKILL)
            session.until("is held (its next process, generation 2)")
            session.order("run")
            ready = launched(prot, "stt")
            self.assertEqual((ready["state"], ready["held_by"], ready["generation"]), ("held", session.pid, 2))
            os.kill(ready["pid"], signal.SIGINT)
            session.until("received signal SIGINT")
            session.order("kill")
            session.leave()
            wait_for("its own again", lambda: (s := prot.stage("stt"))["state"] == "ready" and s["generation"] == 3, 5)

    def test_one_that_waits_and_is_left_or_stopped_changes_nothing(self):
        with Instance() as prot:
            prot.up()
            pid = prot.stage("stt")["pid"]
            session = Session(prot, "stt", "--wait")
            self.is_taken(prot, session)
            session.kill()
            session.communicate()
            wait_for("free again", lambda: prot.run("restart", "stt").returncode == 0, 5)
            self.assertEqual((prot.stage("stt")["state"], prot.stage("stt")["generation"]), ("ready", 2))
            self.assertFalse(alive(pid))
            session = Session(prot, "stt", "--wait")
            self.is_taken(prot, session)
            self.assertEqual(prot.run("down").returncode, 0)
            session.until("stt is stopped")

    def test_it_can_be_run_again_in_the_same_session(self):
        with Instance() as prot:
            prot.order(show="general.language")
            prot.settings += ["--set", "general.language=ko"]
            prot.up()
            session = Session(prot, "stt", "--launch", "--", "-iex", "set confirm off")
            pids = []
            for _ in range(3):  # the sealed configuration is read from its beginning each time
                session.order("run")
                pids.append(wait_for("ready", lambda: (s := launched(prot, "stt"))["pid"] not in pids and s, 30)["pid"])
                self.assertTrue(alive(pids[-1]))
                ready = prot.stage("stt")
                self.assertEqual((ready["state"], ready["generation"], ready["engine"]), ("held", 2, "ko"))
                os.kill(pids[-1], signal.SIGINT)  # back to the prompt
                session.until("received signal SIGINT")
            session.order("kill")
            said, code = session.leave()
            self.assertEqual(code, 0, said)
            self.assertFalse(any(map(alive, pids)))
            wait_for("its own again", lambda: (s := prot.stage("stt"))["state"] == "ready" and s["generation"] == 3, 5)
            os.kill(prot.stage("stt")["pid"], signal.SIGINT)  # without a debugger it ends in order
            after = wait_for("the next", lambda: (s := prot.stage("stt"))["generation"] == 4 and s, 5)
            self.assertEqual(after["last_exit"], 0)

    def test_sigkill_of_the_client_or_of_gdb_leaves_no_process(self):
        for victim in ("client", "gdb"):
            for running in (False, True):
                with self.subTest(victim, running=running), Instance() as prot:
                    prot.up()
                    session = Session(prot, "stt", "--launch")
                    session.order(*([] if running else ["break main"]), "run")
                    if running:
                        launched(prot, "stt")
                    else:
                        session.until("Breakpoint 1, ")
                    gdb = session.gdb()
                    new = children_of(gdb)
                    self.assertEqual(len(new), 1)
                    os.kill(session.pid if victim == "client" else gdb, signal.SIGKILL)
                    wait_for("all gone", lambda: not any(map(alive, [gdb, *new])), 3)
                    session.process.wait(5)
                    after = wait_for("its own again", lambda: (s := prot.stage("stt"))["state"] == "ready" and s, 5)
                    self.assertEqual(after["generation"], 3)

    def test_a_drain_goes_through_it_when_it_runs(self):
        with Instance() as prot:
            prot.up()
            session = Session(prot, "brain", "--launch")
            session.order("run")
            launched(prot, "brain")
            down = subprocess.Popen([PROT, "down"], env=prot.environment, stderr=subprocess.PIPE, text=True)
            session.until("exited normally")  # it handed the end of the stream on
            session.leave()
            _, messages = down.communicate(timeout=20)
            prot.processes.append(down)
            self.assertEqual(down.returncode, 0, messages)
            self.assertRegex(messages, r"brain drained after \d+ ms")

    def test_a_stop_before_it_was_run_waits_for_nobody(self):
        with Instance() as prot:
            prot.up()
            session = Session(prot, "stt", "--launch")
            session.at_prompt()
            down = prot.run("down", timeout=20)
            self.assertEqual(down.returncode, 0, down.stderr)
            session.until("prot: the instance is stopping: gdb is ended")
            self.assertEqual(session.process.wait(5), 1)

    def test_one_that_cannot_run_can_be_launched(self):
        with Instance() as prot:
            prot.up()
            self.assertEqual(prot.run("stop", "stt").returncode, 0)
            refused = prot.run("debug", "stt")
            self.assertEqual((refused.returncode, refused.stderr), (
                1, "prot: stt does not run (down): prot debug stt --launch starts it in the debugger\n"))
            done = prot.run("debug", "stt", "--launch", "--", "-batch", "-ex", "break main", "-ex", "run", "-ex", "bt")
            self.assertIn("#0 ", done.stdout)
            self.assertEqual(done.returncode, 0, done.stderr)

    @unittest.skipUnless(shutil.which("valgrind"), "valgrind is not installed")
    @unittest.skipIf("ASAN_OPTIONS" in os.environ, "valgrind runs no program of AddressSanitizer's")
    def test_under_valgrind(self):
        with Instance() as prot:
            prot.up()
            session = Session(prot, "stt", "--valgrind")
            ready = launched(prot, "stt")
            os.kill(ready["pid"], signal.SIGTERM)
            said, code = session.leave()
            self.assertEqual(code, 0)
            self.assertIn("ERROR SUMMARY: 0 errors", said)
            self.assertIn("prot: stt is given back", said)

    @unittest.skipUnless(shutil.which("gdbserver"), "gdbserver is not installed")
    def test_by_a_server_on_the_loopback(self):
        with Instance() as prot:
            prot.up()
            before = prot.stage("stt")["pid"]
            session = Session(prot, "stt", "--server", str(20_000 + os.getpid() % 20_000))
            target = session.until("target remote").split("'")[1]
            session.until("Listening on port")
            done = subprocess.run(["gdb", "-q", "-batch", "-ex", target, "-ex", "info inferiors", "-ex", "detach"],
                                  capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)
            self.assertIn(f"process {before}", done.stdout)
            session.leave()
            self.assertEqual(prot.stage("stt")["pid"], before)


class Supervisor(unittest.TestCase):
    def test_sigkill_of_the_supervisor_leaves_no_process(self):
        for arguments, orders in ((["stt"], []), (["stt", "--launch"], []), (["stt", "--launch"], ["break main", "run"]),
                                  (["stt", "--launch"], ["run"])):
            with self.subTest(arguments=arguments, orders=orders), Instance() as prot:
                prot.up()
                session = Session(prot, *arguments)
                if orders:
                    session.order(*orders)
                    if len(orders) == 2:
                        session.until("Breakpoint 1, ")
                    else:
                        launched(prot, "stt")
                else:
                    session.at_prompt()
                gdb = session.gdb()
                inferiors = children_of(gdb)
                children, _ = prot.kill_supervisor()
                wait_for("all gone", lambda: not any(map(alive, [*children, gdb, *inferiors, session.pid])), 5)
                session.until("prot: the supervisor has ended: gdb is ended")
                self.assertEqual(session.process.wait(5), 1)


class Refusals(unittest.TestCase):
    def test_what_is_not_installed_says_what_to_install(self):
        with Instance() as prot:
            prot.up()
            before = prot.stage("stt")
            prot.environment["PATH"] = str(prot.folder)
            for option, tool in (([], "gdb"), (["--valgrind"], "valgrind"), (["--rr"], "rr"), (["--server", "7777"], "gdbserver")):
                done = prot.run("debug", "stt", *option)
                self.assertEqual((done.returncode, done.stderr),
                                 (1, f"prot: {tool} is not installed: apt-get install {tool}\n"))
            self.assertEqual(prot.stage("stt")["pid"], before["pid"])

    def test_wrong_requests(self):
        with Instance() as prot:
            self.assertEqual(prot.run("debug", "stt").returncode, 3)
            prot.up()
            self.assertEqual(prot.run("debug", "nobody").returncode, 4)
            for arguments in ([], ["stt", "--valgrind", "--rr"], ["stt", "--server", "no"], ["stt", "--lunch"]):
                self.assertEqual(prot.run("debug", *arguments).returncode, 2, arguments)

    def test_a_debugger_that_cannot_begin_gives_the_stage_back(self):
        with Instance() as prot:
            prot.up()
            tools = prot.folder / "tools"
            tools.mkdir()
            (tools / "gdb").write_text("#!/nowhere/interpreter\n")
            (tools / "gdb").chmod(0o755)
            prot.environment["PATH"] = str(tools)
            for how in ([], ["--launch"]):
                done = prot.run("debug", "stt", *how)
                self.assertEqual(done.returncode, 127)
                self.assertIn("cannot start", done.stderr)
                wait_for("given back", lambda: prot.stage("stt")["state"] == "ready", 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
