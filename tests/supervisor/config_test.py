"""The configuration of the real prot: .env, check, reload, and what stages are given."""
import contextlib
import json
import os
import pathlib
import pty
import random
import signal
import subprocess
import unittest

from instance import ALONE, PROT, STAGES, Instance, alive, wait_for

SOURCE = pathlib.Path(__file__).parents[2]


@contextlib.contextmanager
def working_in(folder):
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


class Configured(Instance):
    """An instance with a prot.toml, a .env in the working directory, and stages that show one key."""

    def __init__(self, show="stt.threads", **orders):
        super().__init__(show=show, **orders)
        self.toml = self.folder / "config/prot/prot.toml"
        self.toml.parent.mkdir()
        self.env_file = self.folder / ".env"

    def __enter__(self):
        self.directory = working_in(self.folder)
        self.directory.__enter__()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self.directory.__exit__(*error)

    def stage_in_shell(self, stage, commands):
        """`commands` come first, with $config; then the stage goes on. `$gate` is a pipe that open_gate() opens."""
        self.gate = self.folder / "gate"
        if not self.gate.exists():
            os.mkfifo(self.gate)
        file = self.stages / f"prot-{stage}"
        file.unlink()
        file.write_text(f"#!/bin/bash\ngate={self.gate}\nconfig=$(< /proc/self/fd/$PROT_CONFIG_FD)\n{commands}\n"
                        f"exec -a prot-{stage} {os.environ['FIXTURE_STAGE']}\n")
        file.chmod(0o755)

    def open_gate(self):
        self.gate.write_text("go\n")

    def engines(self):
        return {s["name"]: s["engine"] for s in self.status()["stages"]}

    def pids(self):
        return {s["name"]: s["pid"] for s in self.status()["stages"]}


class Documents(unittest.TestCase):
    def test_the_example_is_what_the_program_prints(self):
        with Instance() as prot:
            printed = prot.run("config", "example").stdout
        self.assertEqual((SOURCE / "data/prot.toml").read_text(), printed, "write it: prot config example >data/prot.toml")

    def test_the_table_of_defaults_is_what_the_program_prints(self):
        with Instance() as prot:
            printed = prot.run("config", "table").stdout
        document = (SOURCE / "doc/configuration.md").read_text()
        self.assertEqual(document[document.index("## [general]"):], printed,
                         "replace the tables by the output of: prot config table")


    def test_a_key_restarts_the_programs_whose_sources_read_it(self):
        with Instance() as prot:
            rows = [line.split(" | ") for line in prot.run("config", "table").stdout.splitlines() if line.startswith("| `")]
        restarts = {row[0].strip("| `"): row[5] for row in rows if "." in row[0]}
        # language(), names that are put together, and what core/stage/echo_choice.cpp reads for both ends.
        echo = {"capture.echo_cancellation", "player.headphones"}
        # Of both, by core/stage/model_specs.cpp; only brain uses more than the first model.
        servers = {f"{section}.{key}" for section in ("brain", "anthropic") for key in ("url", "model", "api_key_env")}
        servers |= {"brain.engine", "memory.recall_tokens"}
        voices = {f"tts.{which}_{language}" for which in ("voice", "fallback", "openai_voice", "wyoming_voice")
                  for language in ("en", "ko")}
        service = {f"stt.{key}" for key in ("engine", "url", "model_name", "api_key_env", "fallback")}  # core/stage/service_keys.cpp
        computed = {"tts": {"general.language"} | voices, "stt": {"general.language"} | service,
                    "brain": {"general.language", "brain.flags", "brain.fallback"} | servers | echo,
                    "memory": servers | {"llm.program"}, "capture": echo}  # core/stage/llama_program.cpp
        # What every stage has in common reads general.* and supervisor.* only (and looks at secrets to keep them out of the log).
        common = "".join((SOURCE / "core/stage" / name).read_text() for name in ("stage_runner.cpp", "stage_log.cpp", "heap_profile.cpp"))
        everywhere = {key for key in restarts if key.startswith(("general.", "supervisor.")) and f'"{key}"' in common}
        for program in STAGES:
            text = "".join(file.read_text() for file in (SOURCE / program).rglob("*.cpp"))
            read = {key for key in restarts if f'"{key}"' in text} | computed.get(program, set()) | everywhere
            fixed = {key for key in read if "cannot change" in restarts[key]}
            told = {key for key in restarts if program in restarts[key].split()}
            self.assertEqual(read - fixed, told, program)


