"""The man page and the completions of prot-web know exactly the options, pages and keys that there are."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "supervisor"))
from completions_test import complete_all  # noqa: E402

SOURCE = pathlib.Path(os.environ["SOURCE"])
WEB = pathlib.Path(os.environ["PROGRAMS"]) / "web/prot-web"
MAN = SOURCE / "doc/prot-web.1"
HOW = "name it in doc/prot-web.1, data/completions/prot-web.bash and data/completions/_prot-web"


def options():
    usage = subprocess.run([WEB, "--help"], capture_output=True, text=True, check=True, timeout=30).stdout.split("\n\n")[0]
    return {*re.findall(r"\[(--[a-z]+)", usage), "--help"}


def section(title):
    return MAN.read_text().replace("\\-", "-").split(f".SH {title}\n")[1].split("\n.SH ")[0]


def tags(title):
    """What stands in bold below each .TP."""
    return [re.sub(r"\\f.|\"|^\.B[IR]? ", "", line) for line in re.findall(r"(?m)^\.TP\n(.*)$", section(title))]


class Manual(unittest.TestCase):
    def test_options(self):
        self.assertGreater(len(options()), 4)
        self.assertEqual({tag.split()[0] for tag in tags("OPTIONS")}, options(), HOW)
        self.assertEqual(set(re.findall(r"--[a-z]+", section("SYNOPSIS").split(".B prot-web")[1])) | {"--help"}, options())

    def test_pages(self):
        described = re.findall(r"(?m)^\| `(/[a-z]*)` \|", (SOURCE / "doc/http.md").read_text())
        self.assertEqual(tags("PAGES"), described)

    def test_keys(self):
        example = subprocess.run([os.environ["PROT"], "config", "example"], capture_output=True, text=True, check=True).stdout
        keys = re.findall(r"(?m)^#?([a-z_]+) = ", example.split("[web]\n")[1].split("\n[")[0])
        self.assertEqual([key for tag in tags("CONFIGURATION") for key in tag.split(", ")], ["web." + key for key in keys])


class Completions(unittest.TestCase):
    def bash(self, *words):
        script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _prot_web; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "--norc", "-c", script, "bash", SOURCE / "data/completions/prot-web.bash", *words],
                              capture_output=True, text=True, check=True, timeout=30,
                              env={"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(SOURCE / "tests")})
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash(self):
        self.assertEqual(set(self.bash("prot-web", "")), options(), HOW)
        self.assertEqual(self.bash("prot-web", "--ch"), ["--check"])
        self.assertEqual(self.bash("prot-web", "--join", "x"), [])  # no instance has a folder there
        self.assertEqual(self.bash("prot-web", "--probe", ""), [])

    def test_zsh(self):
        if shutil.which("zsh") is None:
            self.skipTest("zsh is not installed")
        [found] = complete_all(["prot-web --"], SOURCE / "data/completions/_prot-web")
        self.assertEqual({option for option in found if option.startswith("--")}, options(), HOW)


if __name__ == "__main__":
    unittest.main(verbosity=2)
