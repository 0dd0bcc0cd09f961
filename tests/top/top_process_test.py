"""prot-top as a program: batch, JSON, exit codes, --tail, dead and hung instances, and in real terminals."""
import json
import os
import pathlib
import pty
import random
import re
import signal
import subprocess
import sys
import time
import unittest

from scene import ENVIRONMENT, TOP, Scene, Terminal, wait_for

ITERATIONS = int(os.environ.get("PROT_TOP_ITERATIONS", "15"))
MANUAL = pathlib.Path(__file__).resolve().parents[2] / "doc/prot-top.1"


def manual_fields(part):
    text = MANUAL.read_text().split(f"\n.SS {part}\n")[1]
    text = re.split(r"\n\.S[HS] ", text)[0]
    return {name for names in re.findall(r"\.TP\n\.B (.*)", text) for name in names.split(", ")}


class Batch(unittest.TestCase):
    def test_json_is_valid_line_by_line_and_the_first_line_has_rates(self):
        with Scene() as scene:
            scene.order("traffic 1")
            lines = scene.json("-d", "0.1", "-n", str(ITERATIONS), timeout=30 + ITERATIONS)
        self.assertEqual(len(lines), ITERATIONS)
        for line in lines:
            self.assertEqual(line["schema"], 1)
            self.assertEqual(line["instance"], scene.name)
            self.assertFalse(line["post_mortem"])
            self.assertEqual([r["name"] for r in line["rings"]], ["mic", "transcript", "playback"])
            for ring in line["rings"]:
                self.assertGreater(ring["frames_per_s"], 0)
                self.assertIsNotNone(ring["p99_lag_ns"])
        times = [line["at_ns"] for line in lines]
        self.assertEqual(times, sorted(set(times)))
        # The first may be late, and the others keep the pace that it had.
        self.assertGreaterEqual(times[-1] - times[0], 0.1e9 * (ITERATIONS - 2))

    def test_text_has_all_columns_and_as_many_tables_as_asked(self):
        with Scene() as scene:
            done = scene.top("-b", "-n", "2", "-d", "0.1", "-s", "ring")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(done.stdout.count("STAGE "), 2)
            self.assertRegex(done.stdout, r"RING +\^")
            self.assertLess(done.stdout.index("\nmic"), done.stdout.index("\nplayback"))
            self.assertLess(done.stdout.index("\nplayback"), done.stdout.index("\ntranscript"))
            self.assertNotIn("\x1b", done.stdout)
            self.assertTrue(all(c in done.stdout for c in ("LAST-EXIT", "ENGINE", "WAKES/s", "LATE")))
            once = scene.top("--once")
            self.assertEqual((once.returncode, once.stdout.count("STAGE ")), (0, 1))

    def test_without_a_terminal_it_is_batch_and_says_so(self):
        with Scene() as scene:
            done = scene.top()
            self.assertEqual((done.returncode, done.stdout.count("STAGE ")), (0, 1))
            self.assertIn("not a terminal", done.stderr)
            for term in (None, "dumb"):
                environment = {**ENVIRONMENT, **({"TERM": term} if term else {})}
                ours, theirs = pty.openpty()
                done = subprocess.run(scene.arguments(), env=environment, stdin=theirs, stdout=theirs,
                                      stderr=subprocess.PIPE, text=True, timeout=30)
                os.close(theirs)
                painted = os.read(ours, 65536).decode()
                os.close(ours)
                self.assertEqual(done.returncode, 0)
                self.assertIn("not a terminal", done.stderr)
                self.assertIn("STAGE ", painted)
                self.assertNotIn("\x1b", painted)

    def test_a_reader_that_goes_away_is_no_error(self):
        with Scene() as scene:
            for arguments in (["-b"], ["--json"]):
                top = subprocess.Popen(scene.arguments("-d", "0.1", *arguments), env=ENVIRONMENT, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
                self.assertTrue(top.stdout.readline())
                top.stdout.close()
                self.assertEqual(top.wait(10), 0)
                self.assertEqual(top.stderr.read(), b"")
                top.stderr.close()

    def test_output_that_cannot_be_written_is_a_failure(self):
        with Scene() as scene, open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run(scene.arguments("--once"), env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE,
                                  text=True, timeout=30)
            self.assertEqual(done.returncode, 1)
            self.assertIn("No space left", done.stderr)

    def test_signals_end_it_with_0(self):
        with Scene() as scene:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                top = subprocess.Popen(scene.arguments("--json", "-d", "3600"), env=ENVIRONMENT, stdout=subprocess.PIPE)
                self.assertTrue(top.stdout.readline())
                top.send_signal(number)
                self.assertEqual(top.wait(10), 0)
                top.stdout.close()

    def test_wrong_usage_is_2_and_one_line(self):
        for arguments in (["--nonsense"], ["-d", "0.05"], ["-d", "nan"], ["-n", "0"], ["-s", "nix"], ["--tail"],
                          ["--ring", "mic"], ["--instance", "Not/good"], ["extra"]):
            done = subprocess.run([TOP, *arguments], env=ENVIRONMENT, capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertEqual(done.stdout, "")
        for arguments in (["--help"], ["-V"]):
            done = subprocess.run([TOP, *arguments], env=ENVIRONMENT, capture_output=True, text=True, timeout=30)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_nothing_there_is_3_another_version_is_4(self):
        done = subprocess.run([TOP, "--instance", "nobody-here", "--once"], env=ENVIRONMENT, capture_output=True,
                              text=True, timeout=30)
        self.assertEqual(done.returncode, 3)
        self.assertIn("prot up", done.stderr)
        for segment in ("mic", "board"):
            with Scene() as scene:
                scene.order(f"version {segment} 9")
                done = scene.top("--once")
                self.assertEqual(done.returncode, 4, done.stderr)
                self.assertIn(segment, done.stderr)
                self.assertRegex(done.stderr, r"9\.\d+, this program has 1\.")
                self.assertEqual(len(done.stderr.splitlines()), 1)
                self.assertEqual(scene.top("--ring", "mic", "--tail").returncode, 4)

    def test_a_segment_that_is_cut_short_is_refused_with_4(self):
        with Scene() as scene:
            os.truncate(f"/dev/shm/prot.{scene.name}.run1.playback", 5000)
            done = scene.top("--once")
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn("playback", done.stderr)


class DeadAndHung(unittest.TestCase):
    def test_a_killed_instance_is_shown_as_it_was_left(self):
        with Scene() as scene:
            scene.order("publish transcript 3 100")
            scene.order("take transcript")
            scene.kill()
            done = scene.top("--once")
            self.assertEqual(done.returncode, 0)
            self.assertIn("post-mortem", done.stderr)
            self.assertTrue(done.stdout.startswith("POST-MORTEM: prot " + scene.name))
            line = scene.json("--once")[0]
            self.assertTrue(line["post_mortem"])
            transcript = line["rings"][1]
            self.assertEqual((transcript["used_frames"], transcript["in_hand"]), (3, True))
            self.assertTrue(all(not s["alive"] and s["state"] == "ready" for s in line["stages"]))
            tail = scene.top("--ring", "transcript", "--tail")
            self.assertEqual(tail.returncode, 0)
            self.assertEqual(len(tail.stdout.splitlines()), 4)
            self.assertIn("post-mortem", tail.stderr)

    def test_a_stopped_instance_can_be_watched(self):
        with Scene() as scene:
            scene.process.send_signal(signal.SIGSTOP)
            wait_for("the process stopped", lambda: all(s["stopped"] for s in scene.json("--once")[0]["stages"]))
            wait_for("the supervisor's old heartbeat", lambda: "HUNG?" in scene.top("--once").stdout)

    def test_an_instance_that_ends_in_order_ends_the_batch_with_3(self):
        with Scene() as scene:
            top = subprocess.Popen(scene.arguments("--json", "-d", "0.1"), env=ENVIRONMENT, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
            self.assertTrue(top.stdout.readline())
            scene.process.stdin.close()
            self.assertEqual(top.wait(10), 3)
            self.assertIn("has ended", top.stderr.read())
            top.stdout.close()
            top.stderr.close()

    def test_the_next_run_is_followed(self):
        with Scene() as scene:
            top = subprocess.Popen(scene.arguments("--json", "-d", "0.1"), env=ENVIRONMENT, stdout=subprocess.PIPE,
                                   text=True)
            self.assertEqual(json.loads(top.stdout.readline())["run"], "run1")
            scene.order("restart")
            wait_for("the next run", lambda: json.loads(top.stdout.readline())["run"] == "run2")
            top.terminate()
            self.assertEqual(top.wait(10), 0)
            top.stdout.close()


class Tail(unittest.TestCase):
    def tail(self, scene, *arguments):
        return subprocess.Popen(scene.arguments("--ring", "transcript", "--tail", *arguments), env=ENVIRONMENT,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_frames_are_printed_as_they_pass_and_none_is_missed(self):
        with Scene() as scene:
            tail = self.tail(scene, "-n", "200")
            self.assertIn("SEQ KIND", tail.stdout.readline())  # it is there: from now on it sees every frame
            scene.order("traffic 1")
            rows = [line.split() for line in tail.stdout.read().splitlines()]
            self.assertEqual(tail.wait(10), 0)
            self.assertIn("200 frames shown, 0 missed", tail.stderr.read())
            self.assertEqual([int(row[0]) for row in rows], list(range(int(rows[0][0]), int(rows[0][0]) + 200)))
            self.assertTrue(all(row[1] == "mic-audio" and row[3] == "100" and len(row) == 7 for row in rows))
            tail.stdout.close()
            tail.stderr.close()

    def test_the_ring_is_not_disturbed(self):
        with Scene() as scene:
            scene.order("publish transcript 5 100")
            before = scene.json("--once")[0]["rings"][1]
            self.assertEqual(self.run_and_read(scene, "--waiting", "-n", "5", "--content").count("p" * 100), 5)
            after = scene.json("--once")[0]["rings"][1]
            for field in ("used_bytes", "released_frames", "frames", "in_hand", "waits", "wakes"):
                self.assertEqual(before[field], after[field])

    def run_and_read(self, scene, *arguments):
        tail = self.tail(scene, *arguments)
        out, _ = tail.communicate(timeout=30)
        self.assertEqual(tail.returncode, 0)
        return out

    def test_contents_only_when_asked(self):
        with Scene() as scene:
            scene.order("publish transcript 1 40")
            self.assertNotIn("pppp", self.run_and_read(scene, "--waiting", "-n", "1"))
            plain = json.loads(self.run_and_read(scene, "--waiting", "-n", "1", "--json"))
            self.assertNotIn("content_hex", plain)
            self.assertEqual((plain["kind"], plain["turn"], plain["size_bytes"]), ("transcript", 7, 40))
            whole = json.loads(self.run_and_read(scene, "--waiting", "-n", "1", "--json", "--content"))
            self.assertEqual(whole["content_hex"], "70" * 40)
            self.assertEqual(manual_fields("Frame"), set(whole) | {"missed_frames"})

    def test_an_unknown_ring_is_wrong_usage_that_names_the_rings(self):
        with Scene() as scene:
            done = scene.top("--ring", "nix", "--tail")
            self.assertEqual(done.returncode, 2)
            self.assertIn("mic transcript playback", done.stderr)


class InATerminal(unittest.TestCase):
    def test_keys(self):
        with Scene() as scene, Terminal() as terminal:
            terminal.run(scene.arguments("-d", "0.1"))
            terminal.waits("PROD─▸CONS")
            terminal.keys("?")
            terminal.waits("prot-top: keys")
            terminal.keys("Escape")
            terminal.waits("sort none")
            terminal.keys(">")
            terminal.waits("sort RING")
            terminal.keys("/", "s", "t", "t", "Enter")
            terminal.waits("filter stt")
            self.assertNotIn("playback", terminal.text())
            terminal.keys("Tab", "Enter")
            terminal.waits("decodes")
            terminal.keys("Escape", "d", "0", ".", "5", "Enter")
            terminal.waits("every 0.5 s")
            terminal.keys("Space")
            terminal.waits("PAUSED")
            terminal.keys("q")
            terminal.waits("ended 0")

    def test_it_is_right_after_fifty_random_resizes(self):
        seed = random.randrange(1 << 32)
        print("seed", seed, file=sys.stderr)
        dice = random.Random(seed)
        with Scene() as scene, Terminal() as terminal, Terminal() as fresh:
            terminal.run(scene.arguments("-d", "0.1"))
            terminal.waits("h help")
            for _ in range(50):
                terminal.resize(dice.randint(20, 220), dice.randint(2, 60))
            for width, height in ((dice.randint(40, 200), dice.randint(15, 50)), (39, 20), (40, 6), (100, 24)):
                terminal.resize(width, height)
                if width < 40:
                    terminal.waits("terminal too small")
                    continue
                wait_for(lambda: "the picture of this size:\n" + terminal.text(), lambda: self.whole(terminal, height))
            fresh.run(scene.arguments("-d", "0.1"))
            wait_for("a fresh picture", lambda: self.whole(fresh, 24))
            wait_for(lambda: f"the same picture:\n{terminal.text()}\n{fresh.text()}",
                     lambda: self.skeleton(terminal) == self.skeleton(fresh))
            terminal.keys("q")
            terminal.waits("ended 0")

    def whole(self, terminal, height):
        lines = terminal.lines()
        return (len(lines) == height and lines[0].startswith("prot ") and lines[1].startswith("STAGE") and
                lines[-1].startswith("h help") and sum(line.startswith("RING") for line in lines) == 1)

    def skeleton(self, terminal):
        """Without what moves: numbers."""
        return [re.sub(r"\s+", " ", re.sub(r"[\d.]+(ms|s|m|h)?", "#", line)) for line in terminal.lines()]

    def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(self):
        with Scene() as scene, Terminal() as terminal:
            terminal.keys("'" + "' '".join(scene.arguments("-d", "0.1")) + "'", "Enter")
            terminal.waits("h help")
            terminal.keys("C-z")
            terminal.waits("Stopped")
            terminal.keys("stty -a | tr ';' '\\n' | grep -wo -e -icanon -e icanon -e -echo -e echo | xargs echo is", "Enter")
            terminal.waits("is icanon echo")
            terminal.keys("clear; fg", "Enter")
            terminal.waits("h help")
            terminal.keys("q")
            wait_for(terminal.text, lambda: "h help" not in terminal.text())

    def test_sigterm_restores_the_terminal(self):
        with Scene() as scene, Terminal() as terminal:
            terminal.run(scene.arguments("-d", "3600"))
            terminal.waits("h help")
            pids = subprocess.run(["pgrep", "-f", f"^{TOP} --instance {scene.name} "], capture_output=True, text=True,
                                  check=True).stdout.split()
            self.assertEqual(len(pids), 1)
            os.kill(int(pids[0]), signal.SIGTERM)
            terminal.waits("ended 0")
            terminal.keys("echo still $((40 + 2))", "Enter")
            terminal.waits("still 42")

    def test_ctrl_c_quits(self):
        with Scene() as scene, Terminal() as terminal:
            terminal.keys("'" + "' '".join(scene.arguments()) + "'; echo ended $?", "Enter")
            terminal.waits("h help")
            terminal.keys("C-c")
            wait_for(terminal.text, lambda: "h help" not in terminal.text())

    def test_colours_only_where_they_are_wanted(self):
        coloured = re.compile(r"\x1b\[[\d;]*3[0-7]")
        with Scene() as scene:
            for environment, arguments, wanted in (({}, [], True), ({"NO_COLOR": "1"}, [], False),
                                                   ({"NO_COLOR": "''"}, [], True), ({}, ["--no-color"], False)):
                with Terminal(**environment) as terminal:
                    terminal.run(scene.arguments("-d", "0.1", *arguments))
                    terminal.waits("h help")
                    self.assertEqual(bool(coloured.search(terminal.escapes())), wanted, (environment, arguments))

    def test_ascii(self):
        with Scene() as scene:
            for environment, arguments in (({}, ["--ascii"]), ({"LC_ALL": "C"}, [])):
                with Terminal(**environment) as terminal:
                    terminal.run(scene.arguments(*arguments))
                    terminal.waits("PROD->CONS")
                    self.assertTrue(terminal.text().isascii())

    def test_an_unknown_terminal_is_a_failure_with_a_hint(self):
        with Scene() as scene, Terminal(TERM="nonesuch") as terminal:
            terminal.run(scene.arguments())
            terminal.waits("ended 1")
            self.assertIn("--batch", terminal.text())

    def test_the_instance_dies_while_it_is_watched(self):
        with Scene() as scene, Terminal() as terminal:
            terminal.run(scene.arguments("-d", "0.1"))
            terminal.waits("h help")
            scene.kill()
            terminal.waits("POST-MORTEM")
            terminal.keys("q")
            terminal.waits("ended 0")


if __name__ == "__main__":
    unittest.main(verbosity=2)
