#!/usr/bin/env python3
"""Keeps the house rules that a compiler does not: who includes whom, lengths, words, status.

Looks at every file that git tracks or would track. Prints one line for each finding; exit status 1
if there is one. tidy_test.py proves that each rule can fail.
"""

import ast
import os
import re
import shutil
import subprocess
import sys

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70
MAX_COLUMNS = 100

# Rooms in the order of dependencies: a room includes itself and what stands before it. Rooms on one
# line don't know each other.
ROOM_ORDER = [
    ["src/base"],
    ["src/arch"],
    ["src/phys"],
    ["src/port"],
    ["src/policy"],
    ["src/memcg"],
    ["src/object"],
    ["src/swap"],
    ["src/space"],
    ["src/rmap"],
    ["src/fault"],
    ["src/reclaim"],
    ["src/huge", "src/numa", "src/ksm"],
    ["src/proc"],
    ["ports/sim", "ports/uffd", "ports/kvm"],
    ["src/machine"],
    ["src/view"],
    ["src/sys"],
    ["src/script"],
    ["recorder/common"],
    ["src/record", "ports/host"],
    ["src/replay"],
    ["src/analysis"],
    ["src/predict"],
    ["src/report"],
    ["tools"],
]
LEVEL = {room: level for level, rooms in enumerate(ROOM_ORDER) for room in rooms}

# May know only base, whatever stands between (DESIGN: policies are used by curves, reclaim and live
# pager).
ONLY_BASE = {"src/policy"}

# Rooms that are part of the core: no exceptions, no threads, no streams (they build for the
# browser).
CORE = {room for room in LEVEL if LEVEL[room] <= LEVEL["src/script"]} - {"ports/uffd", "ports/kvm"}

# Plain values that a room further up may know: a machine's configuration describes the simulated
# CPU.
FREE_HEADERS = {"ports/sim/geometry.hpp", "ports/sim/counters.hpp"}

CPP = (".cpp", ".hpp", ".c", ".h")
CODE = CPP + (".py", ".sh", ".cmake", ".ts", ".tsx")
BANNED = re.compile(
    r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK|st" r"ub(?:bed|s)?|place" r"holders?|for" r" now|"
    r"not imple" r"mented)\b",
    re.IGNORECASE,
)
MACHINE_PATH = re.compile(r"/(?:wo" r"rk|fa" r"rm)/(?:main|steering|in|shared)\b|/tmp/b" r"-\w+")
EXCEPTIONS = re.compile(r"\b(throw|try|catch)\b")
HOSTED_HEADERS = re.compile(
    r"^\s*#\s*include\s*<(thread|mutex|condition_variable|future|exception|filesystem|"
    r"\w*stream)>")
