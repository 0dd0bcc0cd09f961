"""The real prot with fixture stages: start, kills, drain, bad input."""
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

from instance import ALONE, PROT, STAGES, Instance, alive, children_of, wait_for


class Start(unittest.TestCase):
    def test_up_returns_when_all_is_ready_and_down_leaves_nothing(self):
        with Instance() as prot:
            prot.up()
            status = prot.status()
            self.assertEqual(status["state"], "ready")
            self.assertEqual({s["name"] for s in status["stages"]}, set(STAGES))
            self.assertEqual({r["name"] for r in status["rings"]},
                             {"mic", "hearing", "transcript", "speech", "pcm", "playback", "echo", "turns", "recall",
                              "names"})
            self.assertEqual(status["stages"][0]["engine"], "fixture")
            self.assertIsInstance(status["stages"][0]["counters"], dict)
            pids = [s["pid"] for s in status["stages"]] + [status["supervisor"]["pid"]]
            self.assertEqual(prot.run("wait", "ready").returncode, 0)
            down = prot.run("down")
            self.assertEqual((down.returncode, down.stdout), (0, "DRAINED=0 DEFERRED=0\n"))
            wait_for("all gone", lambda: not any(map(alive, pids)), 1)
            self.assertEqual(prot.segments(), [])
            self.assertEqual({p.name for p in prot.runtime.iterdir()}, {"lock"})
            self.assertEqual(prot.run("status").returncode, 3)

    def test_what_hid_from_its_stage_ends_with_the_run(self):
        with Instance() as prot:
            stage = prot.stages / "prot-stt"
            target = stage.readlink()
            (prot.stages / "real").mkdir()
            (prot.stages / "real/prot-stt").symlink_to(target)
            stage.unlink()
            file = prot.folder / "hidden"
            stage.write_text(f"#!/bin/sh\nsetsid env -i /bin/sh -c 'echo $$ > {file}; exec /bin/sleep 60' > /dev/null 2>&1 &\n"
                             f"exec {prot.stages}/real/prot-stt\n")
            stage.chmod(0o755)
            prot.up()
            hidden = int(wait_for("it runs", lambda: file.exists() and file.read_text()))
            self.assertEqual(prot.run("down").returncode, 0)
            self.assertFalse(alive(hidden))

    def test_capture_is_started_last(self):
        with Instance() as prot:
            prot.up()
            ready = [line.split()[0] for line in prot.log() if " ready in " in line]
            self.assertEqual(ready[-1], "capture")

    def test_a_stage_is_waited_for_until_it_says_itself_that_it_is_ready(self):
        with Instance(late="brain", chatty="brain") as prot:
            told = prot.folder / "told"
            prot.order(late_until=told)
            up = prot.spawn("up", "-d", *ALONE)
            wait_for("the others are ready", lambda: prot.status() and all(
                prot.stage(s)["state"] == "ready" for s in ("stt", "tts", "player", "memory")))
            wait_for("brain works", lambda: prot.log("brain").count("chatter") > 3)  # and was asked as often
            self.assertEqual(prot.stage("brain")["state"], "starting")
            self.assertFalse(prot.stage("capture")["pid"])
            told.touch()
            self.assertEqual(up.wait(30), 0)
            self.assertEqual([prot.stage(stage)["state"] for stage in ("brain", "capture")], ["ready", "ready"])

    def test_a_stage_that_dies_at_every_start_fails_up_with_its_own_words(self):
        with Instance(fail="stt") as prot:
            up = prot.run("up", "-d", *ALONE)
            self.assertEqual(up.returncode, 1)
            self.assertIn("fixture: told to fail", up.stderr.splitlines()[-1])
            self.assertEqual(prot.segments(), [])

    def test_a_stage_that_dislikes_its_configuration_is_not_tried_again(self):
        with Instance(config="tts") as prot:
            up = prot.run("up", "-d", *ALONE)
            self.assertEqual(up.returncode, 2)
            self.assertEqual(up.stderr.count("tts ended"), 2)  # the event, and the verdict

    def test_foreground_shows_the_start_and_ends_well_on_interrupt(self):
        with Instance() as prot:
            process = prot.spawn("up", *ALONE)
            wait_for("ready", lambda: (prot.status() or {}).get("state") == "ready")
            process.send_signal(signal.SIGINT)
            _, messages = process.communicate(timeout=10)
            self.assertEqual(process.returncode, 0)
            self.assertRegex(messages, r"stt ready in \d+ ms")
            self.assertRegex(messages, r"stopped after \d+ ms")

    def test_an_interrupted_start_leaves_nothing(self):
        with Instance(slow="brain") as prot:
            process = prot.spawn("up", "-d", *ALONE)
            wait_for("started", prot.status)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=5)
            self.assertNotEqual(process.returncode, 0)
            self.assertEqual(prot.segments(), [])


