#!/usr/bin/env python3
"""No writable globals of ours (the original's finding F15): looks at every object file of the product.

usage: writable_globals.py BUILD SOURCE     exit 0: none but those below, 1: one line each, 77: nothing to look at

What can be written is an object in a section that is writable while the program runs; .data.rel.ro is not, once the
linker has done its work. A constant with a constructor lies in .bss as well: it is accepted when the source says `const`.
"""
import pathlib
import re
import subprocess
import sys

FOLDERS = ("core", "capture", "stt", "brain", "tts", "player", "memory", "supervisor", "top", "web")

# What may be there, and why. One that is gone is told as well, so that this list stays true.
ALLOWED = {
    "prot::(anonymous namespace)::least_level": "atomic; the log's level, which `prot log-level` changes",
    "prot::(anonymous namespace)::content_allowed": "atomic; set once, before the first thread",
    "prot::(anonymous namespace)::sink()::only": "the log's one sink: stderr is one as well; it has a mutex",
    "prot::(anonymous namespace)::crashing": "atomic; a signal handler is given no argument",
    "prot::(anonymous namespace)::own_path": "written once, before the first thread; for the same handler",
    "prot::stderr_is_journal()::journal": "static const: what stderr was at the start",
    "prot::audio::(anonymous namespace)::silence_library()::once": "once_flag: libasound's handler is one a process",
    "prot::http::init_library()::code": "static const: curl_global_init() is once a process",
    "prot::ipc::Board::counter(unsigned long, std::basic_string_view<char, std::char_traits<char> >) const::nothing":
        "atomic; where the counters of a page that has none go, never read",
    "prot::memory::(anonymous namespace)::leased": "thread_local; which lease this thread works on",
    "prot::supervisor::(anonymous namespace)::child_stack()::stack":
        "the stack of a vfork-like child: one at a time, its parent waits",
    "prot::supervisor::(anonymous namespace)::pressed": "sig_atomic_t of a handler of `prot chat`",
    "prot::supervisor::(anonymous namespace)::stale": "sig_atomic_t of the same",
    "prot::supervisor::(anonymous namespace)::waiting_mask": "written once; libedit's hook is given no argument",
    "prot::supervisor::(anonymous namespace)::prompt(editline*)::text": "libedit wants char*; never written",
    "prot::top::(anonymous namespace)::g_continued": "atomic; of a handler of `prot-top`, which is given no argument",
    "prot::top::(anonymous namespace)::g_end": "atomic; of the same",
    "prot::brain::McpServer::tools() const::none": "static const, empty",
    "prot::memory::plain_form(std::basic_string_view<char, std::char_traits<char> >)::forms": "static const table",
    "prot::memory::related_words(std::string const&)::none": "static const, empty",
    "prot::memory::related_words(std::string const&)::groups": "static const table",
    "prot::memory::dot_products(std::span<short const, 18446744073709551615ul>, signed char const*, std::span<int, "
    "18446744073709551615ul>)::products": "static const: which instructions this processor has",
    "prot::services::common_probers()::probers": "static const table",
}
# The guards of such statics, the compiler's own tables, and the templates and inline statics of the libraries that we use.
FOREIGN = re.compile(r"(guard variable for |DW\.ref\.|__(gcov|llvm|asan|tsan|ubsan|odr_asan|sancov|prof)|"
                     r"(boost|CLI|std|Ort|pqxx|webrtc|toml|spdlog|fmt|rapidjson|doctest)::|\.L)")
SECTION = re.compile(r"^\s*\[\s*(\d+)\]\s+(\S+)\s+\S+\s+[0-9a-f]+\s+[0-9a-f]+\s+[0-9a-f]+\s+[0-9a-f]+\s+(\S*)\s", re.M)
SYMBOL = re.compile(r"^\s*\d+:\s+[0-9a-f]+\s+(?:\d+|0x[0-9a-f]+)\s+(?:OBJECT|TLS)\s+\w+\s+\w+\s+(\d+)\s+(\S+)", re.M)
CONSTANT = re.compile(r"::(k[A-Z]\w*)$")


def plain(name: str) -> str:
    """As a person writes it."""
    name = name.replace("[abi:cxx11]", "")
    return name.replace("std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >", "std::string")


def writable(objects: list[pathlib.Path]) -> dict[str, pathlib.Path]:
    """Symbol -> an object that has it."""
    found = {}
    for item in objects:
        text = subprocess.run(["readelf", "-sSW", item], capture_output=True, text=True, check=True).stdout
        flags = {number: (name, flag) for number, name, flag in SECTION.findall(text)}
        for number, name in SYMBOL.findall(text):
            section, flag = flags.get(number, ("", ""))
            if "W" in flag and not section.startswith(".data.rel.ro"):
                found[name] = item
    return found


def constants(source: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    """Names that some source declares const, and where."""
    names: dict[str, list[pathlib.Path]] = {}
    for folder in FOLDERS:
        for path in (*(source / folder).rglob("*.cpp"), *(source / folder).rglob("*.hpp")):
            for name in re.findall(r"\bconst(?:expr)?\b[^;={}()]*?\b(k[A-Z]\w*)\s*(?:\[[^\]]*\]\s*)?(?:=|\{|;)", path.read_text()):
                names.setdefault(name, []).append(path)
    return names


def is_constant(name: str, item: pathlib.Path, known: dict[str, list[pathlib.Path]]) -> bool:
    """Does the source of this object, or a header, declare it const?"""
    named = CONSTANT.search(name)
    return any(path.suffix == ".hpp" or item.name.endswith(path.name + ".o") for path in known.get(named[1] if named else "", []))


def main() -> int:
    build, source = (pathlib.Path(argument) for argument in sys.argv[1:3])
    objects = [o for folder in FOLDERS for o in sorted((build / folder).rglob("*.o"))]
    if len(objects) < 100:
        print(f"only {len(objects)} object files in {build}")
        return 77
    symbols = writable(objects)
    if not symbols:
        print("no writable symbol at all: link-time optimisation hides them")
        return 77
    names = subprocess.run(["c++filt", *symbols], capture_output=True, text=True, check=True).stdout.splitlines()
    constant = constants(source)
    seen, problems = set(), []
    for name, item in zip(map(plain, names), symbols.values()):
        seen.add(name)
        if FOREIGN.match(name) or name in ALLOWED or is_constant(name, item, constant):
            continue
        problems.append(f"{name} can be written ({item.relative_to(build)})")
    problems += [f"{name} is allowed, and not there" for name in ALLOWED if name not in seen]
    print("\n".join(problems))
    print(f"{len(objects)} object files, {len(seen)} symbols, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
