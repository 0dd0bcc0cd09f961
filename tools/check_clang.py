#!/usr/bin/env python3
"""Builds prot with clang, warnings as errors, or runs clang-tidy over every source of the programs.

  check_clang.py build ROOT BUILD   in BUILD/clang, with the options of BUILD; links every program
  check_clang.py tidy ROOT BUILD    with BUILD/clang's compile commands; files that passed are not checked again

What passed is remembered in the user's cache by the contents of a source, of the project's headers that it includes,
and of .clang-tidy. Exit code 77 (skipped) only when clang is not installed.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

VERSION = "14"
INCLUDE = re.compile(rb'^\s*#include "([^"]+)"', re.MULTILINE)


def tool(name):
    return shutil.which(f"{name}-{VERSION}")


def run(arguments, **more):
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
    done = run(["ninja", "-C", folder, "-k", "0"])
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
            if path.relative_to(root).parts[0] != "build":
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


def tidy_all(root, build):
    folder = configure(root, build)
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "prot" / "tidy"
    cache.mkdir(parents=True, exist_ok=True)
    project = Project(root)
    work = {}
    for entry in json.loads((folder / "compile_commands.json").read_text()):
        source = (folder / entry["file"]).resolve()
        if source.relative_to(root).parts[0] == "tests":
            continue  # both compilers' warnings are enough there
        flags = re.sub(r"-(o|MF|MQ) \S+|-c \S+", "", entry["command"]).replace(str(root), "")
        work[source] = cache / project.fingerprint(source, flags)

    def check(source):
        return run([tool("clang-tidy"), "--quiet", "-p", folder, source])

    wanted = sorted(s for s, stamp in work.items() if not stamp.exists())
    print(f"{len(work)} sources, {len(work) - len(wanted)} of them unchanged since they passed", flush=True)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for source, done in zip(wanted, pool.map(check, wanted)):
            if done.returncode == 0 and "warning:" not in done.stdout:
                work[source].touch()
                continue
            bad += 1
            print(done.stdout + "\n".join(e for e in done.stderr.splitlines() if "warnings generated" not in e), flush=True)
    print(f"{bad} sources with findings")
    return 1 if bad else 0


def main():
    mode, root, build = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve()
    missing = [name for name in ("clang++", "clang-tidy") if tool(name) is None]
    if missing:
        print(f"skipped: {', '.join(missing)} (version {VERSION}) is not installed")
        return 77
    return {"build": build_all, "tidy": tidy_all}[mode](root, build)


if __name__ == "__main__":
    sys.exit(main())