class Kills(unittest.TestCase):
    def test_every_stage_comes_back_after_sigkill(self):
        with Instance() as prot:
            prot.up()
            for name in STAGES:
                before = prot.stage(name)
                os.kill(before["pid"], signal.SIGKILL)
                after = wait_for(name, lambda: (s := prot.stage(name))["state"] == "ready" and s["generation"] == 2 and s, 5)
                self.assertEqual((after["restarts"], after["last_exit"]), (1, -9))
            self.assertEqual(prot.status()["state"], "ready")

    def test_what_a_stage_leaves_in_its_group_dies_with_it(self):
        with Instance(child="tts") as prot:
            prot.up()
            pid = prot.stage("tts")["pid"]
            orphans = children_of(pid)
            self.assertTrue(orphans)
            os.kill(pid, signal.SIGKILL)
            wait_for("its child is gone", lambda: not any(map(alive, orphans)), 2)

    def test_no_stage_outlives_a_killed_supervisor_by_50_ms(self):
        with Instance() as prot:
            worst = 0.0
            for _ in range(5):
                prot.up()
                children, killed = prot.kill_supervisor()
                self.assertEqual(len(children), 6)
                wait_for("all dead", lambda: not any(map(alive, children)), 1)
                worst = max(worst, time.monotonic() - killed)
            print(f"longest life after the supervisor's: {worst * 1000:.1f} ms")
            self.assertLess(worst, 0.05 + 0.03)  # our own polling reads /proc on a busy machine

    def test_turns_of_a_killed_run_are_saved_at_the_next_start(self):
        with Instance(turns=7) as prot:
            prot.up()
            prot.kill_supervisor()
            prot.order(turns=0)
            up = prot.up()
            self.assertIn("7 frames of its turns saved", up.stderr)
            files = list((prot.state / "spool/brain").glob("*-001.frames"))
            self.assertEqual(len(files), 1)
            self.assertGreater(files[0].stat().st_size, 7 * 52)

    def pipes_and_the_like(self, pid):
        """Open descriptors but for log files, which are opened at a program's first line."""
        count = 0
        for file in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                count += not os.readlink(file).startswith("/")
        return count

    def test_a_storm_of_kills_ends_with_everything_ready_and_nothing_leaked(self):
        with Instance() as prot:
            prot.up()
            supervisor = prot.supervisor()
            files = self.pipes_and_the_like(supervisor)
            draw = random.Random(20260801)
            began = time.monotonic()
            kills = 0
            # On a full machine a stage needs longer to be there to be killed.
            while (taken := time.monotonic() - began) < 3 or kills <= 20:
                self.assertLess(taken, 30, f"{kills} kills")
                children = children_of(supervisor)
                if children:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(draw.choice(children), signal.SIGKILL)
                    kills += 1
                time.sleep(0.01)  # a storm has a rate
            wait_for("ready again", lambda: prot.status()["state"] == "ready", 20)
            self.assertEqual(len(children_of(supervisor)), 6)
            wait_for("no descriptor is left", lambda: self.pipes_and_the_like(supervisor) <= files, 2)

    def test_a_stage_that_makes_no_progress_is_replaced(self):
        with Instance(hang="stt") as prot:
            prot.up()
            hung = wait_for("replaced", lambda: (s := prot.stage("stt"))["restarts"] >= 1 and s, 12)
            self.assertEqual(hung["last_exit"], -6)
            self.assertTrue(any("stt makes no progress: aborted (its newest duty cycle began " in line for line in prot.log()))