BEFORE_SIGNATURE = re.compile(r"(?:\s|\b(?:public|private|protected)\s*:)*")
# Not in libc++ 14, which the core is built with for WebAssembly on Debian 12.
RANGES = re.compile(r"std::(?:ranges|views)::(\w+)")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def files_of(top):
    """Tracked files and new ones that are not ignored; without git or in an archive, all outside
    build/."""
    git = ["git", "-C", top, "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = None
    if shutil.which("git"):
        listed = subprocess.run(git, capture_output=True, text=True, check=False)
    if listed and listed.returncode == 0:
        names = sorted(set(listed.stdout.splitlines()))
    else:
        names = []
        for folder, folders, entries in os.walk(top):
            folders[:] = [f for f in folders if f not in ("build", ".git", "node_modules")]
            names += [os.path.relpath(os.path.join(folder, e), top) for e in entries]
        names.sort()
    return [name for name in names if os.path.isfile(os.path.join(top, name))]


def room_of(path):
    parts = path.split("/")
    for depth in (2, 1):
        room = "/".join(parts[:depth])
        if room in LEVEL and len(parts) > depth:
            return room
    return None


def blank(text):
    """C++ text with comments and the insides of literals blanked: same length, same line breaks."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"'
        r"|(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])*'", re.DOTALL)

    def spaces(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    return pattern.sub(spaces, text)


def is_script(path, text):
    name = os.path.basename(path)
    return name.endswith(CODE) or name == "CMakeLists.txt" or text.startswith("#!")


def check_lengths(path, text):
    lines = text.splitlines()
    if is_script(path, text):
        if len(lines) > MAX_FILE_LINES:
            yield 1, f"{len(lines)} lines; a file has at most {MAX_FILE_LINES}"
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_COLUMNS:
                yield number, f"{len(line)} columns; a line has at most {MAX_COLUMNS}"


def cpp_functions(text):
    """(first line, lines) of each function, from its signature to its closing brace."""
    code = re.sub(r"^\s*#.*(?:\\\n.*)*$", lambda m: re.sub(r"[^\n]", " ", m.group(0)), blank(text),
                  flags=re.MULTILINE)
    stack = []   # for each open brace: the position where a function began, or None
    start = 0    # where the text before the next brace begins
    inside = 0   # functions open
    skip = 0     # braces of a member initialiser open
    for match in re.finditer(r"[{};]", code):
        at, mark = match.start(), match.group(0)
        if skip or (mark == "{" and not inside and is_initialiser(code[start:at])):
            skip += {"{": 1, "}": -1}.get(mark, 0)
            continue
        if mark == "{":
            began = start if not inside and is_function(code[start:at]) else None
            stack.append(began)
            inside += began is not None
        elif mark == "}" and stack:
            began = stack.pop()
            if began is not None:
                inside -= 1
                began = BEFORE_SIGNATURE.match(code, began, at).end()
                first = code.count("\n", 0, began) + 1
                yield first, code.count("\n", 0, at) + 2 - first
        start = at + 1


def is_function(before):
    return "(" in before and not re.search(
        r"^\s*(?:namespace|enum)\b"
        r"|^\s*(?:template\s*<[^;]*>\s*)?(?:class|struct|union)\s[^()]*$"
        r"|=\s*$",
        before)


def is_initialiser(before):
    """`a_{1}` of a constructor's list, or of a member: no space stands before such a brace."""
    return bool(before) and (before[-1].isalnum() or before[-1] in "_>)") and "(" in before


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


def check_functions(path, text):
    if path.endswith(CPP):
        found = cpp_functions(text)
    elif path.endswith(".py"):
        found = python_functions(text)
    else:
        return
    for number, lines in found:
        if lines > MAX_FUNCTION_LINES:
            yield number, f"a function of {lines} lines; at most {MAX_FUNCTION_LINES}"


def check_words(path, text):
    if os.path.basename(path) == "LICENSE":
        return
    for number, line in enumerate(text.splitlines(), 1):
        for match in BANNED.finditer(line):
            yield number, f'the word "{match.group(0)}": finish it, or say it in docs/STATUS.md'
        for match in MACHINE_PATH.finditer(line):
            yield number, f'a path of one machine: "{match.group(0)}"'


def check_core(path, text):
    if room_of(path) not in CORE or not path.endswith(CPP):
        return
    for number, line in enumerate(blank(text).splitlines(), 1):
        match = EXCEPTIONS.search(line) or HOSTED_HEADERS.search(line)
        if match:
            yield number, f'"{match.group(1)}" in the core: no exceptions, threads, streams there'
        match = RANGES.search(line)
        if match:
            name = match.group(1)
            yield number, f"std::ranges in the core: libc++ 14 lacks it; take std::{name}"


def check_header_comment(path, text):
    if path.startswith(("src/", "ports/", "recorder/")) and path.endswith((".hpp", ".h")):
        if not text.startswith(("//", "/*")):
            yield 1, "a header opens with a comment: what it is for, who owns it, its invariants"


def resolve(path, include, known):
    for candidate in (f"src/{include}", include,
                      os.path.normpath(os.path.join(os.path.dirname(path), include))):
        if candidate in known:
            return candidate
    return None


def check_includes(path, text, known):
    room = room_of(path)
    if room is None or not path.endswith(CPP):
        return
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        target = match and resolve(path, match.group(1), known)
        if not target or target in FREE_HEADERS:
            continue
        other = room_of(target)
        if other is None or other == room:
            continue
        if LEVEL[other] >= LEVEL[room] or (room in ONLY_BASE and other != "src/base"):
            yield number, f"{room} includes {target}; {other} is not one of the rooms it may know"


def check_status(path, text, known):
    """A row of docs/STATUS.md that says `works` names tests that exist."""
    if path != "docs/STATUS.md":
        return
    for number, line in enumerate(text.splitlines(), 1):
        row = re.match(r"\|\s*([A-Z]+\d+)\s*\|[^|]*\|([^|]*)\|([^|]*)\|", line)
        if not row:
            continue
        state, tests = row.group(2).strip(), re.findall(r"`([^`]+/[^`]+)`", row.group(3))
        if state not in ("works", "not yet"):
            yield number, f'{row.group(1)}: the state is "works" or "not yet", not "{state}"'
        if state == "works" and not tests:
            yield number, f"{row.group(1)} works but names no test"
        for test in tests:
            if test not in known:
                yield number, f"{row.group(1)} names {test}, which does not exist"


def findings(files):
    """files: {path: text}. Yields (path, line, message)."""
    known = set(files)
    for path, text in sorted(files.items()):
        for check in (check_lengths, check_functions, check_words, check_core,
                      check_header_comment):
            for number, message in check(path, text):
                yield path, number, message
        for check in (check_includes, check_status):
            for number, message in check(path, text, known):
                yield path, number, message


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else "."
    files = {}
    for name in files_of(top):
        with open(os.path.join(top, name), "rb") as file:
            data = file.read()
        if b"\0" not in data:
            files[name] = data.decode("utf-8", "replace")
    found = list(findings(files))
    for path, number, message in found:
        print(f"{path}:{number}: {message}")
    print(f"tidy: {len(files)} files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
