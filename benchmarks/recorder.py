#!/usr/bin/env python3
"""What recording costs: CPU time under the Valgrind recorder over CPU time alone; what it writes.

usage: recorder.py BUILD_FOLDER [--detail pages|switches|full] [--k K] [--stacks all|none|N]
                   [--runs N] [--scale FACTOR] [PROGRAM...]

PROGRAM is some of sort, gzip, sqlite3, python3 (all by default; what is not installed is skipped).
Times are user and system CPU seconds of the program and its children, the median of the runs.
"""
import argparse
import os
import random
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile

# Factors of the prototype, which recorded no instruction fetches and no call stacks.
PROTOTYPE = {"sort": 6.5, "gzip": 4.0, "sqlite3": 15.0, "python3": 18.0}

SQL = """
create table t(a integer primary key, b text, c integer);
with recursive n(i) as (select 1 union all select i+1 from n where i<{rows})
  insert into t select i, hex(randomblob(12)), abs(random())%1000 from n;
create index tc on t(c);
select c, count(*), max(b) from t group by c order by 2 desc limit 3;
select count(*) from t x join t y on x.c=y.c where x.a<3000;
"""

PYTHON = """
import json
table = {{}}
for i in range({rows}):
    table[str(i * 7919 % 100003)] = [i, i * 2, str(i)]
back = json.loads(json.dumps(table))
print(len(back), sorted(table.items(), key=lambda item: item[1][2])[0])
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
print(fib(23))
"""


def prepare(folder, scale):
    """Writes the inputs; returns {program: command}."""
    rng = random.Random(1)
    lines = os.path.join(folder, "lines")
    with open(lines, "w", encoding="ascii") as file:
        for _ in range(int(1_200_000 * scale)):
            file.write(f"{rng.getrandbits(64):016x} {rng.randrange(10**6)} a line of text\n")
    data = os.path.join(folder, "data")
    with open(data, "wb") as file:
        for _ in range(int(1_200_000 * scale)):
            file.write(b"%x the quick brown fox %d\n" % (rng.getrandbits(28), rng.randrange(99)))
    sql = os.path.join(folder, "sql")
    with open(sql, "w", encoding="ascii") as file:
        file.write(SQL.format(rows=int(250_000 * scale)))
    script = os.path.join(folder, "script.py")
    with open(script, "w", encoding="ascii") as file:
        file.write(PYTHON.format(rows=int(150_000 * scale)))
    return {
        "sort": ["sort", "--parallel=1", "-S", "1G", lines],
        "gzip": ["gzip", "-c", data],
        "sqlite3": ["sqlite3", ":memory:", ".read " + sql],
        "python3": ["/usr/bin/python3", script],
    }


def cpu_seconds(command, environment):
    with open(os.devnull, "w", encoding="ascii") as null:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=null,
                                 stderr=subprocess.PIPE, env=environment)
        message = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)}: wait status {status}: {message.decode(errors='replace')}")
    return usage.ru_utime + usage.ru_stime


def spool_totals(folder):
    """References, events and bytes of all spools of a folder."""
    references = events = size = 0
    for name in os.listdir(folder):
        if not name.endswith(".spool"):
            continue
        clock = 0
        with open(os.path.join(folder, name), "rb") as file:
            size += os.fstat(file.fileno()).st_size
            file.seek(64)
            while len(header := file.read(48)) == 48:
                _, kind, _, length, clock, count, _, _, _ = struct.unpack("<IIIIQQQII", header)
                events += count if kind == 1 else 0
                file.seek(length, os.SEEK_CUR)
        references += clock
    return references, events, size


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM")
    parser.add_argument("--detail", default="pages", choices=["pages", "switches", "full"])
    parser.add_argument("--k", default="64")
    parser.add_argument("--stacks", default="16384")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0)
    args = parser.parse_intermixed_args()
    if not set(args.programs) <= set(PROTOTYPE):
        parser.error("PROGRAM is one of " + ", ".join(PROTOTYPE))
    tool = os.path.abspath(os.path.join(args.build, "lib/pagewright/valgrind"))
    if not os.path.exists(os.path.join(tool, "pagewright-amd64-linux")):
        sys.exit(f"no Valgrind recorder in {tool}: build the target pw_valgrind")

    launcher = shutil.which("valgrind")  # as src/record/launch.cpp starts it
    if launcher is not None and os.access(launcher + ".bin", os.X_OK):
        launcher += ".bin"
    folder = tempfile.mkdtemp(prefix="pw-bench-recorder-")
    plain = {**os.environ, "LC_ALL": "C", "PYTHONHASHSEED": "0"}
    recorded_environment = {**plain, "VALGRIND_LIB": tool}

    def measure(command):
        """Native seconds, recorded seconds, totals of the last recording."""
        native, recorded = [], []
        for _ in range(args.runs):
            spools = tempfile.mkdtemp(dir=folder)
            native.append(cpu_seconds(command, plain))
            recorded.append(cpu_seconds(
                [launcher, "--command-line-only=yes", "--tool=pagewright", "--quiet",
                 "--trace-children=yes", "--vgdb=no", "--run-libc-freeres=no",
                 "--run-cxx-freeres=no",
                 f"--spool-dir={spools}", f"--detail={args.detail}",
                 f"--k={args.k}", f"--stacks={args.stacks}", *command], recorded_environment))
            totals = spool_totals(spools)
            shutil.rmtree(spools)
        return statistics.median(native), statistics.median(recorded), totals

    try:
        _, start, _ = measure(["true"])
        print(f"detail {args.detail}, K {args.k}, stacks {args.stacks}; "
              f"starting the recorder: {start:.2f} s (included below)")
        print(f"{'program':8} {'alone s':>8} {'recorded s':>10} {'factor':>7} "
              f"{'started':>7} {'prototype':>9} "
              f"{'M references':>12} {'M events':>9} {'spool MB':>9}  (started: less the start)")
        for program, command in prepare(folder, args.scale).items():
            if args.programs and program not in args.programs:
                continue
            if shutil.which(command[0]) is None:
                print(f"{program:8} is not installed: skipped")
                continue
            native, recorded, (references, events, size) = measure(command)
            print(f"{program:8} {native:8.2f} {recorded:10.2f} {recorded / native:7.1f} "
                  f"{(recorded - start) / native:7.1f} "
                  f"{PROTOTYPE[program]:9.1f} {references / 1e6:12.1f} {events / 1e6:9.3f} "
                  f"{size / 1e6:9.2f}", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