class Check(unittest.TestCase):
    def test_every_mistake_is_told_with_its_place(self):
        with Configured() as prot:
            prot.toml.write_text('[stt]\nthreads = 0\nengine = "wisper"\n\n[brain]\nurll = "x"\nmodel = 3\n')
            prot.env_file.write_text("LOG_LEVEL=loud\nnonsense\n")
            done = prot.run("check")
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            lines = done.stderr.splitlines()
            self.assertEqual(len(lines), 6, done.stderr)
            for place, word in ((f"{prot.toml}:2: ", "1 to 64"), (f"{prot.toml}:3: ", "auto, whisper, elevenlabs, openai, wyoming, null"),
                                (f"{prot.toml}:6: ", "brain.url"), (f"{prot.toml}:7: ", "brain.model"),
                                (f"{prot.env_file}:1: ", "debug, info, warn, error"), (f"{prot.env_file}:2: ", "NAME=value")):
                self.assertTrue(any(line.startswith(place) and word in line for line in lines), (place, done.stderr))
            answer = json.loads(prot.run("check", "--json").stdout)
            self.assertEqual((answer["ok"], answer["file"]), (False, str(prot.toml)))
            self.assertEqual({(e["file"], e["line"]) for e in answer["errors"]},
                             {(str(prot.toml), n) for n in (2, 3, 6, 7)} | {(str(prot.env_file), n) for n in (1, 2)})
            up = prot.run("up", "-d", *ALONE)
            self.assertEqual(up.returncode, 2)
            self.assertEqual(len(up.stderr.splitlines()), 6)

    def test_a_file_that_is_no_configuration_gives_one_line(self):
        with Configured() as prot:
            binary = prot.folder / "binary.toml"
            binary.write_bytes(b"[stt]\nmodel = \"\xff\xfe\"\n")
            pipe = prot.folder / "pipe.toml"
            os.mkfifo(pipe)
            for file, words in ((prot.folder, "is a folder"), ("/proc/self/mem", "cannot be read"),
                                (binary, "binary.toml:2: is not UTF-8"), (pipe, "no regular file"),
                                (prot.folder / "none.toml", "is not there")):
                for command in ("check", "up"):
                    done = prot.run(command, "--config", str(file), timeout=10)
                    self.assertEqual(done.returncode, 2, (file, done.stderr))
                    self.assertEqual(len(done.stderr.splitlines()), 1)
                    self.assertIn(words, done.stderr)
            self.assertEqual(prot.segments(), [])

    def test_files_and_programs_that_are_named_are_there(self):
        with Configured() as prot:
            prot.toml.write_text(f'[brain]\npersona_file = "{prot.folder}/none.txt"\n[llm]\nprogram = "{prot.toml}"\n'
                                 f'[db]\nprogram_folder = "{prot.folder}"\n')
            done = prot.run("check", "--set", "stt.model=/")
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"{prot.toml}:2: brain.persona_file = {prot.folder}/none.txt: is not there", done.stderr)
            self.assertIn(f"{prot.toml}:4: llm.program = {prot.toml}: cannot be executed", done.stderr)
            self.assertIn(f"{prot.toml}:6: db: no postgres and initdb in db.program_folder = {prot.folder}", done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 4)
            prot.toml.unlink()
            self.assertEqual(prot.run("check", *ALONE).returncode, 0)
            self.assertIn("--set: stt.model = /: is a folder", done.stderr)

    def test_a_persona_is_text(self):
        with Configured() as prot:
            persona = prot.toml.parent / "me.txt"
            prot.toml.write_text('[brain]\npersona_file = "me.txt"\n')
            persona.write_bytes("너는 밥이다.".encode("euc-kr"))
            done = prot.run("check", *ALONE)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr, f"{prot.toml}:2: brain.persona_file = {persona}: is not UTF-8\n")
            persona.write_text("너는 밥이다.")
            self.assertEqual(prot.run("check", *ALONE).returncode, 0)

    def test_good_is_said_in_one_line(self):
        with Configured() as prot:
            self.assertIn("is not there; the defaults are used", prot.run("check", *ALONE).stdout)
            prot.toml.write_text("[stt]\nthreads = 3\n")
            prot.env_file.write_text("RAG_TOP_K=2\n")
            done = prot.run("check", *ALONE)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(done.stdout, f"nothing uses yet: RAG_TOP_K\n{prot.toml}: good\n")

    def test_an_env_file_that_was_named_must_be_there(self):
        with Configured() as prot:
            for command in ("check", "up"):
                done = prot.run(command, "--env-file", "none.env")
                self.assertEqual(done.returncode, 2)
                self.assertIn("none.env: is not there", done.stderr)


