#!/usr/bin/env python3
"""Builds prot with clang, warnings as errors, or runs clang-tidy over every source of the programs.

  check_clang.py build ROOT BUILD   in BUILD/clang, with the options of BUILD; links every program
  check_clang.py tidy ROOT BUILD    with BUILD/clang's compile commands; files that passed are not checked again
  check_clang.py ahead ROOT BUILD   both, only with processor time that nobody else wants; what it finds, the two above
                                    find again. They wait for it.

What passed is remembered in the user's cache by the contents of a source, of the project's headers that it includes,
and of .clang-tidy. Exit code 77 (skipped) only when clang is not installed.
"""
import concurrent.futures
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading

VERSION = "14"
INCLUDE = re.compile(rb'^\s*#include "([^"]+)"', re.MULTILINE)


def tool(name):
    return shutil.which(f"{name}-{VERSION}")


stopping = threading.Event()


def run(arguments, **more):
    if stopping.is_set():
        raise InterruptedError("asked to end")
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=False, **more)


def option(build, name):
    done = run(["meson", "introspect", build, "--buildoptions"])
    return next(o["value"] for o in json.loads(done.stdout) if o["name"] == name)


def configure(root, build):
    folder = build / "clang"
    if (folder / "build.ninja").exists():  # the sources may have changed since
        if run(["ninja", "-C", folder, "build.ninja"]).returncode == 0:
            return folder
    shutil.rmtree(folder, ignore_errors=True)
    launcher = "ccache " if shutil.which("ccache") else ""
    environment = dict(os.environ, CC=f"{launcher}clang-{VERSION}", CXX=f"{launcher}clang++-{VERSION}")
    done = run(["meson", "setup", folder, root, "-Dbuildtype=debug", "-Ddebug=false", "-Dwerror=true",
                f"-Dengines={option(build, 'engines')}"], env=environment)
    if done.returncode != 0:
        sys.exit(f"clang cannot be configured:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return folder


def build_all(root, build):
    folder = configure(root, build)
    done = run(["ninja", "-C", folder, "-k", "0", "-j", os.cpu_count()])
    if done.returncode == 0:
        print("everything builds with clang, without a warning")
        return 0
    print("\n".join(line for line in done.stdout.splitlines() if not line.startswith("[")))
    return 1


class Project:
    """The project's own includes, for the fingerprint of a source. Not the compiler's search, a superset of it."""

    def __init__(self, root):
        self.root = root
        self.contents = {}
        self.headers = {}
        for path in root.rglob("*.hpp"):
            if not re.match(r"build(-|$)", path.relative_to(root).parts[0]):
                self.headers.setdefault(path.name, []).append(path)

    def content(self, path):
        if path not in self.contents:
            self.contents[path] = path.read_bytes()
        return self.contents[path]

    def closure(self, source):
        seen, waiting = {source}, [source]
        while waiting:
            for name in INCLUDE.findall(self.content(waiting.pop())):
                for header in self.headers.get(name.decode().rsplit("/", 1)[-1], []):
                    if header not in seen:
                        seen.add(header)
                        waiting.append(header)
        return sorted(seen)

    def fingerprint(self, source, command):
        digest = hashlib.sha256((self.root / ".clang-tidy").read_bytes() + command.encode())
        for path in self.closure(source):
            digest.update(str(path.relative_to(self.root)).encode() + b"\0" + self.content(path) + b"\0")
        return digest.hexdigest()


class Tidy:
    """clang-tidy over sources. What it costs is the walk through the libraries' headers, so sources with the same flags
    are checked several at a time, as one; what does not compile in company is left out. Where that finds something,
    each is checked alone, and only what is said of it then counts."""

    BATCH = 10

    def __init__(self, root, folder, commands):
        """`commands`: source -> its entry in the compile commands."""
        self.root = root
        self.folder = folder
        self.commands = commands
        config = root / ".clang-tidy"
        self.own = re.search(r"HeaderFilterRegex: *'(.*)'", config.read_text())[1].replace(r"\.hpp$", r"\.[ch]pp$")
        # An include of a .cpp is this checker's own here; check_includes.py looks for them in the sources.
        self.as_one = [f"--config-file={config}", f"--header-filter={self.own}", "--checks=-bugprone-suspicious-include"]

    def flags(self, source):
        """What must be the same for two sources to be checked as one."""
        return re.sub(r"-(o|MF|MQ|c) \S+|-MD", "", self.commands[source]["command"])

    def batches(self, sources):
        groups = {}
        for source in sources:  # two main() exclude each other
            groups.setdefault((self.flags(source), source if source.name == "main.cpp" else ""), []).append(source)
        return [group[i:i + self.BATCH] for group in groups.values() for i in range(0, len(group), self.BATCH)]

    def check(self, batch):
        """What is wrong with each source of the batch; empty: nothing."""
        foreign = {s: f"{s}: HeaderFilterRegex in .clang-tidy does not name its folder" for s in batch if not re.search(self.own, str(s))}
        if foreign:  # of what is included nothing would be said, and in a batch each source is
            rest = [source for source in batch if source not in foreign]
            return foreign | (self.check(rest) if rest else {})
        if len(batch) > 1:
            said = self._findings(*self._unit(batch), self.as_one)
            if not said:
                return {source: "" for source in batch}
            broken = set(re.findall(r"^(.+?):\d+:\d+: error: .*\[clang-diagnostic-error", said, re.MULTILINE))
            at_odds = [source for source in batch if str(source) in broken]
            if 0 < len(at_odds) < len(batch):  # names that others have too: the rest may still be one
                rest = [source for source in batch if source not in at_odds]
                return self.check(rest) | {source: self._findings(self.folder, source, []) for source in at_odds}
        return {source: self._findings(self.folder, source, []) for source in batch}

    def _unit(self, batch):
        name = hashlib.sha256("".join(map(str, batch)).encode()).hexdigest()[:16]
        place = self.folder / "tidy" / name
        place.mkdir(parents=True, exist_ok=True)
        unit = place / "unit.cpp"
        unit.write_text("".join(f'#include "{source}"\n' for source in batch))
        (place / "compile_commands.json").write_text(json.dumps([{
            "directory": str(self.folder), "file": str(unit), "command": f"{self.flags(batch[0])} -c {unit}"}]))
        return place, unit

    @staticmethod
    def _findings(commands, source, options):
        done = run([tool("clang-tidy"), "--quiet", *options, "-p", commands, source])
        if done.returncode == 0 and "warning:" not in done.stdout:
            return ""
        errors = [line for line in done.stderr.splitlines() if "warnings generated" not in line]
        return (done.stdout + "\n".join(errors)).strip() or f"clang-tidy ended with {done.returncode}"


def tidy_all(root, build):
    folder = configure(root, build)
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "prot" / "tidy"
    cache.mkdir(parents=True, exist_ok=True)
    project = Project(root)
    work, commands = {}, {}
    for entry in json.loads((folder / "compile_commands.json").read_text()):
        source = (folder / entry["file"]).resolve()
        if source.relative_to(root).parts[0] == "tests":
            continue  # both compilers' warnings are enough there
        flags = re.sub(r"-(o|MF|MQ) \S+|-c \S+", "", entry["command"]).replace(str(root), "")
        work[source] = cache / project.fingerprint(source, flags)
        commands[source] = entry

    wanted = sorted(s for s, stamp in work.items() if not stamp.exists())
    print(f"{len(work)} sources, {len(work) - len(wanted)} of them unchanged since they passed", flush=True)
    tidy = Tidy(root, folder, commands)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(tidy.check, tidy.batches(wanted)):
            for source, words in found.items():
                if not words:
                    work[source].touch()
                    continue
                bad += 1
                print(words, flush=True)
    print(f"{bad} sources with findings")
    return 1 if bad else 0


@contextlib.contextmanager
def alone(build):
    """One of the modes at a time in one build folder."""
    with open(build / ".clang-lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def step_back():
    """Idle priority, in a session of its own: where sessions share the processors evenly, it would take half of them.
    SIGTERM ends it when all that it started has ended: ninja removes what it left half-written."""
    os.setsid()
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with contextlib.suppress(OSError):  # a kernel without automatic groups
        pathlib.Path("/proc/self/autogroup").write_text("19")

    def end(*_signal):
        stopping.set()  # the other threads start nothing any more
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        os._exit(143)
    signal.signal(signal.SIGTERM, end)


def both(root, build):
    step_back()
    return max(build_all(root, build), tidy_all(root, build))


def main():
    mode, root, build = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve()
    missing = [name for name in ("clang++", "clang-tidy") if tool(name) is None]
    if missing:
        print(f"skipped: {', '.join(missing)} (version {VERSION}) is not installed")
        return 77
    with alone(build):
        return {"build": build_all, "tidy": tidy_all, "ahead": both}[mode](root, build)


if __name__ == "__main__":
    sys.exit(main())
