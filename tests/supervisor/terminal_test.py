"""prot debug and prot status --watch on a pseudo terminal, from a shell with job control."""
import os
import pty
import re
import select
import signal
import termios
import time
import unittest

from instance import PROT, Instance, alive, children_of, wait_for


class Shell:
    """bash on a pseudo terminal. Its prompt is "done CODE>"."""

    def __init__(self, prot):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            environment = {**prot.environment, "PS1": "done $?>", "TERM": "dumb", "PROT_BINARY": str(PROT)}
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], environment)
        self.said = ""
        self.until(r"done 0>")

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        os.close(self.terminal)  # hangs up on everybody
        if alive(self.pid):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def until(self, pattern, timeout=20):
        """Reads on until that came; returns the match, and keeps what stands behind it."""
        deadline = time.monotonic() + timeout
        while not (match := re.search(pattern, self.said)):
            if not select.select([self.terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"{pattern!r} did not come:\n{self.said}")
            self.said += os.read(self.terminal, 65536).decode(errors="replace")
        self.said = self.said[match.end():]
        return match

    def type(self, text):
        os.write(self.terminal, text.encode())

    def exit_code(self, timeout=20):
        return int(self.until(r"done (\d+)>", timeout)[1])

    def settings(self):
        return termios.tcgetattr(self.terminal)

    def jobs(self):
        return children_of(self.pid)


class OnATerminal(unittest.TestCase):
    def is_usable(self, shell, before):
        self.assertEqual(os.tcgetpgrp(shell.terminal), os.getpgid(shell.pid))
        self.assertEqual(shell.settings(), before)
        shell.type("jobs; echo still $((40 + 2))\n")
        self.assertNotIn("Stopped", shell.until(r"(?s)^.*?still 42\r")[0])
        self.assertEqual(shell.exit_code(), 0)
        self.assertEqual(shell.jobs(), [])

    def test_ctrl_c_goes_to_gdb_and_ends_neither_us_nor_the_stage(self):
        with Instance() as prot:
            prot.up()
            stage = prot.stage("stt")["pid"]
            with Shell(prot) as shell:
                before = shell.settings()
                shell.type("$PROT_BINARY debug stt -- -nx\n")
                shell.until(r"is held \(process")
                shell.until(r"\(gdb\) ")
                (client,) = shell.jobs()
                (gdb,) = children_of(client)
                shell.type("\x03")  # at its prompt
                shell.until(r"Quit\r")
                shell.type("continue\n")
                shell.until(r"Continuing\.")
                for _ in range(2):
                    wait_for("it runs", lambda: prot.stage("stt")["state"] == "held" and not stopped(stage), 5)
                    shell.type("\x03")  # while it runs
                    shell.until(r"received signal SIGINT")
                    shell.until(r"\(gdb\) ")
                    shell.type("continue\n")
                    shell.until(r"Continuing\.")
                wait_for("it runs", lambda: not stopped(stage), 5)
                shell.type("\x03")
                shell.until(r"\(gdb\) ")
                self.assertTrue(alive(client) and alive(gdb))
                shell.type("detach\nquit\n")
                shell.until(r"prot: stt is given back \(ready, generation 1\)")
                self.assertEqual(shell.exit_code(), 0)
                self.is_usable(shell, before)
            self.assertEqual(prot.stage("stt")["pid"], stage)

    def test_ctrl_c_stops_a_launched_one_at_the_prompt(self):
        with Instance() as prot:
            prot.up()
            with Shell(prot) as shell:
                before = shell.settings()
                shell.type("$PROT_BINARY debug stt --launch -- -nx -iex 'set confirm off'\n")
                shell.until(r"\(gdb\) ")
                shell.type("run\n")
                new = wait_for("ready", lambda: (s := prot.stage("stt"))["ready_ms"] >= 0 and s, 20)["pid"]
                shell.type("\x03")
                shell.until(r"received signal SIGINT")
                shell.until(r"\(gdb\) ")
                self.assertTrue(alive(new))
                shell.type("quit\n")
                self.assertEqual(shell.exit_code(), 0)
                self.is_usable(shell, before)
            wait_for("its own", lambda: (s := prot.stage("stt"))["state"] == "ready" and s["generation"] == 3, 5)

    def test_a_killed_gdb_leaves_a_usable_terminal(self):
        for arguments in ("", "--launch"):
            with self.subTest(arguments), Instance() as prot:
                prot.up()
                with Shell(prot) as shell:
                    before = shell.settings()
                    shell.type(f"$PROT_BINARY debug stt {arguments} -- -nx\n")
                    shell.until(r"\(gdb\) ")
                    (gdb,) = children_of(shell.jobs()[0])
                    if arguments:
                        shell.type("run\n")  # now the terminal is its
                        wait_for("ready", lambda: prot.stage("stt")["ready_ms"] >= 0, 20)
                    os.kill(gdb, signal.SIGKILL)
                    shell.until(r"gdb was killed by SIGKILL")
                    self.assertEqual(shell.exit_code(), 1)
                    self.is_usable(shell, before)

    def test_status_is_repainted_until_ctrl_c(self):
        with Instance() as prot:
            prot.up()
            with Shell(prot) as shell:
                before = shell.settings()
                shell.type("$PROT_BINARY status --watch\n")
                for _ in range(3):
                    shell.until(r"\x1b\[H\x1b\[J")
                    shell.until(r"stt ")
                    shell.until(r"turns ")
                shell.type("\x03")
                self.assertEqual(shell.exit_code(5), 0)
                self.is_usable(shell, before)


def stopped(pid):
    """In a debugger that holds it."""
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] in "tT"


if __name__ == "__main__":
    unittest.main(verbosity=2)
