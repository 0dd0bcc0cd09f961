#!/usr/bin/env python3
"""Holds the include rules and the sizes of the house. The tables below are the rules; doc/developer.md explains them.

usage: check_includes.py [ROOT]     exit 0: clean, 1: violations (one line each), 2: usage
"""
import pathlib
import re
import sys

# Folder -> the core/ modules it may include.
STAGE = {"base", "ipc", "wire", "stage", "json", "text"}
MAY_INCLUDE = {
    "core/base": {"base"},
    "core/ipc": {"base", "ipc"},
    "core/wire": {"base", "ipc", "wire"},
    "core/observe": {"base", "ipc", "wire", "observe"},
    "core/json": {"base", "json"},
    "core/text": {"base", "text"},
    "core/stage": {"base", "ipc", "wire", "stage", "json"},
    "core/audio": {"base", "audio"},
    "core/http": {"base", "http", "json"},
    "core/services": {"base", "stage", "audio", "http", "json", "services", "wyoming"},
    "core/wyoming": {"base", "http", "json", "wyoming"},
    "core/onnx": {"base", "onnx"},
    "capture": STAGE | {"audio", "onnx"},
    "player": STAGE | {"audio"},
    "stt": STAGE | {"http", "services", "audio", "wyoming"},
    "tts": STAGE | {"http", "services", "audio", "onnx", "wyoming"},
    "brain": STAGE | {"http", "services"},
    "memory": STAGE | {"http", "services"},
    "supervisor": STAGE | {"http", "services"},
    "top": {"base", "ipc", "wire", "observe", "json", "text"},
    "web": STAGE | {"observe", "http"},
}

# Header of a wrapped library -> the only places that may include it.
WRAPPED = {
    r"curl/": ["core/http/"],
    r"alsa/": ["core/audio/"],
    r"pulse/": ["core/audio/"],
    r"samplerate\.h": ["core/audio/"],
    r"rapidjson/": ["core/json/"],
    r"utf8proc\.h": ["core/text/", "core/base/", "core/json/"],
    r"toml\+\+/": ["core/stage/config_file.cpp"],
    r"boost/asio": ["core/stage/event_loop.cpp", "core/http/", "core/wyoming/link.cpp"],
    r"boost/beast": ["core/http/"],
    r"openssl/": ["core/http/"],
    r"boost/interprocess": ["core/ipc/"],
    r"boost/lockfree": ["capture/", "player/"],
    r"pqxx/": ["memory/stores/"],
    r"whisper\.h": ["stt/engines/", "capture/detectors/", "capture/"],
    r"onnxruntime": ["core/onnx/"],
    r"webrtc/": ["capture/cancellers/"],
    r"CLI/": ["supervisor/", "top/"],
    r"n?curses": ["top/"],
    r"histedit\.h": ["supervisor/line_editor.cpp"],
    r"gperftools/": ["core/stage/heap_sampler.cpp"],
}

# Folders of backends: they know their interface, never the stage.
BACKENDS = ("sources/", "sinks/", "engines/", "voices/", "stores/", "detectors/", "end_of_turn/", "cancellers/",
            "embedders/")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SIZES = {".hpp": 150, ".cpp": 400}


def folder_of(path: str) -> str:
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "core" else parts[0]


def check_file(path: str, text: str) -> list[str]:
    """The violations of one file, each as "path:line: what"."""
    problems = []
    folder = folder_of(path)
    allowed = MAY_INCLUDE.get(folder)
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        name = match.group(2)
        where = f"{path}:{number}: "
        if ".." in name.split("/"):
            problems.append(where + f"'..' in an include: {name}")
        if name.endswith((".cpp", ".c")):
            problems.append(where + f"a source is compiled, not included: {name}")
        for pattern, places in WRAPPED.items():
            if re.match(pattern, name) and not any(path.startswith(p) for p in places):
                problems.append(where + f"{name} belongs to {', '.join(places)} alone")
        if match.group(1) == '"' and allowed is not None:
            module = name.split("/")[0]
            if "/" in name and (pathlib.PurePosixPath("core") / module).as_posix() in MAY_INCLUDE:
                if module not in allowed:
                    problems.append(where + f"{folder} may not include core/{module}")
            elif "/" in name and module in MAY_INCLUDE and module != folder:
                problems.append(where + f"{folder} may not include another stage: {name}")
        if any(f"/{b}" in f"/{path}" for b in BACKENDS) and re.search(r"_stage\.hpp$", name):
            problems.append(where + f"a backend knows its interface, not the stage: {name}")
    return problems + check_size(path, len(lines))


def check_size(path: str, lines: int) -> list[str]:
    limit = SIZES[pathlib.PurePosixPath(path).suffix]
    if path.endswith("/main.cpp"):
        limit = 40
    return [f"{path}: {lines} lines, at most {limit}"] if lines > limit else []


def main(argv: list[str]) -> int:
    if len(argv) > 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    root = pathlib.Path(argv[1] if len(argv) == 2 else ".").resolve()
    problems = []
    checked = 0
    for folder in sorted({f.split("/")[0] for f in MAY_INCLUDE}):
        for file in sorted((root / folder).rglob("*.[ch]pp")):
            checked += 1
            problems += check_file(file.relative_to(root).as_posix(), file.read_text(encoding="utf-8"))
    for file in sorted((root / "tests").rglob("*.[ch]pp")):  # may include whom they like
        problems += check_size(file.relative_to(root).as_posix(), len(file.read_text(encoding="utf-8").splitlines()))
    for problem in problems:
        print(problem)
    if checked == 0:
        print(f"no sources under {root}", file=sys.stderr)
        return 2
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
