#!/usr/bin/env python3
"""What a prediction at four limits takes, beside what the program takes itself.

usage: prediction.py BUILD_FOLDER [--limit LIST] [--runs N] [--scale FACTOR] [PROGRAM...]

PROGRAM is some of sort, gzip, sqlite3, python3 (those of `./bench recorder`), dict (a Python
dictionary that is filled, then looked up at random) and g++; all by default, what is not installed
is skipped. Each runs alone, is recorded once, and predicted N times (1); times are the least of the
runs. The goal: a prediction takes no longer than the program.
"""
import argparse
import os
import resource
import shutil
import subprocess
import tempfile
import time

from fidelity import TEMPLATES
from recorder import prepare

DICT = """import random
n = {keys}
d = {{'k%d' % i: i for i in range(n)}}
random.seed(1)
print(sum(d['k%d' % random.randrange(n)] for _ in range(n)))
"""


def programs(folder, scale):
    """Writes the inputs; returns {program: command}."""
    commands = prepare(folder, scale)
    script = os.path.join(folder, "dict.py")
    with open(script, "w", encoding="ascii") as file:
        file.write(DICT.format(keys=int(500_000 * scale)))
    source = os.path.join(folder, "tables.cpp")
    with open(source, "w", encoding="ascii") as file:
        file.write(TEMPLATES + "".join(
            f"int f{i}(int x) {{ return Table<{i}>{{}}.go(x); }}\n"
            for i in range(1, 1 + max(1, int(24 * scale)))))
    commands["dict"] = ["/usr/bin/python3", "-S", "-E", script]
    commands["g++"] = ["g++", "-O2", "-c", source, "-o", os.path.join(folder, "tables.o")]
    return commands


def timed(command, runs, **options):
    """The least elapsed and CPU seconds."""
    elapsed, cpu = [], []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.monotonic()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=False, **options)
        elapsed.append(time.monotonic() - begin)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode(errors="replace").strip())
    return min(elapsed), min(cpu)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM")
    parser.add_argument("--limit", default="100%,75%,50%,25%")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--scale", type=float, default=2.0)
    args = parser.parse_intermixed_args()
    pagewright = os.path.join(os.path.abspath(args.build), "pagewright")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONHASHSEED": "0"}
    folder = tempfile.mkdtemp(prefix="pw-bench-prediction-")
    try:
        commands = programs(folder, args.scale)
        if not set(args.programs) <= set(commands):
            parser.error("PROGRAM is one of " + ", ".join(commands))
        print(f"limits {args.limit}; elapsed and CPU seconds")
        print(f"{'program':8} {'alone s':>8} {'CPU s':>7} {'recorded MB':>11} {'predicted s':>11} "
              f"{'CPU s':>7} {'predicted / alone':>17}")
        for program, command in commands.items():
            if args.programs and program not in args.programs:
                continue
            if shutil.which(command[0]) is None:
                print(f"{program:8} is not installed: skipped")
                continue
            recording = os.path.join(folder, program + ".pwrec")
            try:
                alone, alone_cpu = timed(command, args.runs, env=environment)
                timed([pagewright, "record", "-o", recording, "--", *command], 1, env=environment)
                elapsed, cpu = timed([pagewright, "predict", recording, "--limit", args.limit,
                                      "--flush", "20ms", "--seconds", f"{alone_cpu:.3f}"],
                                     args.runs)
            except RuntimeError as error:  # a limit may be too small to predict
                print(f"{program:8} {error}", flush=True)
                continue
            print(f"{program:8} {alone:8.2f} {alone_cpu:7.2f} "
                  f"{os.path.getsize(recording) / 1e6:11.1f} {elapsed:11.2f} {cpu:7.2f} "
                  f"{elapsed / alone:17.2f}", flush=True)
            os.remove(recording)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
