#!/usr/bin/env python3
"""How near predictions under a memory limit are to this host's kernel; beside LRU, CLOCK, OPT.

usage: fidelity.py BUILD_FOLDER [--runs N] [--limits LIST] [--saved] [--folder FOLDER]
                   [--costs FILE] [WORKLOAD...]

WORKLOAD is some of zipf, seqloop, seqloop_read, cow, sort, pydict, sqlite, gzip, g++ (all
by default; what is not installed is skipped). Each is recorded, run for real N times (5) without a
limit and at each limit (75%,50%,25% of its own peak) by `pagewright check`, on one CPU and with
swap on zram, and predicted. That needs root. --saved, and whoever is not root, takes the
measurements in tests/data/truth instead.

A figure is the median of the runs; spread is (highest - lowest) / median; errors are (predicted -
measured) / measured. LRU, CLOCK and OPT have as many page frames as the program had resident pages
at that limit, and their misses beyond first touches stand beside the kernel's major faults.
"""
import argparse
import csv
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = 4096
POLICIES = ["lru", "clock", "opt"]
OWN = {
    "zipf": ["zipf", "96", "2000000"],
    "seqloop": ["seqloop", "64", "5"],
    "seqloop_read": ["seqloop", "64", "5", "r"],
    "cow": ["cow", "48", "4", "50"],
}
# Figures that are shown, with their headings.
SHOWN = {"major_faults": "major", "swap_in": "in", "swap_out": "out", "scanned": "scanned",
         "peak_resident": "peak", "slowdown": "slowdown"}

PYTHON = """d = {}
for i in range(1000000): d['k%d' % i] = i
print(sum(d['k%d' % i] for i in range(0, 1000000, 7)))
"""

SQL = """create table t(a integer primary key, b integer, c text);
begin;
with recursive n(i) as (select 1 union all select i+1 from n where i<300000)
  insert into t select i, (i*7919)%1000003, 'row number '||i||' of many' from n;
commit;
create index tb on t(b);
select sum(a) from t where b between 1000 and 200000;
select count(*) from t x join t y on x.b=y.a;
select c from t order by c desc limit 5;
"""

TEMPLATES = """#include <functional>
#include <map>
#include <string>
#include <vector>
template <int N> struct Table {
  std::map<int, std::vector<std::string>> rows;
  std::function<int(int)> f = [](int x) { return x * N; };
  int go(int x) {
    for (int i = 0; i < N; ++i) rows[i % 7].push_back(std::to_string(x + i));
    int sum = 0;
    for (auto& [key, row] : rows) for (auto& word : row) sum += f(key) + (int)word.size();
    return sum;
  }
};
"""


def prepare(folder):
    """Writes the inputs of the real programs; returns {name: command}."""
    rng = random.Random(1)
    with open(os.path.join(folder, "lines"), "w", encoding="ascii") as file:
        for _ in range(2_000_000):
            file.write(f"{rng.randrange(10**12)}\n")
    with open(os.path.join(folder, "data"), "wb") as file:
        for i in range(100):
            file.write(rng.randbytes(1 << 19))
            file.write(b"".join(b"%d,%d\n" % (i * 7919 + j, j * j) for j in range(100_000)))
    texts = {"dict.py": PYTHON, "q.sql": SQL, "tables.cpp": TEMPLATES + "".join(
        f"int f{i}(int x) {{ return Table<{i}>{{}}.go(x); }}\n" for i in range(1, 25)),
        "q.sh": "rm -f t.db\nexec sqlite3 -init /dev/null t.db '.read q.sql'\n"}
    for name, text in texts.items():
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(text)
    return {
        "sort": ["sort", "--parallel=1", "-S", "256M", "-o", "sorted", "lines"],
        "pydict": ["/usr/bin/python3", "-S", "-E", "dict.py"],
        "sqlite": ["sh", "q.sh"],
        "gzip": ["gzip", "-1", "-kf", "data"],
        "g++": ["g++", "-O2", "-c", "tables.cpp", "-o", "tables.o"],
    }


def build_own(folder):
    """Compiles our own programs; returns {name: command}."""
    commands = {}
    for name, words in OWN.items():
        program = os.path.join(folder, "truth_" + words[0])
        if not os.path.exists(program):
            source = os.path.join(TOP, "tests/truth/programs", words[0] + ".c")
            subprocess.run(["cc", "-std=gnu17", "-O1", "-static", "-no-pie", source, "-o", program],
                           check=True)
        commands[name] = [program, *words[1:]]
    return commands


