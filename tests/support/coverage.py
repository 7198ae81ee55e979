#!/usr/bin/env python3
"""Line coverage by room, from a build of the preset coverage whose tests have run.

    tests/support/coverage.py [BUILD_FOLDER]        build/coverage unless told
    tests/support/coverage.py [BUILD_FOLDER] ROOM   the files of one room, and lines never run

Asks gcov for every object that has counts. A line in a header counts as run if any object ran it.
"""

import collections
import concurrent.futures
import json
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def counts_of(path):
    """Yields (source, line, count) of one object's counts."""
    told = subprocess.run(["gcov", "--json-format", "--stdout", path], capture_output=True,
                          text=True, check=False, cwd=os.path.dirname(path))
    for answer in told.stdout.splitlines():
        said = json.loads(answer)
        for file in said["files"]:
            where = os.path.join(said["current_working_directory"], file["file"])
            source = os.path.relpath(os.path.realpath(where), TOP)
            for line in file["lines"]:
                yield source, line["line_number"], line["count"]


def room_of(source):
    parts = source.split("/")
    return "/".join(parts[:2]) if parts[0] in ("src", "ports", "recorder") else parts[0]


def gather(build):
    """{source: {line: how often}} of the tree's own sources, tests excepted."""
    objects = [os.path.join(folder, name) for folder, _, names in os.walk(build)
               for name in names if name.endswith(".gcda")]
    lines = collections.defaultdict(lambda: collections.defaultdict(int))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for counts in pool.map(lambda path: list(counts_of(path)), objects):
            for source, line, count in counts:
                if source.startswith(("src/", "ports/", "tools/")):
                    lines[source][line] += count
    return lines


def show(title, counts):
    run = sum(1 for count in counts if count)
    print(f"{title:<34} {run:>6} of {len(counts):>6}  {100 * run / max(1, len(counts)):6.1f} %")


def main():
    arguments = sys.argv[1:]
    build = os.path.join(TOP, "build", "coverage")
    if arguments and os.path.isdir(os.path.join(arguments[0], "CMakeFiles")):
        build = arguments.pop(0)
    lines = gather(build)
    if not lines:
        print(f"no counts in {build}: build the preset coverage and run its tests", file=sys.stderr)
        return 2
    rooms = collections.defaultdict(list)
    for source, counts in lines.items():
        rooms[room_of(source)] += counts.values()
    if not arguments:
        for room, counts in sorted(rooms.items()):
            show(room, counts)
        show("all", [count for counts in rooms.values() for count in counts])
        return 0
    for source, counts in sorted(lines.items()):
        if room_of(source) == arguments[0]:
            show(source, counts.values())
            never = [str(line) for line, count in sorted(counts.items()) if not count]
            if never:
                print("    never run: " + " ".join(never))
    return 0


if __name__ == "__main__":
    sys.exit(main())
