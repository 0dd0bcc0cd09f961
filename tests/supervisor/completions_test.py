"""The man page and the completions of bash and zsh know exactly the commands and options that prot lists itself."""
import os
import pathlib
import pty
import re
import shutil
import subprocess
import tempfile
import unittest

from instance import PROT, wait_for

SOURCE = pathlib.Path(os.environ["SOURCE"])
MAN = SOURCE / "doc/prot.1"
BASH = SOURCE / "data/completions/prot.bash"
ZSH = SOURCE / "data/completions/_prot"
HOW = "name it in doc/prot.1, data/completions/prot.bash and data/completions/_prot"


def section(text, title):
    """The indented lines below a title of prot's help."""
    found = re.search(rf"(?m)^{title}:\n((?:  .*\n)+)", text)
    return found[1] if found else ""


def help_of(*words):
    return subprocess.run([PROT, *words, "--help"], capture_output=True, text=True, check=True, timeout=30).stdout


def options_of(text):
    """The spellings of each option: {"-d", "--detach"}."""
    return [set(line.split()[0].split(",")) for line in section(text, "Options").splitlines()
            if re.match(r"  -", line)]


def commands_of(text):
    return re.findall(r"(?m)^  ([a-z][a-z-]*)\b", section(text, "Subcommands"))


class Table:
    """What prot says of itself."""

    def __init__(self):
        text = help_of()
        self.commands = commands_of(text)
        self.options = {"": options_of(text)}  # "", "up", ...: of that command
        self.below = {}  # "config": ["example"]
        for command in self.commands:
            text = help_of(command)
            self.options[command] = options_of(text)
            self.below[command] = commands_of(text)
            for word in self.below[command]:  # what only one of them takes may be completed for all
                self.options[command] += [one for one in options_of(help_of(command, word)) if one not in self.options[command]]

    def long(self, command):
        own = {name for names in self.options[command] + [{"--help"}, {"--instance"}] for name in names
               if name.startswith("--")}
        return own


class Completions(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.table = Table()

    def test_the_table_was_found(self):
        self.assertGreater(len(self.table.commands), 10)
        self.assertIn({"-d", "--detach"}, self.table.options["up"])
        self.assertIn("example", self.table.below["config"])


class Bash(Completions):
    def complete(self, *words):
        script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _prot; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "--norc", "-c", script, "bash", BASH, *words], capture_output=True, text=True,
                              check=True, timeout=30)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_every_command_and_option_and_no_other(self):
        self.assertEqual(sorted(self.complete("prot", "")), sorted(self.table.commands), HOW)
        for command in ["", *self.table.commands]:
            words = ["prot", command] if command else ["prot"]
            self.assertEqual(sorted(set(self.complete(*words, "--"))), sorted(self.table.long(command)),
                             f"prot {command}: {HOW}")
            if self.table.below.get(command):
                self.assertEqual(sorted(self.complete(*words, "")), sorted(self.table.below[command]), HOW)

    def test_words_begin_as_typed_and_follow_the_command(self):
        self.assertEqual(self.complete("prot", "st"), [c for c in self.complete("prot", "") if c.startswith("st")])
        self.assertEqual(self.complete("prot", "--instance", "demo", "dow"), ["down"])
        self.assertEqual(self.complete("prot", "restart", "b"), ["brain"])
        self.assertIn("--detach", self.complete("prot", "--instance", "x", "up", "--set", "a=b", "--d"))
        self.assertEqual(self.complete("prot", "wait", "re"), ["ready"])
        self.assertEqual(self.complete("prot", "up", "--set", ""), [])
        with tempfile.TemporaryDirectory(prefix="prot-complete-") as folder:
            (pathlib.Path(folder) / "my.toml").touch()
            self.assertEqual(self.complete("prot", "up", "--config", folder + "/m"), [folder + "/my.toml"])

    def test_it_is_registered(self):
        done = subprocess.run(["bash", "--norc", "-c", f"source {BASH}; complete -p prot"], capture_output=True, text=True)
        self.assertEqual(done.stdout.strip(), "complete -F _prot prot")


ZSH_SETUP = r"""
fpath=({folder} $fpath)
autoload -Uz compinit && compinit -u -D
compadd() {{
  local -a found
  case " ${{(j: :)@[1,(i)--]}} " in *\ -[OAD]\ *) ;; *)
    builtin compadd -O found "$@"
    print -rl -- $found >> {out} ;;
  esac
  builtin compadd "$@"
}}
finish() {{ print -r -- DONE >> {out}; BUFFER= }}
zle -N finish
bindkey '^X' finish
setopt no_beep no_list_beep
LISTMAX=10000
print -r -- STARTED >> {out}
"""