class EnvFile(unittest.TestCase):
    def test_it_drives_the_stages_and_the_real_environment_wins(self):
        with Configured(show="brain.max_tokens") as prot:
            prot.env_file.write_text("# mine\nexport CLAUDE_MAX_TOKENS='99' # short\nVAD_THRESHOLD=0.6\n")
            prot.up()
            self.assertEqual(set(prot.engines().values()), {"99"})
            prot.run("down")
            prot.environment["CLAUDE_MAX_TOKENS"] = "77"
            prot.up()
            self.assertEqual(set(prot.engines().values()), {"77"})
            prot.run("down")
            del prot.environment["CLAUDE_MAX_TOKENS"]
            other = prot.folder / "other.env"
            other.write_text("CLAUDE_MAX_TOKENS=55\n")
            self.assertEqual(prot.run("up", "-d", *ALONE, "--env-file", "other.env").returncode, 0)
            self.assertEqual(set(prot.engines().values()), {"55"})

    def test_retired_and_open_secrets_are_one_line_each_and_nothing_worse(self):
        with Configured() as prot:
            prot.env_file.write_text("DEEPGRAM_API_KEY=x\nOPENAI_API_KEY=sk-very-secret\nCHUNK_SIZE=256\n")
            prot.env_file.chmod(0o644)
            up = prot.up()
            self.assertEqual(up.stderr.count(f"names of the environment from {prot.env_file}"), 1)
            self.assertEqual(up.stderr.count("has no effect any more"), 2)
            self.assertEqual(up.stderr.count("others may read it, and it holds OPENAI_API_KEY"), 1)
            self.assertNotIn("sk-very-secret", up.stderr + "\n".join(prot.log()))

    def test_secrets_reach_only_the_stages_that_use_them(self):
        with Configured() as prot:
            prot.env_file.write_text("OPENAI_API_KEY=sk-very-secret\nDATABASE_URL=postgresql:///secret\n")
            prot.env_file.chmod(0o600)
            self.assertEqual(prot.run("up", "-d", "--set", "llm.enabled=false").returncode, 0)
            pids = prot.pids()
            self.assertNotIn("db", pids)  # DATABASE_URL has come through
            for stage in ("capture", "stt", "tts", "player"):
                environ = pathlib.Path(f"/proc/{pids[stage]}/environ").read_bytes()
                self.assertNotIn(b"secret", environ, stage)


