"""The set-up scripts when things go wrong: one clear line, the right exit status, nothing half-installed.

No network and no installation: what a script would call is replaced by small stand-ins in a folder that comes first in PATH.
"""
import glob
import os
import signal
import subprocess
import tempfile
import textwrap
import time
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
ENGINES = os.path.join(ROOT, "tools/setup/engines.sh")
PACKAGES = os.path.join(ROOT, "tools/setup/packages.sh")
SCRIPTS = ["run", "test", "bench", ".ci/run"] + [
    os.path.relpath(p, ROOT) for folder in ("tools/setup", "tests/parts") for p in sorted(glob.glob(f"{ROOT}/{folder}/*.sh"))]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


class SetupTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.cache = os.path.join(self.folder, "cache")
        self.fake = os.path.join(self.folder, "bin")
        os.makedirs(self.cache)
        os.makedirs(self.fake)
        for tool in ("cmake", "ninja", "g++"):  # not reached in these tests, but asked for
            self.stand_in(tool, "exit 0")
        self.env = {**os.environ, "PATH": f"{self.fake}:{os.environ['PATH']}", "XDG_CACHE_HOME": self.cache,
                    "LC_ALL": "C.UTF-8"}
        self.env.pop("PROT_SETUP_PART", None)

    def stand_in(self, name, body):
        path = os.path.join(self.fake, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write("#!/bin/bash\n" + textwrap.dedent(body))
        os.chmod(path, 0o755)

    def fake_pip(self, body):
        """python3 whose pip does BODY on download; anything else is the real one."""
        self.stand_in("python3", f"""
            if [ "$1 $2" = "-m pip" ]; then
              [ "$3" = --version ] && exit 0
              {body}
            fi
            exec /usr/bin/env -S PATH={os.environ['PATH']} python3 "$@"
            """)

    def call(self, *command):
        return subprocess.run(command, env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=False)

    def one_line_error(self, result, status, words):
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertIn(words, result.stderr)

    def nothing_installed(self):
        left = [p for p in glob.glob(f"{self.cache}/prot/engines/**", recursive=True, include_hidden=True) if os.path.isfile(p)]
        left += [p for p in glob.glob(f"{self.cache}/prot/models/*")]
        self.assertEqual(left, [])


class Usage(SetupTest):
    def test_scripts_parse(self):
        for script in SCRIPTS:
            result = self.call("bash", "-n", os.path.join(ROOT, script))
            self.assertEqual((result.returncode, result.stderr), (0, ""), script)

    def test_unknown_options_end_with_two_and_one_line(self):
        for script in ("run", "test", "bench", "tools/setup/engines.sh", "tools/setup/packages.sh"):
            self.one_line_error(self.call(os.path.join(ROOT, script), "--bogus"), 2, "--bogus")

    def test_bad_values(self):
        run = os.path.join(ROOT, "run")
        self.one_line_error(self.call(run, "--lang", "fr"), 2, "en or ko")
        self.one_line_error(self.call(run, "--lang"), 2, "needs a value")
        self.one_line_error(self.call(run, "--instance", "a/b"), 2, "--instance")
        self.one_line_error(self.call(run, "--demo", "--text"), 2, "exclude")
        self.one_line_error(self.call(run, "--demo", "--report", "/nonexistent/x.json"), 1, "report")
        test = os.path.join(ROOT, "test")
        self.one_line_error(self.call(test, "--quick", "--all"), 2, "exclude")
        self.one_line_error(self.call(test, "--lib"), 2, "--lib")  # a file of the parts that is none
        self.one_line_error(self.call(test, "--../../run"), 2, "unknown")

    def test_help(self):
        for script in ("run", "test", "bench", "tools/setup/engines.sh", "tools/setup/packages.sh"):
            result = self.call(os.path.join(ROOT, script), "--help")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertTrue(result.stdout)


class Engines(SetupTest):
    def test_no_registry(self):
        self.fake_pip("echo 'ERROR: NewConnectionError: Connection refused'; exit 1")
        self.one_line_error(self.call(ENGINES), 1, "no package registry is reachable")
        self.nothing_installed()

    def test_changed_package(self):
        self.fake_pip("echo 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.'; exit 1")
        self.one_line_error(self.call(ENGINES), 1, "checksum does not match")
        self.nothing_installed()

    def test_a_client_that_brings_the_wrong_file(self):
        self.fake_pip("""
              while [ "$1" != --dest ]; do shift; done
              echo wrong >"$2/package.tar.gz"
              exit 0""")
        self.one_line_error(self.call(ENGINES), 1, "checksum does not match")
        self.nothing_installed()

    def test_disk_full_before(self):
        self.stand_in("df", "echo Avail; echo 1000000")
        self.one_line_error(self.call(ENGINES), 1, "disk full: needs")
        self.nothing_installed()

    def test_disk_full_while_fetching(self):
        self.fake_pip("echo 'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device'; exit 1")
        self.one_line_error(self.call(ENGINES), 1, "disk full")
        self.nothing_installed()

    def test_folder_that_cannot_be_written(self):
        self.env["XDG_CACHE_HOME"] = "/proc/none"
        self.one_line_error(self.call(ENGINES), 1, "cannot write to")

    def test_wrong_checksum_keeps_the_file(self):
        os.makedirs(f"{self.cache}/prot/models")
        path = f"{self.cache}/prot/models/piper-joe.onnx"
        with open(path, "w", encoding="utf-8") as f:
            f.write("somebody's own voice")
        self.one_line_error(self.call(ENGINES), 1, "wrong checksum")
        self.assertTrue(os.path.exists(path))

    def test_check_changes_nothing(self):
        self.assertEqual(self.call(ENGINES, "--check").returncode, 1)
        self.assertEqual(os.listdir(self.cache), [])

    def start_slow_download(self):
        self.fake_pip(f"echo $$ >{self.folder}/pid; exec sleep 100")
        process = subprocess.Popen([ENGINES], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.addCleanup(process.stderr.close)
        pid_file = f"{self.folder}/pid"
        self.assertTrue(wait_until(lambda: os.path.exists(pid_file) and os.path.getsize(pid_file) > 0))
        with open(pid_file, encoding="utf-8") as f:
            return process, int(f.read())

    def test_interrupted(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            process, child = self.start_slow_download()
            os.kill(process.pid, number)
            self.assertEqual(process.wait(5), status)
            self.assertIn("nothing is half-installed", process.stderr.read())
            self.assertTrue(wait_until(lambda pid=child: not alive(pid)))
            self.nothing_installed()
            os.remove(f"{self.folder}/pid")

    def test_killed(self):
        process, child = self.start_slow_download()
        process.kill()
        process.wait(5)
        self.assertTrue(wait_until(lambda: not alive(child)), "the download outlives its script")
        self.nothing_installed()


class Packages(SetupTest):
    def setUp(self):
        super().setUp()
        self.stand_in("dpkg-query", "exit 1")  # nothing is installed
        self.stand_in("dpkg", "exit 0")
        self.stand_in("apt-get", f"echo \"$@\" >>{self.folder}/apt; exit 0")
        self.stand_in("id", "echo 0")

    def test_everything_installed(self):
        self.stand_in("dpkg-query", """
            shift 2
            printf 'ii  %s\\n' "$@"
            """)
        result = self.call(PACKAGES)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertFalse(os.path.exists(f"{self.folder}/apt"))

    def test_no_sudo(self):
        self.stand_in("id", "echo 1000")
        self.stand_in("sudo", "exit 1")
        self.one_line_error(self.call(PACKAGES), 1, "as root: apt-get install")

    def test_no_registry(self):
        self.stand_in("apt-get", "echo 'E: Unable to connect to the mirror'; exit 100")
        self.one_line_error(self.call(PACKAGES), 1, "no package registry is reachable")

    def test_never_removes(self):
        self.stand_in("mkdir", "exit 0")
        self.stand_in("sh", "exit 0")  # would write Debian's database settings
        self.assertEqual(self.call(PACKAGES, "--test").returncode, 0)
        with open(f"{self.folder}/apt", encoding="utf-8") as f:
            install = f.read().splitlines()[-1]
        self.assertIn("--no-remove", install)
        self.assertIn("clang-tidy-14", install)


class Library(SetupTest):
    def lib(self, code):
        return self.call("bash", "-c", f'. "{ROOT}/tools/setup/lib.sh"; {code}')

    def test_sizes_and_times(self):
        out = self.lib("human_size 999; echo; human_size 1234567; echo; human_size 52315524; echo; human_size 1117320768; echo;"
                       "human_time 59; echo; human_time 61").stdout
        self.assertEqual(out.split("\n"), ["1 kB", "1.2 MB", "52 MB", "1.1 GB", "59 s", "1 min 01 s"])

    def test_unknown_processor_variant(self):
        self.one_line_error(self.lib("cpu_cmake_flags neon"), 1, "PROT_CPU_VARIANT")

    def test_ninja_position(self):
        log = os.path.join(self.folder, "log")
        with open(log, "w", encoding="utf-8") as f:
            f.write("ninja: Entering directory\n[1/20] CXX a\n[12/20] CXX b\nwarning: [99/99]\n")
        self.assertEqual(self.lib(f"ninja_position {log}").stdout, "12/20\n")


if __name__ == "__main__":
    unittest.main()