class Hangs(unittest.TestCase):
    def test_a_stage_that_is_stopped_with_nothing_to_do_is_found(self):
        with Instance() as prot:
            prot.up()
            time.sleep(0.5)  # real time: no heartbeat but of stages that have slept for long
            for name, limit in (("capture", 0.5), ("player", 0.5), ("stt", 5.0)):
                pid = prot.stage(name)["pid"]
                os.kill(pid, signal.SIGSTOP)
                began = time.monotonic()
                wait_for("it is ended", lambda: not alive(pid), 2 * limit)
                lasted = time.monotonic() - began
                print(f"{name}: stopped, found after {lasted:.3f} s, limit {limit} s")
                self.assertLess(lasted, 1.25 * limit + 0.2)  # the machine may be full
                self.assertTrue(any(f"{name} makes no progress" in line for line in prot.log()))
                wait_for("back", lambda n=name: prot.stage(n)["state"] == "ready", 5)

    def test_nobody_is_killed_because_the_machine_is_full(self):
        with Instance() as prot:
            prot.up()
            spinners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4 * os.cpu_count())]
            try:
                time.sleep(4)  # real time: nobody may be killed in it
            finally:
                for spinner in spinners:
                    spinner.kill()
                    spinner.wait()
            self.assertEqual({s["restarts"] for s in prot.status()["stages"]}, {0}, prot.log())


class Ends(unittest.TestCase):
    def test_a_deaf_stage_is_aborted_at_its_deadline(self):
        with Instance(hang="stt") as prot:
            prot.up()
            pid = prot.stage("stt")["pid"]
            began = time.monotonic()
            stop = prot.spawn("stop", "stt")
            wait_for("it has ended", lambda: not alive(pid), 5)
            self.assertAlmostEqual(time.monotonic() - began, 3.0, delta=0.1)
            self.assertEqual(stop.wait(5), 0)
            self.assertEqual((prot.stage("stt")["state"], prot.stage("stt")["last_exit"]), ("down", -6))

    def test_stopped_means_that_its_children_are_gone_too(self):
        with Instance(child="tts") as prot:
            prot.up()
            children = children_of(prot.stage("tts")["pid"])
            self.assertTrue(children)
            self.assertEqual(prot.run("stop", "tts").returncode, 0)
            self.assertFalse(any(map(alive, children)))

    def test_what_is_stopped_while_it_starts_stays_down_and_the_start_goes_on(self):
        with Instance(slow="brain") as prot:
            up = prot.spawn("up", "-d", *ALONE)
            wait_for("it starts", lambda: (s := prot.status()) and s["stages"] and prot.stage("brain")["state"] == "starting")
            self.assertEqual(prot.run("stop", "brain").returncode, 0)
            self.assertEqual(up.wait(10), 0)
            self.assertEqual(prot.stage("brain")["state"], "down")
            self.assertEqual({s["state"] for s in prot.status()["stages"] if s["name"] != "brain"}, {"ready"})

    def test_only_the_stages_that_are_named_are_started(self):
        with Instance() as prot:
            self.assertEqual(prot.run("up", "-d", "stt", "nosuch", *ALONE).returncode, 4)
            self.assertEqual(prot.segments(), [])
            self.assertEqual(prot.run("up", "-d", "stt", "tts", *ALONE).returncode, 0)
            self.assertEqual({s["name"] for s in prot.status()["stages"] if s["state"] == "ready"}, {"stt", "tts"})
            self.assertEqual({s["state"] for s in prot.status()["stages"]}, {"ready", "down"})
            self.assertEqual(prot.run("start", "brain").returncode, 0)
            self.assertEqual(prot.stage("brain")["state"], "ready")
            self.assertEqual(prot.run("down").returncode, 0)
            self.assertEqual(prot.segments(), [])

    def test_one_that_dies_all_the_time_is_degraded_until_somebody_restarts_it(self):
        with Instance() as prot:
            prot.up()
            until = time.monotonic() + 30
            while not (stt := prot.stage("stt"))["degraded"]:
                self.assertLess(time.monotonic(), until)
                if stt["pid"]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(stt["pid"], signal.SIGKILL)
            self.assertEqual((stt["state"], stt["restarts"]), ("backoff", 11))
            self.assertEqual(prot.status()["state"], "degraded")
            self.assertRegex(prot.run("status").stdout, r"stt .* degraded ")
            self.assertTrue(any("stt was killed by SIGKILL; it dies all the time" in line for line in prot.log()))
            self.assertEqual(prot.run("restart", "stt").returncode, 0)
            self.assertFalse(prot.stage("stt")["degraded"])