def complete_all(lines, script=ZSH):
    """What zsh finds behind each line: one interactive shell, Tab, and a widget that says when it is done."""
    found = []
    with tempfile.TemporaryDirectory(prefix="prot-zsh-") as name:
        folder = pathlib.Path(name)
        (folder / script.name).symlink_to(script)
        out = folder / "out"
        (folder / "setup").write_text(ZSH_SETUP.format(folder=folder, out=out))
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe("zsh", ["zsh", "-f", "-i"], {"PATH": os.environ["PATH"], "HOME": name, "TERM": "dumb"})
        try:
            os.set_blocking(terminal, False)

            def text():
                try:
                    os.read(terminal, 65536)  # what it draws is not looked at
                except BlockingIOError:
                    pass
                return out.read_text() if out.exists() else ""

            os.write(terminal, f"source {folder}/setup\n".encode())
            wait_for("zsh", lambda: "STARTED" in text(), 20)
            for line in lines:
                out.write_text("")
                os.write(terminal, line.encode() + b"\t\x18")
                wait_for(line, lambda: "DONE" in text(), 20)
                found.append({word.rstrip("=") for word in out.read_text().split()} - {"DONE"})
        finally:
            os.close(terminal)
            os.waitpid(pid, 0)
    return found


class Zsh(Completions):
    def setUp(self):
        if shutil.which("zsh") is None:
            self.skipTest("zsh is not installed")

    def test_every_command_and_option_and_no_other(self):
        commands = ["", *self.table.commands]
        found = complete_all(["prot "] + [f"prot {command} --".replace("  ", " ") for command in commands] +
                                  ["prot restart b", "prot config ", "prot logs sup"])
        self.assertEqual(found[0], set(self.table.commands), HOW)
        for command, options in zip(commands, found[1:]):
            self.assertEqual({o for o in options if o.startswith("--")}, self.table.long(command), f"prot {command}: {HOW}")
        self.assertEqual(found[-3:], [{"brain"}, set(self.table.below["config"]), {"supervisor"}])


class Manual(Completions):
    def test_groff_has_no_warning(self):
        if shutil.which("groff") is None:
            self.skipTest("groff is not installed")
        for page in ("prot.1", "prot-top.1", "prot-web.1"):
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", SOURCE / "doc" / page], capture_output=True,
                                  text=True, timeout=30)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def commands(self):
        """Command -> the text of its section."""
        text = MAN.read_text().split(".SH COMMANDS\n")[1].split("\n.SH ")[0].replace("\\-", "-")
        parts = re.split(r'(?m)^\.SS "?prot ([a-z-]+)([^"\n]*)"?\n', text)
        sections = {}
        for name, title, body in zip(parts[1::3], parts[2::3], parts[3::3]):
            sections[name] = sections.get(name, "") + title + "\n" + body
        return sections

    def test_every_command_and_option_and_no_other(self):
        sections = self.commands()
        self.assertEqual(sorted(sections), sorted(self.table.commands), HOW)
        for command, body in sections.items():
            tagged = re.findall(r"(?m)^\.TP\n(.*)$", body)
            named = {name for tag in tagged for name in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", re.sub(r'\\f.|"', "", tag))}
            if command == "top":  # its options are prot-top(1)'s
                self.assertEqual(named, set())
                continue
            wanted = {name for names in self.table.options[command] for name in names} - {"-h", "--help"}
            self.assertEqual(named, wanted, f"prot {command}: {HOW}")
            for word in self.table.below[command]:
                self.assertIn(word, body)

    def test_global_options_exit_codes_and_parts(self):
        text = MAN.read_text().replace("\\-", "-")
        options = text.split(".SH OPTIONS\n")[1].split("\n.SH ")[0]
        for names in self.table.options[""]:
            for name in names:
                self.assertIn(name, options)
        codes = text.split(".SH EXIT STATUS\n")[1].split("\n.SH ")[0]
        for code in re.findall(r"\b(\d) [a-z]", help_of().split("Exit codes: ")[1]):
            self.assertRegex(codes, rf"(?m)^\.B {code}$")
        for title in ("SIGNALS", "ENVIRONMENT", "FILES", "EXAMPLES"):
            self.assertIn(f".SH {title}\n", text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
