"""prot doctor on the real programs: every check can be made to fail, says how to mend it, and shows no secret."""
import contextlib
import http.server
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from instance import PROT, Instance, wait_for

QUIET = {"capture.source": "null", "capture.detector": "energy", "player.sink": "null", "stt.engine": "null",
         "tts.voice_en": "tone", "tts.voice_ko": "tone", "brain.url": "null:", "memory.enabled": "false"}
PULSE = """load-module module-null-sink sink_name=speaker rate=48000
load-module module-null-sink sink_name=micsrc rate=48000
load-module module-remap-source source_name=mic master=micsrc.monitor
set-default-sink speaker
set-default-source mic
load-module module-native-protocol-unix auth-anonymous=1 socket={folder}/native
"""


class Doctor(Instance):
    """An instance with the real stage programs, no sound, and a configuration in which nothing is missing."""

    def __init__(self, stages=(), **settings):
        super().__init__(stages=stages, settings=[])
        self.values = {**QUIET, **{name.replace("__", "."): value for name, value in settings.items()}}
        self.environment |= {"PULSE_SERVER": "unix:/nonexistent/socket", "ALSA_CONFIG_PATH": "/dev/null"}
        self.cwd = self.folder

    def arguments(self):
        return [word for name, value in self.values.items() if value is not None for word in ("--set", f"{name}={value}")]

    def doctor(self, *more, timeout=40, before=None, prefix=()):
        return subprocess.run([*prefix, str(PROT), "doctor", *self.arguments(), *more], env=self.environment,
                              capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, cwd=self.cwd,
                              preexec_fn=before)

    def report(self, *more, **options):
        done = self.doctor("--json", *more, **options)
        report = json.loads(done.stdout)
        report["code"] = done.returncode
        report["by"] = {check["what"]: check for check in report["checks"]}
        return report