class Strays(unittest.TestCase):
    def test_what_has_a_session_of_its_own_ends_with_its_stage(self):
        with Instance(daemon="tts") as prot:
            prot.up()
            daemons = children_of(prot.stage("tts")["pid"])
            self.assertTrue(daemons)
            os.kill(prot.stage("tts")["pid"], signal.SIGKILL)
            wait_for("it is gone", lambda: not any(map(alive, daemons)), 2)
            wait_for("back", lambda: prot.stage("tts")["state"] == "ready", 5)
            daemons = children_of(prot.stage("tts")["pid"])
            prot.run("down", "--now")
            wait_for("gone with the instance", lambda: not any(map(alive, daemons)), 2)

    def test_what_outlives_a_killed_supervisor_is_ended_by_the_next_start(self):
        with Instance(daemon="tts") as prot:
            prot.up()
            daemons = children_of(prot.stage("tts")["pid"])
            prot.kill_supervisor()
            prot.order(daemon="nobody")
            up = prot.up()
            self.assertFalse(any(map(alive, daemons)))
            self.assertRegex(up.stderr, r"an earlier run ended hard: .* [1-9]\d* processes ended")


class Poison(unittest.TestCase):
    def dead_letters(self, prot):
        return sorted((prot.state / "dead-letters").glob("*.frame"))

    def turns(self, prot):
        return next(r for r in prot.status()["rings"] if r["name"] == "turns")

    def test_a_frame_that_ends_its_consumer_twice_is_moved_to_a_file(self):
        for how in ({}, {"poison_exit": 3}):
            with self.subTest(how), Instance(turns=5, store=1, poison=3, **how) as prot:
                prot.up()
                wait_for("set aside", lambda: self.turns(prot)["poison_frames"] == 1, 20)
                wait_for("all taken", lambda: self.turns(prot)["used_bytes"] == 0, 20)
                self.assertEqual(prot.stage("memory")["restarts"], 2)
                self.assertEqual(prot.stage("memory")["last_exit"], 3 if how else -6)
                files = self.dead_letters(prot)
                self.assertEqual(len(files), 1)
                self.assertRegex(files[0].name, r"^turns-[0-9a-f]{12}-2\.frame$")
                self.assertEqual(files[0].stat().st_mode & 0o777, 0o600)
                self.assertTrue(files[0].read_bytes()[:-4].endswith(b"poison"))
                self.assertTrue(any("frame 2 of turns ended memory twice" in line for line in prot.log()))
                self.assertIn("POISON", prot.run("status").stdout)
                down = prot.run("down")  # the two before were counted by those that died
                self.assertEqual((down.returncode, down.stdout), (0, "DRAINED=2 DEFERRED=0\n"))

    def test_a_kill_from_outside_blames_no_frame(self):
        with Instance(turns=2) as prot:  # memory leaves them in the ring
            prot.up()
            for restarts in range(1, 4):
                os.kill(prot.stage("memory")["pid"], signal.SIGKILL)
                wait_for("back", lambda n=restarts: (s := prot.stage("memory"))["state"] == "ready" and s["restarts"] == n, 20)
            self.assertEqual(self.turns(prot)["poison_frames"], 0)
            self.assertEqual(self.dead_letters(prot), [])