class Workload:
    """One program: its recording, its measurement, what is predicted."""

    def __init__(self, name, command, folder, args):
        self.name, self.command, self.folder, self.args = name, command, folder, args
        self.recording = os.path.join(folder, name + ".pwrec")
        self.tool = os.path.abspath(os.path.join(args.build, "pagewright"))

    def run(self, *words, good=(0,)):
        done = subprocess.run([self.tool, *words], cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if done.returncode not in good:
            sys.exit(f"{self.name}: pagewright {words[0]}: {done.stderr.strip()}")
        return done.stdout

    def measure(self):
        """Returns the file with the measurement; records."""
        # Files that are read are in the page cache, files that are written exist.
        subprocess.run(self.command, cwd=self.folder, stdin=subprocess.DEVNULL, check=True,
                       stdout=subprocess.DEVNULL)
        self.run("record", "--force", "-o", self.recording, "--", *self.command)
        if self.args.saved:
            return os.path.join(TOP, "tests/data/truth", self.name + ".json")
        truth = os.path.join(self.folder, self.name + ".json")
        self.run("check", "--recording", self.recording, "--limit", self.args.limits, "--runs",
                 str(self.args.runs), "--pin", "0", "--swap", "zram", "--force", "--save", truth,
                 "-o", os.path.join(self.folder, "check.txt"), "--", *self.command, good=(0, 1))
        return truth

    def compare(self, truth):
        """[{name: figure}] for each row, the limit in percent under 'limit'."""
        costs = ["--costs", self.args.costs] if self.args.costs else []
        text = self.run("replay", self.recording, "--truth", truth, "--json", *costs, good=(0, 1))
        rows = []
        for row in json.loads(text)["rows"]:
            figures = {figure["name"]: figure for figure in row["figures"]}
            rows.append({"limit": row["limit_percent"], "killed": row["killed"], **figures})
        return rows

    def policies(self, pages):
        """{policy: misses beyond first touches} for each number of page frames."""
        ample = 1 << 24
        sizes = ",".join(f"{n}p" for n in [*sorted(set(pages)), ample])
        text = self.run("curve", self.recording, "--policy", ",".join(POLICIES), "--sizes", sizes,
                        "--csv")
        by_pages = {int(line["pages"]): line for line in csv.DictReader(io.StringIO(text))}
        first = by_pages[ample]
        return [{p: float(by_pages[n][p]) - float(first[p]) for p in POLICIES} for n in pages]


def percent(value):
    return "-" if value is None else f"{100 * value:+.1f}"


def shown_row(name, row, misses):
    """Prints one limit; returns the errors {figure or policy: error}."""
    major = row["major_faults"]["measured"]
    median = major["median"]
    spread = (major["high"] - major["low"]) / median if median else 0
    errors = {key: row[key]["error"] for key in SHOWN if key in row}
    # Where a program takes next to no major faults, an error in percent of them says nothing.
    if median >= 640:
        errors |= {p: (misses[p] - median) / median for p in POLICIES}
    off = [SHOWN[k] for k in SHOWN if k in row and row[k]["within"] is False]
    cells = "".join(f"{percent(errors.get(k)):>10}" for k in SHOWN)
    others = "".join(f"{percent(errors.get(p)):>9}" for p in POLICIES)
    print(f"{name:13}{row['limit']:4.0f} % {median:9.0f} {100 * spread:6.1f} "
          f"{row['major_faults']['predicted']:9.0f} {cells}{others}  "
          f"{'off: ' + ', '.join(off) if off else 'ok'}", flush=True)
    return errors


def show(workload):
    rows = [row for row in workload.compare(workload.measure()) if row["limit"] > 0]
    rows = [row for row in rows if "major_faults" in row]
    pages = [int(row["peak_resident"]["measured"]["median"] // PAGE) for row in rows]
    everything = [shown_row(workload.name, row, misses)
                  for row, misses in zip(rows, workload.policies(pages))]
    medians = {}
    for key in [*SHOWN, *POLICIES]:
        known = [abs(e[key]) for e in everything if e.get(key) is not None]
        medians[key] = statistics.median(known) if known else None
    cells = "".join(f"{percent(medians[k]):>10}" for k in SHOWN)
    others = "".join(f"{percent(medians[p]):>9}" for p in POLICIES)
    print(f"{workload.name:13}{'median of |error|':32}{cells}{others}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--limits", default="75%,50%,25%")
    parser.add_argument("--saved", action="store_true")
    parser.add_argument("--folder", default="/var/tmp")
    parser.add_argument("--costs")
    args = parser.parse_intermixed_args()
    if os.geteuid() != 0 and not args.saved:
        print("not root: against the measurements in tests/data/truth")
        args.saved = True
    folder = tempfile.mkdtemp(prefix="pw-bench-fidelity-", dir=args.folder)
    try:
        commands = build_own(folder)
        wanted = args.workloads or None
        if not args.saved and (wanted is None or not set(wanted) <= set(commands)):
            commands |= prepare(folder)
        if wanted is not None and not set(wanted) <= set(commands):
            parser.error("WORKLOAD is one of " + ", ".join(commands))
        print(f"{'':20} {'kernel':>9} {'spread':>6} {'predicted':>9} {'errors, %':>10}")
        print(f"{'program':13}{'limit':>6} {'major':>9} {'%':>6} {'major':>9} "
              + "".join(f"{heading:>10}" for heading in SHOWN.values())
              + "".join(f"{p.upper():>9}" for p in POLICIES))
        for name, command in commands.items():
            if wanted is not None and name not in wanted:
                continue
            saved = os.path.join(TOP, "tests/data/truth", name + ".json")
            if shutil.which(command[0]) is None or (args.saved and not os.path.exists(saved)):
                print(f"{name:13} is not there: skipped")
                continue
            show(Workload(name, command, folder, args))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