@contextlib.contextmanager
def private_pulse(more=""):
    with tempfile.TemporaryDirectory(prefix="prot-doctor-pulse-") as folder:
        config = pathlib.Path(folder) / "config.pa"
        config.write_text(PULSE.replace("set-default-sink", more + "set-default-sink").format(folder=folder))
        environment = {"PATH": os.environ["PATH"], **{name: folder for name in (
            "HOME", "PULSE_RUNTIME_PATH", "PULSE_STATE_PATH", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")}}
        server = subprocess.Popen(["pulseaudio", "-n", "-F", str(config), "--exit-idle-time=-1", "--use-pid-file=no",
                                   "--daemonize=no"], env=environment, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        try:
            wait_for("PulseAudio", (pathlib.Path(folder) / "native").exists)
            yield f"unix:{folder}/native"
        finally:
            server.terminate()
            server.wait()


@contextlib.contextmanager
def model_server(status):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


class Base(unittest.TestCase):
    def check_configuration(self, report, *words):
        found = [check for check in report["checks"] if check["what"] == "configuration"]
        self.assertEqual({check["verdict"] for check in found}, {"fail"})
        self.assertEqual(len(found), len(words), found)
        for check, word in zip(found, words):
            self.assertIn(word, check["finding"])

    def check(self, report, what, verdict, *words):
        check = report["by"][what]
        self.assertEqual(check["verdict"], verdict, check)
        for word in words:
            self.assertIn(word, check["finding"])
        self.assertEqual(bool(check["mend"]), verdict != "ok", check)
        self.assertEqual(report["code"], 1 if report["failed"] else 0)
        self.assertEqual(report["failed"], sum(c["verdict"] == "fail" for c in report["checks"]))
        return check


class Form(Base):
    def test_a_line_for_each_check_and_how_to_mend_what_is_not_ok(self):
        with Doctor() as prot:
            done = prot.doctor()
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertEqual(done.stderr, "")
            lines = done.stdout.splitlines()
            names = []
            for number, line in enumerate(lines):
                if line.startswith("      -> "):
                    self.assertRegex(lines[number - 1], r"^(warn|fail)  ?")
                    continue
                found = re.match(r"(ok|warn|fail) +([^:]+): \S", line)
                self.assertTrue(found, line)
                names.append(found[2])
                if found[1] != "ok":
                    self.assertTrue(lines[number + 1].startswith("      -> "), line)
            self.assertEqual(names, [check["what"] for check in prot.report()["checks"]])
            for what in ("runtime folder", "state folder", "configuration", ".env", "programs", "database", "microphone",
                         "voice activity", "end of turn", "recognition", "English voice", "Korean voice", "loudspeaker",
                         "real-time limit", "locked memory", "debugger", "core dumps", "clock", "shared memory",
                         "disk for state", "disk for models", "key OPENAI_API_KEY", "language model",
                         f"instance {prot.name}"):
                self.assertIn(what, names)
            self.assertEqual(prot.segments(), [])
            self.assertFalse(prot.runtime.exists())  # it changes nothing

    def test_a_wrong_configuration_is_a_finding_and_the_machine_is_looked_at_all_the_same(self):
        with Doctor() as prot:
            file = prot.folder / "bad.toml"
            file.write_text("[stt]\nthreads = 1\nthreds = 2\n")
            report = prot.report("--config", str(file))
            self.check(report, "configuration", "fail", "bad.toml:3", "stt.threads")
            self.assertIn("clock", report["by"])


class Devices(Base):
    def setUp(self):
        if shutil.which("pulseaudio") is None:
            self.skipTest("pulseaudio is not installed")

    def test_rows_are_listed_and_the_one_that_would_be_used_is_marked(self):
        with private_pulse() as server, Doctor(**{"capture__source": None, "player__sink": None}) as prot:
            prot.environment["PULSE_SERVER"] = server
            report = prot.report()
            self.check(report, "microphone", "ok", "row 0, pulse:mic")
            self.check(report, "loudspeaker", "ok", "pulse:speaker")
            self.assertEqual([row["row"] for row in report["capture"]], list(range(len(report["capture"]))))
            self.assertEqual([row["device"] for row in report["capture"]][:3],
                             ["pulse:mic", "pulse:speaker.monitor", "pulse:micsrc.monitor"])
            self.assertEqual([row["device"] for row in report["capture"] if row["used"]], ["pulse:mic"])
            self.assertEqual([row["device"] for row in report["playback"] if row["used"]], ["pulse:speaker"])
            self.assertIn("*   0  pulse:mic", prot.doctor().stdout)

            prot.environment["MIC_DEVICE_INDEX"] = "1"
            report = prot.report()
            self.check(report, "microphone", "ok", "row 1, pulse:speaker.monitor")
            self.assertEqual([row["row"] for row in report["capture"] if row["used"]], [1])

            last = len(report["capture"]) - 1
            prot.environment["MIC_DEVICE_INDEX"] = str(last + 1)
            self.check(prot.report(), "microphone", "fail", f"capture.device_index = {last + 1} (MIC_DEVICE_INDEX)",
                       f"the rows are 0 to {last}")
            prot.environment["MIC_DEVICE_INDEX"] = "0"
            prot.values["capture.device"] = "micsrc.monitor"
            self.check(prot.report(), "microphone", "fail", "only one of them")
            del prot.environment["MIC_DEVICE_INDEX"]
            self.check(prot.report(), "microphone", "ok", "pulse:micsrc.monitor")
            prot.values["capture.device"] = "nosuch"
            prot.values["capture.source"] = "pulse"
            self.check(prot.report(), "microphone", "fail", "there is no pulse:nosuch")

    def test_capture_records_from_the_row(self):
        others = ["stt", "brain", "tts", "player", "memory"]
        with private_pulse() as server, Doctor(stages=others, **{"capture__source": None}) as prot:
            prot.values |= {"memory.enabled": None, "memory.database_url": "postgresql:///nowhere"}
            prot.environment |= {"PULSE_SERVER": server, "MIC_DEVICE_INDEX": "2"}
            up = prot.run("up", "-d", *prot.arguments())
            self.assertEqual(up.returncode, 0, up.stderr)
            self.assertIn("pulse:micsrc.monitor", prot.stage("capture")["engine"])
            prot.run("down", "--now")
            prot.environment["MIC_DEVICE_INDEX"] = "99"
            up = prot.run("up", "-d", *prot.arguments())
            self.assertEqual(up.returncode, 2, up.stderr)
            self.assertRegex(up.stderr, r"MIC_DEVICE_INDEX\): the rows are 0 to \d+")

    def test_no_sound_at_all(self):
        with Doctor(**{"capture__source": None, "player__sink": None}) as prot:
            report = prot.report()
            self.check(report, "microphone", "fail", "there is none", "PulseAudio")
            self.check(report, "loudspeaker", "fail", "there is none")
            prot.environment["MIC_DEVICE_INDEX"] = "0"
            self.check(prot.report(), "microphone", "fail", "no device to record from")

    def test_an_alsa_device_is_a_row_and_converters_are_none(self):
        with Doctor(**{"capture__source": None, "player__sink": None}) as prot:
            config = prot.folder / "asound.conf"
            config.write_text('pcm.default { type null hint { show on description "A card" } }\n'
                              'pcm.lavrate { type null hint { show on description "A converter" } }\n'
                              'defaults.namehint { basic on extended on showall off }\n')
            prot.environment["ALSA_CONFIG_PATH"] = str(config)
            report = prot.report()
            self.assertEqual([row["device"] for row in report["capture"]], ["alsa:default"])
            self.check(report, "microphone", "ok", "row 0, alsa:default")
            self.check(report, "loudspeaker", "ok", "alsa:default")

    def test_files_and_names_that_do_not_exist(self):
        with Doctor(**{"capture__source": "wav", "capture__device": "/nonexistent.wav"}) as prot:
            self.check(prot.report(), "microphone", "fail", "/nonexistent.wav")
            prot.values |= {"capture.source": "gramophone", "capture.device": None, "player.sink": "horn"}
            self.check_configuration(prot.report(), "'gramophone'", "'horn'")


class Models(Base):
    def test_the_language_models_file_is_there_of_its_kind_and_whole(self):
        with Doctor(**{"brain__url": None}) as prot:
            models = prot.folder / "cache/prot/models"
            models.mkdir(parents=True)
            server = prot.folder / "cache/prot/engines/llama/bin/llama-server"
            self.check(prot.report(), "language model", "fail", "llama-server is not there")
            server.parent.mkdir(parents=True)
            server.write_text("#!/bin/sh\nexit 0\n")
            server.chmod(0o755)
            report = prot.report()
            self.check(report, "language model", "fail", ".gguf cannot be used")
            model = pathlib.Path(report["by"]["language model"]["finding"].split()[1])
            model.write_bytes(b"GGUF" + bytes(1000))
            self.check(prot.report(), "language model", "ok", str(model))
            (models / ".checked").write_text(f"{model.name} 2004 2026-01-01\n")
            self.check(prot.report(), "language model", "fail", "has 1004 bytes instead of 2004")
            (models / ".checked").unlink()
            model.write_bytes(b"<html>not found</html>")
            self.check(prot.report(), "language model", "fail", "no file of this kind")
            model.write_bytes(b"")
            self.check(prot.report(), "language model", "fail", "is empty")
            server.write_text("#!/bin/sh\nexit 1\n")
            model.write_bytes(b"GGUF" + bytes(1000))
            self.check(prot.report(), "language model", "fail", "does not run")
            prot.values["llm.enabled"] = "false"
            self.check(prot.report(), "language model", "warn", "none")

    def test_the_other_engines_say_what_they_lack(self):
        with Doctor() as prot:
            prot.values |= {"stt.engine": "parrot", "tts.voice_en": "choir", "capture.detector": "ear"}
            self.check_configuration(prot.report(), "'ear'", "'parrot'", "'choir'")
            prot.values |= {"stt.engine": "whisper", "tts.voice_en": "piper", "capture.detector": "silero"}
            report = prot.report()  # the cache is empty, or the engine is not built in
            for what in ("recognition", "voice activity"):
                self.check(report, what, "fail")
            self.assertIn(report["by"]["English voice"]["verdict"], ("fail", "warn"))  # without piper espeak-ng speaks

    def test_espeak_is_tried(self):
        with Doctor(**{"tts__voice_ko": "espeak"}) as prot:
            prot.environment["PATH"] = str(prot.folder)
            for name in ("timeout", "sh"):
                (prot.folder / name).symlink_to(shutil.which(name))
            self.check(prot.report(), "Korean voice", "fail", "cannot start espeak-ng")


class Secrets(Base):
    def test_a_key_that_the_configuration_needs_is_asked_for_and_never_shown(self):
        with Doctor(**{"brain__url": "https://127.0.0.1:1/v1"}) as prot:
            report = prot.report()
            self.check(report, "key OPENAI_API_KEY", "fail", "not present", "brain.url")
            prot.values["brain.url"] = "https://me:s3cret@127.0.0.1:1/v1"
            self.assertNotIn("s3cret", prot.doctor().stdout)
            prot.values["brain.url"] = "https://127.0.0.1:1/v1"
            self.check(report, "language model", "fail", "127.0.0.1:1")
            self.check(report, "key ANTHROPIC_API_KEY", "ok", "not present, not needed")
            prot.environment |= {"OPENAI_API_KEY": "sk-geheim", "VOYAGE_API_KEY": "pa-geheim"}
            self.check(prot.report(), "key OPENAI_API_KEY", "ok", "present")
            self.check(prot.report(), "key VOYAGE_API_KEY", "ok", "present, not needed")
            self.assertNotIn("geheim", prot.doctor().stdout + prot.doctor().stderr)

    def test_a_service_that_is_paid_for_is_not_asked_but_its_key_is_looked_for(self):
        with Doctor(brain__engine="anthropic", brain__url="") as prot:
            report = prot.report()
            self.check(report, "key ANTHROPIC_API_KEY", "fail", "not present", "anthropic.url")
            self.check(report, "language model", "fail", "no key in ANTHROPIC_API_KEY")
            prot.environment |= {"ANTHROPIC_API_KEY": "sk-geheim"}
            self.check(prot.report(), "language model", "ok", "key present, not asked")
            self.check(prot.report(), "key ANTHROPIC_API_KEY", "ok", "present")
            self.assertNotIn("geheim", prot.doctor().stdout + prot.doctor().stderr)

    def test_the_model_server_is_asked(self):
        for status, verdict, words in ((200, "ok", "answers"), (404, "ok", "answers"), (401, "fail", "401")):
            with self.subTest(status), model_server(status) as url, Doctor(**{"brain__url": url}) as prot:
                self.check(prot.report(), "language model", verdict, words)

    def test_the_databases_password_is_not_shown(self):
        with Doctor(**{"memory__enabled": None, "memory__extraction": "false"}) as prot:
            for url, word in (("postgresql://u:geheim@127.0.0.1:1/x", "Connection refused"),
                              ("postgresql//u:geheim@127.0.0.1:1/x", "cannot use this address"),
                              ("postgresql://u:geheim@127.0.0.1:port/x", "cannot use this address"),
                              ("postgresql://u:ge@heim@nowhere.invalid/x", "cannot be resolved"),
                              ("host=127.0.0.1 port=1 password=geheim", "Connection refused")):
                with self.subTest(url):
                    prot.environment["DATABASE_URL"] = url
                    self.check(prot.report(), "database", "fail", word)
                    done = prot.doctor()
                    self.assertNotIn("heim", done.stdout + done.stderr)
            prot.environment["DATABASE_URL"] = "postgresql:///x"
            prot.values["memory.store"] = "ram"
            self.check(prot.report(), "database", "warn", "ram")

    def test_the_env_file_is_the_one_that_prot_up_reads(self):
        with Doctor() as prot:
            (prot.folder / ".env").mkdir()  # a Python environment
            self.check(prot.report(), ".env", "ok", "is a folder: not read")
            other = prot.folder / "other.env"
            other.write_text("OPENAI_API_KEY=sk-geheim\n")
            other.chmod(0o644)
            self.check(prot.report("--env-file", str(other)), ".env", "fail", "other.env (mode 644)")

    def test_files_with_secrets_are_closed_to_others(self):
        with Doctor() as prot:
            (prot.folder / ".env").write_text("OPENAI_API_KEY=sk-geheim\n")
            for mode, verdict in ((0o644, "fail"), (0o640, "fail"), (0o600, "ok"), (0o400, "ok")):
                (prot.folder / ".env").chmod(mode)
                self.check(prot.report(), ".env", verdict, f"{mode:o}")
            self.assertNotIn("geheim", prot.doctor().stdout)
            file = prot.folder / "config/prot/prot.toml"
            file.parent.mkdir()
            file.write_text("[stt]\nthreads = 1\n")
            for mode, verdict in ((0o644, "ok"), (0o646, "fail"), (0o600, "ok")):
                file.chmod(mode)
                self.check(prot.report(), "configuration", verdict)
            file.write_text('[memory]\ndatabase_url = "postgresql://u:geheim@127.0.0.1:1/x"\n')
            file.chmod(0o644)
            self.check(prot.report(), "configuration", "fail", "read its secrets")


class Place(Base):
    def test_a_runtime_folder_that_is_too_deep_is_named(self):
        with Doctor() as prot:
            prot.environment["XDG_RUNTIME_DIR"] = "/run/" + "d" * 90
            self.check(prot.report(), "runtime folder", "fail", "bytes, at most 107")

    def test_a_state_folder_of_somebody_else_or_none(self):
        with Doctor() as prot:
            prot.state.parent.mkdir(parents=True)
            prot.state.write_text("")
            self.check(prot.report(), "state folder", "fail", "is no folder")
            prot.state.unlink()
            prot.state.mkdir(mode=0o755)
            self.check(prot.report(), "state folder", "warn", "open to others")
            if os.geteuid() == 0:
                os.chown(prot.state, 65534, 65534)
                self.check(prot.report(), "state folder", "fail", "belongs to user 65534")

    def test_limits(self):
        def limit(what, value):
            return lambda: resource.setrlimit(what, (value, resource.getrlimit(what)[1]))

        with Doctor() as prot:
            self.check(prot.report(before=limit(resource.RLIMIT_MEMLOCK, 64 * 1024)), "locked memory", "warn", "0 MiB")
            piped = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().startswith("|")
            self.check(prot.report(before=limit(resource.RLIMIT_CORE, 0)), "core dumps", "ok" if piped else "warn")
            if resource.getrlimit(resource.RLIMIT_CORE)[1] != 0:
                self.check(prot.report(before=limit(resource.RLIMIT_CORE, 1 << 20)), "core dumps", "ok", "limit 1 MiB")

    def test_full_disks(self):
        def in_namespace(command):
            return ["unshare", "--mount", "sh", "-c", command + ' && exec "$0" "$@"']

        mount = "mount -t tmpfs -o size={size} tmpfs {folder}"
        if subprocess.run(in_namespace(mount.format(size="1m", folder="/dev/shm"))[:4] +
                          [mount.format(size="1m", folder="/dev/shm")], capture_output=True).returncode != 0:
            self.skipTest("this user may not mount")
        with Doctor() as prot:
            shm = in_namespace(mount.format(size="1m", folder="/dev/shm"))
            self.check(prot.report(prefix=shm), "shared memory", "fail", "MiB free in /dev/shm, wanted are 16")
            for size, verdict in (("8m", "fail"), ("100m", "warn")):
                state = in_namespace(mount.format(size=size, folder=prot.folder / "state"))
                self.check(prot.report(prefix=state), "disk for state", verdict)
            cache = prot.folder / "cache"
            cache.mkdir()
            self.check(prot.report(prefix=in_namespace(mount.format(size="8m", folder=cache))), "disk for models", "warn")


class Programs(Base):
    def put(self, prot, name, text):
        file = prot.stages / name
        file.write_text("#!/bin/sh\n" + text)
        file.chmod(0o755)

    def test_a_program_of_another_version_is_named(self):
        with Doctor() as prot:
            self.put(prot, "prot-stt", "echo prot-stt 9.9\n")
            self.check(prot.report(), "programs", "fail", "prot-stt is 'prot-stt 9.9'")

    def test_a_program_that_does_not_run_is_named(self):
        with Doctor() as prot:
            self.put(prot, "prot-stt", "exit 127\n")
            self.check(prot.report(), "programs", "fail", "prot-stt does not run (exit status 127)")

    def test_a_missing_program_is_named(self):
        with Doctor() as prot:
            alone = prot.folder / "prot"
            shutil.copy(PROT, alone)
            done = subprocess.run([alone, "doctor", "--json", *prot.arguments()], env=prot.environment, capture_output=True,
                                  text=True, timeout=60, cwd=prot.cwd)
            report = json.loads(done.stdout)
            programs = next(c for c in report["checks"] if c["what"] == "programs")
            self.assertEqual((done.returncode, programs["verdict"]), (1, "fail"))
            self.assertIn("is not there", programs["finding"])

    def test_a_stage_program_that_hangs_or_talks_nonsense_holds_nobody_up(self):
        with Doctor() as prot:
            self.put(prot, "prot-stt", 'test "$1" = --version && echo "prot-stt 0" || exec sleep 600\n')
            self.put(prot, "prot-tts", "echo hello\n")
            self.put(prot, "prot-brain", "exit 9\n")
            began = time.monotonic()
            report = prot.report()
            self.assertLess(time.monotonic() - began, 15)
            self.check(report, "prot-stt --check", "fail", "does not end within 5 s")
            self.check(report, "prot-tts --check", "fail", "no JSON")
            self.check(report, "prot-brain --check", "fail", "ended with 9")

    def test_a_program_that_is_deaf_is_said_not_to_end(self):
        with Doctor() as prot:
            self.put(prot, "prot-stt", "trap '' TERM\nwhile :; do sleep 600; done\n")
            self.check(prot.report(), "programs", "fail", "prot-stt --version does not end within 5 s")

    def test_what_a_program_leaves_behind_holds_nobody_up(self):
        with Doctor() as prot:
            left = prot.folder / "left"
            self.put(prot, "prot-stt", f"setsid sleep 60 & echo $! >>{left}\n")
            began = time.monotonic()
            prot.report()
            self.assertLess(time.monotonic() - began, 20)
            for pid in left.read_text().split():
                os.kill(int(pid), signal.SIGKILL)

    def test_a_program_sees_no_secrets_but_its_own(self):
        with Doctor(memory__store="ram") as prot:
            prot.environment |= {"OPENAI_API_KEY": "sk-x", "VOYAGE_API_KEY": "pa-x", "HASS_TOKEN": "ha-x"}
            for stage in ("stt", "brain"):
                self.put(prot, f"prot-{stage}", f'test "$1" = --check && env >{prot.folder}/{stage}.env\n')
            prot.report()
            seen = {stage: {line.split("=")[0] for line in (prot.folder / f"{stage}.env").read_text().splitlines()}
                    & {"OPENAI_API_KEY", "VOYAGE_API_KEY", "HASS_TOKEN"} for stage in ("stt", "brain")}
            self.assertEqual(seen, {"stt": set(), "brain": {"OPENAI_API_KEY", "HASS_TOKEN"}})


class Running(Base):
    def test_a_running_instance_is_named_with_its_state(self):
        with Instance() as prot:
            prot.up()
            doctor = Doctor()
            with doctor:
                doctor.environment |= {name: prot.environment[name] for name in prot.environment if name.startswith("XDG_")}
                doctor.environment |= {"PROT_INSTANCE": prot.name}
                what = f"instance {prot.name}"
                self.check(doctor.report(), what, "ok", f"runs, ready, process {prot.supervisor()}")
                prot.run("stop", "stt")
                self.check(doctor.report(), what, "warn", "degraded")
                doctor.environment["PROT_INSTANCE"] = doctor.name

    def test_the_private_cluster_is_found_made_and_reachable(self):
        with Doctor(stages=["capture", "stt", "brain", "tts", "player", "memory"],
                    **{"memory__enabled": None, "memory__extraction": "false"}) as prot:
            if not pathlib.Path("/usr/lib/postgresql").exists():
                self.skipTest("PostgreSQL is not installed")
            self.check(prot.report(), "database", "ok", "PostgreSQL", "the first start makes")
            up = prot.run("up", "-d", *prot.arguments())
            self.assertEqual(up.returncode, 0, up.stderr)
            folder = prot.state / "db"
            # By its own stage program: the fixtures have no checks.
            prot.environment["PROT_STAGE_FOLDER"] = "/nonexistent"
            self.check(prot.report(), "database", "ok", str(folder))
            prot.environment["DATABASE_URL"] = f"host={prot.runtime}/db dbname=prot user=prot"
            self.check(prot.report(), "database", "ok", "database prot, user prot")
            del prot.environment["DATABASE_URL"]
            prot.run("down", "--now")
            version = folder / "PG_VERSION"
            version.write_text("9\n")
            self.check(prot.report(), "database", "fail", "a cluster of PostgreSQL 9, and 15 is installed")
            prot.values["db.folder"] = "/dev/null/db"
            self.check(prot.report(), "database", "fail", "cannot be made below /dev/null")
            prot.values["db.program_folder"] = "/nonexistent"
            self.check(prot.report(), "database", "fail", "/nonexistent")


if __name__ == "__main__":
    unittest.main(verbosity=2)