class Fencing(unittest.TestCase):
    def test_a_stopped_stage_is_dead_before_its_successor_lives(self):
        with Instance() as prot:
            prot.up()
            for name in ("brain", "stt"):
                old = prot.stage(name)
                os.kill(old["pid"], signal.SIGSTOP)
                self.assertEqual(prot.run("restart", name).returncode, 0)
                self.assertFalse(alive(old["pid"]))
                self.assertEqual(prot.stage(name)["generation"], old["generation"] + 1)

    def test_a_stage_that_finds_itself_replaced_ends_without_a_frame(self):
        with Instance() as prot:
            prot.up()
            old = prot.stage("tts")
            os.kill(old["pid"], signal.SIGSTOP)
            ring = next(s for s in prot.segments() if s.endswith(".pcm"))
            with open(ring, "r+b") as segment:  # as if another process had its place
                segment.seek(4096)
                segment.write((99).to_bytes(4, "little"))
            os.kill(old["pid"], signal.SIGCONT)
            new = wait_for("restarted", lambda: (s := prot.stage("tts"))["state"] == "ready" and s["generation"] == 2 and s, 10)
            self.assertEqual(new["last_exit"], 1)
            self.assertIn("tts: generation 1 was replaced: ending", "\n".join(prot.log("tts")))


class Requests(unittest.TestCase):
    def test_restart_stop_and_start(self):
        with Instance() as prot:
            prot.up()
            self.assertEqual(prot.run("restart", "brain").returncode, 0)
            self.assertEqual(prot.stage("brain")["generation"], 2)
            self.assertEqual(prot.run("stop", "stt").returncode, 0)
            self.assertEqual(prot.stage("stt")["state"], "down")
            self.assertEqual(prot.status()["state"], "degraded")
            self.assertEqual(prot.run("wait", "-t", "0.2", "ready").returncode, 5)
            self.assertEqual(prot.run("start", "stt").returncode, 0)
            self.assertEqual(prot.status()["state"], "ready")
            self.assertEqual(prot.run("restart", "nobody").returncode, 4)

    def test_a_folder_of_its_own_that_somebody_removed_is_there_again_behind_a_restart(self):
        with Instance() as prot:
            prot.up()
            shutil.rmtree(prot.state / "said")
            self.assertEqual(prot.run("restart", "brain").returncode, 0)
            self.assertTrue((prot.state / "said").is_dir())

    def test_a_joined_stage_is_held_until_it_ends(self):
        with Instance() as prot:
            prot.up()
            joiner = prot.spawn("--join", prot.name, program=prot.stages / "prot-stt")
            held = wait_for("held", lambda: (s := prot.stage("stt"))["state"] == "held" and s, 5)
            self.assertEqual(held["pid"], joiner.pid)
            self.assertEqual(prot.run("restart", "stt").returncode, 1)
            joiner.kill()
            wait_for("given back", lambda: prot.stage("stt")["state"] == "ready", 5)

    def test_a_joined_stage_drains_like_its_own(self):
        with Instance() as prot:
            prot.up()
            joiner = prot.spawn("--join", prot.name, program=prot.stages / "prot-brain")
            wait_for("held", lambda: prot.stage("brain")["state"] == "held", 5)
            self.assertEqual(prot.run("down").returncode, 0)
            self.assertEqual(joiner.wait(5), 0)

    def test_a_holder_that_died_holds_up_no_stop(self):
        """A child of it keeps the connection open."""
        with Instance() as first, Instance() as second:
            children = []
            for prot in (first, second):
                prot.up()
                script = ("import json,socket,struct,subprocess,sys\n"
                          "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
                          "for stage in 'stt', 'tts':\n"
                          "    text = json.dumps({'cmd': 'join', 'stage': stage}).encode()\n"
                          "    s.sendall(struct.pack('<I', len(text)) + text)\n"
                          "    n, = struct.unpack('<I', s.recv(4, socket.MSG_WAITALL))\n"
                          "    reply = json.loads(s.recv(n, socket.MSG_WAITALL))\n"
                          "child = subprocess.Popen(['sleep', '60'], pass_fds=[s.fileno()], stdout=subprocess.DEVNULL)\n"
                          "print(reply['error'], child.pid)\n")
                done = subprocess.run([sys.executable, "-c", script, prot.runtime / "control.sock"],
                                      stdout=subprocess.PIPE, text=True, timeout=10)
                said, child = done.stdout.rsplit(maxsplit=1)
                self.assertEqual(said, "this connection holds stt already")
                children.append(int(child))
            try:
                self.assertEqual(first.stage("tts")["state"], "ready")
                pid = second.supervisor()
                for _ in range(3):
                    os.kill(pid, signal.SIGTERM)
                    time.sleep(0.05)
                wait_for("killed", lambda: not alive(pid), 5)
                self.assertEqual(first.run("down", "--now", timeout=20).returncode, 0)
            finally:
                for child in children:
                    os.kill(child, signal.SIGKILL)

    def test_logs_follow_until_the_end(self):
        with Instance() as prot:
            prot.up()
            follower = prot.spawn("logs", "-f", "stt")
            self.assertIn("ready (generation 1)", follower.stdout.readline())
            prot.run("down")
            rest, _ = follower.communicate(timeout=5)
            self.assertIn("drained", rest)
            self.assertIn("drained", prot.run("logs", "stt").stdout)  # from its file

    def test_a_broken_client_does_no_harm(self):
        import socket
        with Instance() as prot:
            prot.up()
            for junk in (b"\xff\xff\xff\xff", b"\x05\0\0\0nonse", b"\x02\0\0\0{}", b"\x10\0\0\0half"):
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(str(prot.runtime / "control.sock"))
                    client.sendall(junk)
            self.assertEqual(prot.status()["state"], "ready")


