#!/usr/bin/env python3
"""The report page of a long recording: how long it takes to make, how large it is, how soon it
shows and how soon it answers, beside the goals.

usage: report.py BUILD_FOLDER [--records MILLIONS] [--recording FILE] [--runs N]

The recording is made by bench_replay (detail switches, 10 million records) unless one is given; its
times are told for 10 million records too. CPU seconds are those of all threads together. The page
is opened from its file in headless Chromium by web/bench/report.mjs; without Chromium or Node.js
that part is left out and says so.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CHUNK = 50_000  # records, see replay_bench.cpp
GOAL_RECORDS = 10_000_000


def line(what, value, unit, goal=None):
    verdict = ""
    if goal is not None:
        verdict = f" [goal {goal:g}: {'reached' if value <= goal else 'NOT reached'}]"
    print(f"{what:36} {value:8.2f} {unit}{verdict}")


def call(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr.strip() or f"{command[0]} failed")
    return done.stdout


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def make(tool, recording, page):
    """Writes the page; returns wall and CPU seconds."""
    start, cpu = time.monotonic(), cpu_seconds()
    call(tool, "report", recording, "--html", page, "--force")
    return time.monotonic() - start, cpu_seconds() - cpu


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("build")
    parser.add_argument("--records", type=float, default=10, help="millions (10)")
    parser.add_argument("--recording", help="one that is there, instead")
    parser.add_argument("--runs", type=int, default=3, help="of which the median is told (3)")
    options = parser.parse_args()
    tool = os.path.join(options.build, "pagewright")
    with tempfile.TemporaryDirectory() as folder:
        recording = options.recording or os.path.join(folder, "long.pwrec")
        if not options.recording:
            chunks = str(max(1, round(options.records * 1e6 / CHUNK)))
            call(os.path.join(options.build, "bench", "bench_replay"), "--make", recording, chunks)
        told = json.loads(call(tool, "replay", recording, "--json"))
        records = told["machines"][0]["records"]
        page = os.path.join(folder, "page.html")
        runs = [make(tool, recording, page) for _ in range(max(1, options.runs))]
        wall, cpu = (statistics.median(figures) for figures in zip(*runs))
        print(f"{records:,} records")
        line("time to make", wall, "s")
        line("  CPU time, all threads", cpu, "s")
        if wall > cpu:  # two threads and more: on a quiet machine it is the other way round
            print(f"the machine is busy (load {os.getloadavg()[0]:.1f}): wall times say little")
        scale = GOAL_RECORDS / records
        line(f"time to make, for {GOAL_RECORDS:,}", wall * scale, "s", 5)
        line("  CPU time, all threads", cpu * scale, "s")
        line("size", os.path.getsize(page) / 1e6, "MB", 5)
        sys.stdout.flush()
        if not shutil.which("node"):
            print("page not opened: Node.js is missing")
            return
        script = os.path.join(TOP, "web", "bench", "report.mjs")
        sys.exit(subprocess.run(["node", script, page], check=False).returncode)


if __name__ == "__main__":
    main()