class Reload(unittest.TestCase):
    def test_only_what_a_change_touches_is_restarted(self):
        with Configured() as prot:
            prot.up()
            before = prot.pids()
            prot.toml.write_text('[stt]\nthreads = 3\n[web]\ncors_origins = ["http://a"]\n')
            done = prot.run("reload")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout, 'stt.threads: 2 -> 3\nweb.cors_origins: [] -> ["http://a"]\n')
            self.assertEqual(done.stderr, "prot: restarting stt\n")
            after = prot.pids()
            self.assertEqual({name for name in STAGES if before[name] != after[name]}, {"stt"})
            self.assertEqual((prot.engines()["stt"], prot.engines()["tts"]), ("3", "2"))
            self.assertEqual(prot.run("reload").stdout, "nothing has changed\n")
            self.assertEqual(prot.pids(), after)
            prot.toml.write_text("[stt]\nthreads = 4\n[player]\nheadphones = true\n")
            answer = json.loads(prot.run("reload", "--json").stdout)
            self.assertEqual({c["key"]: (c["old"], c["new"]) for c in answer["changes"]},
                             {"stt.threads": ("3", "4"), "player.headphones": ("false", "true"),
                              "web.cors_origins": ('["http://a"]', "[]")})
            self.assertEqual(set(answer["restarted"]), {"stt", "capture", "brain"})
            self.assertEqual(prot.status()["state"], "ready")

    def test_the_log_level_is_told_without_a_restart(self):
        with Configured(chatty="stt") as prot:
            prot.up()
            before = prot.pids()

            def newest():
                return {json.loads(line)["level"] for line in prot.run("logs", "--json", "-n", "6", "stt").stdout.splitlines()}

            self.assertNotIn("debug", newest())
            prot.toml.write_text('[general]\nlog_level = "debug"\n')
            done = prot.run("reload")
            self.assertEqual((done.stdout, done.stderr), ("general.log_level: info -> debug\n", ""))
            wait_for("it says more", lambda: "debug" in newest())
            prot.toml.write_text("")
            self.assertEqual(prot.run("reload").returncode, 0)
            wait_for("quiet again", lambda: newest() == {"info"})
            self.assertEqual(prot.pids(), before)

    def test_on_an_error_nothing_changes_and_later_starts_have_the_old_values(self):
        with Configured() as prot:
            prot.toml.write_text("[stt]\nthreads = 5\n")
            prot.up()
            before = prot.pids()
            for text, words in (("[stt]\nthreads = 6\nthreds = 7\n", f"{prot.toml}:3: "), ("[stt\n", f"{prot.toml}:1: "),
                                ("[memory]\nenabled = false\n", "memory.enabled cannot change while prot runs"),
                                ('[db]\nfolder = "/x"\n', f"{prot.toml}:2: db.folder cannot change")):
                prot.toml.write_text(text)
                done = prot.run("reload")
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(words, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertEqual(prot.pids(), before)
            os.kill(before["stt"], signal.SIGKILL)
            wait_for("back", lambda: (s := prot.stage("stt"))["state"] == "ready" and s["generation"] == 2, 5)
            self.assertEqual(prot.stage("stt")["engine"], "5")
            self.assertEqual(prot.run("restart", "tts").returncode, 0)
            self.assertEqual(prot.stage("tts")["engine"], "5")

    def test_the_env_file_is_read_again_wherever_reload_is_called(self):
        with Configured(show="brain.max_tokens") as prot:
            prot.env_file.write_text("CLAUDE_MAX_TOKENS=99\nOPENAI_API_KEY=sk-one\nHASS_TOKEN=t\n")
            prot.env_file.chmod(0o600)
            prot.environment["VAD_THRESHOLD"] = "0.6"
            prot.up()
            before = prot.pids()
            prot.env_file.write_text("CLAUDE_MAX_TOKENS=98\nOPENAI_API_KEY=sk-two\nHASS_TOKEN=t\nVAD_THRESHOLD=0.7\n")
            with working_in("/"):
                done = prot.run("reload")
            self.assertEqual((done.returncode, done.stdout), (0, "brain.max_tokens: 99 -> 98\nOPENAI_API_KEY: changed\n"))
            self.assertNotIn("sk-", done.stderr + "\n".join(prot.log()))
            after = prot.pids()
            self.assertEqual({name for name in STAGES if before[name] != after[name]}, {"brain", "memory"})
            self.assertEqual(prot.stage("brain")["engine"], "98")
            other = prot.folder / "other.env"
            other.write_text("CLAUDE_MAX_TOKENS=97\nOPENAI_API_KEY=sk-two\nHASS_TOKEN=t\n")
            other.chmod(0o600)
            self.assertEqual(prot.run("reload", "--env-file", "none.env").returncode, 2)
            self.assertEqual(prot.run("reload", "--env-file", "other.env").stdout, "brain.max_tokens: 98 -> 97\n")
            self.assertEqual(prot.run("reload").stdout, "nothing has changed\n")  # it stays the file

    def test_hup_reloads_and_stops_nothing(self):
        with Configured() as prot:
            prot.up()
            supervisor = prot.supervisor()
            prot.toml.write_text("[stt]\nthreads = 3\n")
            os.kill(supervisor, signal.SIGHUP)
            wait_for("reloaded", lambda: (s := prot.stage("stt"))["engine"] == "3" and s["state"] == "ready", 5)
            prot.toml.write_text("[stt]\nthreads = 3000\n")
            os.kill(supervisor, signal.SIGHUP)
            wait_for("refused", lambda: any(f"not reloaded: {prot.toml}:2: " in line for line in prot.log()), 5)
            self.assertEqual((prot.supervisor(), prot.status()["state"]), (supervisor, "ready"))

    def test_a_terminal_that_goes_away_stops_the_foreground(self):
        with Configured() as prot:
            ours, terminal = pty.openpty()
            process = subprocess.Popen([PROT, "up", *ALONE], env=prot.environment, stdin=terminal, stdout=terminal,
                                       stderr=terminal, start_new_session=True)
            prot.processes.append(process)
            os.close(terminal)
            wait_for("ready", lambda: (prot.status() or {}).get("state") == "ready")
            os.kill(process.pid, signal.SIGHUP)  # the terminal is there: a reload
            wait_for("reloaded", lambda: any("nothing has changed" in line for line in prot.log()), 5)
            os.close(ours)
            os.kill(process.pid, signal.SIGHUP)
            self.assertEqual(process.wait(timeout=10), 0)
            self.assertEqual(prot.segments(), [])

    def test_with_messages_elsewhere_the_terminal_still_counts(self):
        with Configured() as prot:
            ours, terminal = pty.openpty()
            # Through a shell with that terminal: setsid makes it the session's own.
            with open(prot.folder / "messages", "w") as messages:
                process = subprocess.Popen(["setsid", "--ctty", "--wait", str(PROT), "up", *ALONE], env=prot.environment,
                                           stdin=terminal, stdout=messages, stderr=messages, start_new_session=True)
            prot.processes.append(process)
            os.close(terminal)
            wait_for("ready", lambda: (prot.status() or {}).get("state") == "ready")
            os.close(ours)  # the kernel sends HUP
            self.assertEqual(process.wait(timeout=10), 0)
            self.assertEqual(prot.segments(), [])

    def test_relative_paths_outlive_the_folder_that_up_leaves(self):
        with Configured(show="brain.persona_file") as prot:
            for folder in (prot.toml.parent, prot.folder):
                (folder / "me.txt").write_text("me")
            prot.toml.write_text('[brain]\npersona_file = "me.txt"\n')
            prot.up()
            self.assertEqual(prot.stage("brain")["engine"], str(prot.toml.parent / "me.txt"))
            self.assertEqual(prot.run("reload").stdout, "nothing has changed\n")
            prot.run("down")
            self.assertEqual(prot.run("up", "-d", *ALONE, "--set", "brain.persona_file=me.txt").returncode, 0)
            self.assertEqual(prot.run("reload").stdout, "nothing has changed\n")
            self.assertEqual(prot.stage("brain")["engine"], str(prot.folder / "me.txt"))

    def test_what_a_stage_cannot_run_with_is_taken_back(self):
        with Configured() as prot:
            # This one dislikes what no table can know.
            prot.stage_in_shell("stt", """[[ $config == *'"stt.threads":"3"'* ]] && { echo three is too many >&2; exit 2; }""")
            prot.up()
            before = prot.pids()
            prot.toml.write_text("[stt]\nthreads = 3\n[player]\nsentence_silence_ms = 9\n")
            done = prot.run("reload")
            self.assertEqual((done.returncode, done.stdout), (1, "stt.threads: 2 -> 3\nplayer.sentence_silence_ms: 200 -> 9\n"))
            self.assertIn("stt cannot run: ended with code 2: three is too many; the old configuration is back", done.stderr)
            wait_for("back", lambda: prot.status()["state"] == "ready", 5)
            self.assertEqual((prot.stage("stt")["engine"], prot.stage("player")["engine"]), ("2", "2"))
            after = prot.pids()
            self.assertEqual({name for name in STAGES if before[name] != after[name]}, {"stt", "player"})
            self.assertEqual(prot.run("restart", "stt").returncode, 0)
            self.assertEqual(prot.run("reload").stdout.count("\n"), 2)  # the file says it still

    def test_what_a_stage_dies_of_before_it_is_ready_is_taken_back(self):
        for death, words in (("exit 1", "ended with code 1"), ("kill -ABRT $$", "was killed by SIGABRT")):
            with self.subTest(death), Configured() as prot:
                prot.stage_in_shell("stt", f"""[[ $config == *'"stt.threads":"3"'* ]] && {{ echo no >&2; {death}; }}""")
                prot.up()
                prot.toml.write_text("[stt]\nthreads = 3\n")
                done = prot.run("reload", timeout=10)
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"stt cannot run: {words}: no; the old configuration is back", done.stderr)
                wait_for("back", lambda: prot.status()["state"] == "ready", 5)
                self.assertEqual(prot.stage("stt")["engine"], "2")

    def test_what_a_stage_is_never_ready_with_is_taken_back_after_its_deadline(self):
        with Configured() as prot:
            prot.stage_in_shell("player", """[[ $config == *'silence_ms":"9"'* ]] && read <$gate""")
            prot.up()
            prot.toml.write_text("[player]\nsentence_silence_ms = 9\n")
            done = prot.run("reload", timeout=25)  # the player's own deadline is 10 s
            self.assertEqual(done.returncode, 1)
            self.assertIn("player cannot run: not ready after 10 s", done.stderr)
            wait_for("back", lambda: prot.status()["state"] == "ready", 5)

    def test_a_second_reload_is_refused_until_the_first_is_done(self):
        with Configured() as prot:
            prot.stage_in_shell("stt", """[[ $config == *'"stt.threads":"3"'* ]] && read <$gate""")
            prot.up()
            prot.toml.write_text("[stt]\nthreads = 3\n")
            first = prot.spawn("reload")
            wait_for("restarted", lambda: (s := prot.stage("stt"))["generation"] == 2 and s["state"] == "starting")
            prot.toml.write_text("[stt]\nthreads = 4\n")
            second = prot.run("reload")
            self.assertEqual(second.returncode, 1)
            self.assertIn("an earlier reload is not finished: wait for stt (starting)", second.stderr)
            os.kill(prot.supervisor(), signal.SIGHUP)  # nobody waits for its answer: it is done later
            wait_for("put off", lambda: any("reload put off: an earlier" in line for line in prot.log()))
            prot.open_gate()
            self.assertEqual(first.wait(timeout=10), 0)
            wait_for("the second", lambda: (s := prot.stage("stt"))["engine"] == "4" and s["state"] == "ready", 5)

    def test_a_reload_waits_for_the_start(self):
        with Configured() as prot:
            # The new value would end the start.
            prot.stage_in_shell("stt", """[[ $config == *'"stt.threads":"3"'* ]] && exit 2""")
            prot.stage_in_shell("memory", "read <$gate")
            up = prot.spawn("up", "-d", *ALONE)
            wait_for("stt", lambda: prot.status() and prot.stage("stt")["state"] == "ready")
            prot.toml.write_text("[stt]\nthreads = 3\n")
            done = prot.run("reload")
            self.assertEqual(done.returncode, 1)
            self.assertIn("the instance still starts: wait until it is ready", done.stderr)
            os.kill(prot.supervisor(), signal.SIGHUP)
            wait_for("put off", lambda: any("reload put off: the instance still starts" in line for line in prot.log()))
            prot.open_gate()
            self.assertEqual(up.wait(timeout=10), 0)
            wait_for("taken back", lambda: any("the old configuration is back" in line for line in prot.log()), 5)
            wait_for("ready", lambda: prot.status()["state"] == "ready", 5)
            self.assertEqual(prot.stage("stt")["engine"], "2")

    def test_reloads_in_a_storm_of_kills_end_with_the_last_values(self):
        with Configured() as prot:
            prot.up()
            draw = random.Random(20261126)
            for n in range(3, 23):
                prot.toml.write_text(f"[stt]\nthreads = {n}\n[player]\nsentence_silence_ms = {n}\n")
                pids = [pid for pid in prot.pids().values() if pid > 0]
                with contextlib.suppress(ProcessLookupError):
                    os.kill(draw.choice(pids), signal.SIGKILL)
                os.kill(prot.supervisor(), signal.SIGHUP)
            wait_for("settled", lambda: prot.status()["state"] == "ready" and prot.stage("stt")["engine"] == "22", 20)
            self.assertEqual(prot.stage("player")["engine"], "22")
            self.assertEqual(prot.run("reload").stdout, "nothing has changed\n")
            self.assertFalse([line for line in prot.log() if "not reloaded" in line])

    def test_a_file_that_is_not_there_is_refused_before_anything_is_restarted(self):
        with Configured() as prot:
            prot.up()
            before = prot.pids()
            prot.toml.write_text('[stt]\nmodel = "/nonexistent"\n')
            done = prot.run("reload")
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(f"{prot.toml}:2: stt.model = /nonexistent: is not there", done.stderr)
            self.assertEqual(prot.pids(), before)

    def test_without_an_instance_there_is_nothing_to_reload(self):
        with Configured() as prot:
            self.assertEqual(prot.run("reload").returncode, 3)


class Joined(unittest.TestCase):
    def test_a_joined_stage_has_the_accepted_configuration_and_keeps_it(self):
        with Configured() as prot:
            prot.toml.write_text("[stt]\nthreads = 5\n")
            prot.up()
            prot.toml.write_text("[stt]\nthreads = broken\n")
            joined = prot.spawn("--join", prot.name, program=prot.stages / "prot-stt")
            wait_for("held", lambda: (s := prot.stage("stt"))["state"] == "held" and s["engine"] == "5", 10)
            prot.toml.write_text("[stt]\nthreads = 6\n")
            done = prot.run("reload")
            self.assertEqual(done.stdout, f"stt.threads: 5 -> 6\nstt is held by process {joined.pid}: it keeps the old values\n")
            self.assertTrue(alive(joined.pid))
            joined.send_signal(signal.SIGTERM)
            wait_for("given back", lambda: (s := prot.stage("stt"))["state"] == "ready" and s["engine"] == "6", 10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