class Drain(unittest.TestCase):
    def order(self, prot):
        return [line.split()[0] for line in prot.log() if re.search(r" drained after ", line)]

    def test_the_stages_end_in_the_order_of_the_end_of_stream(self):
        with Instance(turns=5, store=1) as prot:
            prot.up()
            down = prot.run("down")
            self.assertEqual((down.returncode, down.stdout), (0, "DRAINED=5 DEFERRED=0\n"))
            self.assertEqual(self.order(prot), ["capture", "stt", "tts", "player", "brain", "memory"])

    def test_each_stage_may_crash_in_the_drain(self):
        for name in ("stt", "brain", "tts", "player", "memory"):
            with self.subTest(stage=name), Instance(turns=3, store=1, crash_in_drain=name) as prot:
                prot.up()
                down = prot.run("down")
                self.assertEqual(down.returncode, 0, down.stderr)
                self.assertIn(f"{name} ended before it was drained: started once more", down.stderr)
                self.assertEqual(self.order(prot), ["capture", "stt", "tts", "player", "brain", "memory"])

    def test_memory_may_be_killed_again_and_again_in_one_drain(self):
        with Instance(turns=300, store_every=10) as prot:
            prot.up()
            down, pids = prot.spawn("down"), []
            for _ in range(6):
                pids.append(wait_for("the next", lambda: (s := prot.status() and prot.stage("memory"))
                                     and s["state"] == "ready" and s["pid"] not in pids and s["pid"]))
                if len(pids) <= 5:
                    os.kill(pids[-1], signal.SIGKILL)
            account, messages = down.communicate(timeout=60)
            self.assertEqual(down.returncode, 0, messages)
            self.assertEqual(messages.count("memory ended before it was drained: started once more"), 5, messages)
            self.assertIn("memory drained after", messages)
            self.assertGreater(int(re.match(r"DRAINED=(\d+) DEFERRED=0\n", account)[1]), 100)
            self.assertEqual(list((prot.state / "spool/brain").glob("*.frames")), [])

    def test_a_deaf_stage_is_named_and_ended(self):
        with Instance(deaf="stt") as prot:
            prot.up()
            began = time.monotonic()
            down = prot.run("down", "--now")
            self.assertLess(time.monotonic() - began, 15)
            self.assertEqual(down.returncode, 0, down.stderr)
            self.assertIn("waiting for stt", down.stderr)
            self.assertIn("stt does not end: killed", down.stderr)

    def pending(self, pid, number):
        try:
            lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            return False
        return any(int(line.split()[1], 16) >> (number - 1) & 1 for line in lines if line.startswith(("SigPnd", "ShdPnd")))

    def test_a_third_signal_kills_and_keeps_the_turns(self):
        with Instance(turns=4, deaf="memory") as prot:
            prot.up()
            supervisor = prot.supervisor()
            for _ in range(3):
                os.kill(supervisor, signal.SIGTERM)
                wait_for("taken", lambda: not self.pending(supervisor, signal.SIGTERM))  # signals of one number merge
            wait_for("gone", lambda: not alive(supervisor), 5)
            self.assertEqual(prot.segments(), [])
            self.assertEqual(len(list((prot.state / "spool/brain").glob("*.frames"))), 1)


class BadInput(unittest.TestCase):
    def line(self, done, code, *words):
        self.assertEqual(done.returncode, code, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_wrong_configuration_names_file_and_line(self):
        with Instance() as prot:
            file = prot.folder / "bad.toml"
            file.write_text("[stt]\nthreads = 1\nthreds = 2\n")
            for command in ("up", "check"):
                self.line(prot.run(command, "--config", str(file)), 2, "bad.toml:3", "stt.threads")
            self.line(prot.run("up", "--set", "stt.threads=many"), 2, "whole number")
            self.line(prot.run("up", "--instance", "No Good"), 2, "instance name")

    def test_wrong_command_lines_are_usage_errors(self):
        with Instance() as prot:
            for arguments in ([], ["fly"], ["restart"], ["status", "--nope"], ["logs", "-n", "x"], ["wait", "tea"]):
                self.assertEqual(prot.run(*arguments).returncode, 2, arguments)
            self.assertEqual(prot.run("--version").returncode, 0)
            self.assertIn("Exit codes", prot.run("--help").stdout)
            self.assertIn("[capture]", prot.run("config", "example").stdout)

    def test_a_second_instance_of_the_name_is_refused(self):
        with Instance() as prot:
            prot.up()
            self.line(prot.run("up", "-d", *ALONE), 1, f"instance '{prot.name}' is already running (pid {prot.supervisor()})")
            self.line(prot.run("up", *ALONE), 1, "already running")

    def test_a_socket_path_that_is_too_long_is_named(self):
        with Instance() as prot:
            deep = prot.folder / ("d" * 90)
            deep.mkdir()
            prot.environment["XDG_RUNTIME_DIR"] = str(deep)
            self.line(prot.run("up", "-d", *ALONE), 1, "too long", "XDG_RUNTIME_DIR")
            self.assertEqual(prot.segments(), [])
            prot.environment["XDG_RUNTIME_DIR"] = str(prot.folder / "run")

    def test_a_missing_stage_program_is_named(self):
        with Instance(stages=[s for s in STAGES if s != "stt"]) as prot:
            alone = prot.folder / "prot"
            shutil.copy(PROT, alone)
            done = prot.run("up", "-d", *ALONE, program=alone)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("prot-stt is not there", done.stderr)
            self.assertEqual(prot.segments(), [])

    def test_a_missing_model_says_what_to_do(self):
        with Instance(settings=["--set", "memory.enabled=false"]) as prot:
            self.line(prot.run("up", "-d", *prot.settings), 1, "llm: model file", "llm.model", "brain.url")
            self.assertEqual(prot.segments(), [])

    def test_nothing_runs(self):
        with Instance() as prot:
            for arguments in (["status"], ["down"], ["restart", "stt"], ["say", "hello"], ["logs", "-f"], ["wait", "ready"]):
                self.line(prot.run(*arguments), 3, "is not running")


if __name__ == "__main__":
    unittest.main(verbosity=2)
