#!/usr/bin/env python3
"""How near predictions under a memory limit are to this host's kernel; beside LRU, CLOCK, OPT.

usage: fidelity.py BUILD_FOLDER [--runs N] [--limits LIST] [--saved] [--folder FOLDER]
                   [--costs FILE] [--keep FOLDER] [--write FILE] [WORKLOAD...]

WORKLOAD is some of zipf, seqloop, seqloop_read, cow, mmapfile, sort, pydict, sqlite, gzip, g++,
redis (all by default; what is not installed is skipped). Each is recorded, run for real N times (5)
without a limit and at each limit (75%,50%,25% of its own peak) by `pagewright check`, on one CPU
and with swap on zram, and predicted. That needs root. --saved, and whoever is not root, takes the
measurements in tests/data/truth instead. All of them take a quarter of an hour; progress goes to
stderr, and Ctrl-C leaves nothing behind.

--keep FOLDER keeps the measurements (NAME.json, for pagewright replay --truth). --write FILE puts
the rows of these programs into the table of docs/FIDELITY.md, in place of theirs.

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
import signal
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = 4096
POLICIES = ["lru", "clock", "opt"]
OWN = {
    "zipf": ["zipf", "96", "2000000"],
    "seqloop": ["seqloop", "64", "5"],
    "seqloop_read": ["seqloop", "64", "5", "r"],
    "cow": ["cow", "48", "4", "50"],
    "mmapfile": ["mmapfile", "mapped", "400"],
}
BEGIN, END = "<!-- rows by ./bench fidelity --write -->", "<!-- end of the rows -->"
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


# A server, its clients, a snapshot by a forked child while the parent writes on. It waits for lines
# of the server's log: nothing polls, so that nothing depends on how fast anything is.
REDIS = """set -e
rm -f dump.rdb redis.sock log
mkfifo log
redis-server --unixsocket "$PWD/redis.sock" --port 0 --save '' --dir "$PWD" >log &
server=$!
trap 'kill $server' EXIT
exec 3<log
cli() { redis-cli -s redis.sock "$@" >/dev/null; }
until_line() {
  while read -r line <&3; do case $line in *"$1"*) return;; esac; done
  exit 1
}
until_line 'ready to accept'
cli --pipe <fill
cli bgsave
cli --pipe <update
until_line 'terminated with success'
cli eval 'local x = 1
  for i = 1, 50000 do
    x = (x * 16807) % 2147483647
    redis.call("GET", string.format("key:%08d", x % 100000))
  end' 0
cli shutdown nosave
wait $server
trap - EXIT
"""


def redis_protocol(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def redis_inputs(folder):
    rng = random.Random(1)
    keys = 100_000
    with open(os.path.join(folder, "fill"), "wb") as file:
        for i in range(keys):
            value = (b"%d," % i * 40)[:60 + rng.randrange(140)] + rng.randbytes(30).hex().encode()
            file.write(redis_protocol(b"SET", b"key:%08d" % i, value))
    with open(os.path.join(folder, "update"), "wb") as file:
        for _ in range(keys // 5):
            value = rng.randbytes(60).hex().encode()
            file.write(redis_protocol(b"SET", b"key:%08d" % rng.randrange(keys), value))


def sort_input(folder):
    rng = random.Random(1)
    with open(os.path.join(folder, "lines"), "w", encoding="ascii") as file:
        for _ in range(2_000_000):
            file.write(f"{rng.randrange(10**12)}\n")


def gzip_input(folder):
    rng = random.Random(2)
    with open(os.path.join(folder, "data"), "wb") as file:
        for i in range(100):
            file.write(rng.randbytes(1 << 19))
            file.write(b"".join(b"%d,%d\n" % (i * 7919 + j, j * j) for j in range(100_000)))


def mapped_input(folder):
    with open(os.path.join(folder, "mapped"), "wb") as file:
        file.write(random.Random(3).randbytes(96 << 20))


INPUTS = {"sort": sort_input, "gzip": gzip_input, "redis": redis_inputs, "mmapfile": mapped_input}


def real_programs(folder):
    """Writes their small inputs; returns {name: command}."""
    texts = {"dict.py": PYTHON, "q.sql": SQL, "redis.sh": REDIS, "tables.cpp": TEMPLATES + "".join(
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
        "redis": ["sh", "redis.sh"],
    }


NEEDS = {"sqlite": "sqlite3", "redis": "redis-server"}


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def build_own(folder):
    """Compiles our own programs; returns {name: command}."""
    commands = {}
    for name, words in OWN.items():
        program = os.path.join(folder, "truth_" + words[0])
        if not os.path.exists(program):
            source = os.path.join(TOP, "tests/truth/programs", words[0] + ".c")
            say(f"compiling {words[0]}")
            subprocess.run(["cc", "-std=gnu17", "-O1", "-static", "-no-pie", source, "-o", program],
                           check=True)
        commands[name] = [program, *words[1:]]
    return commands


class Trouble(Exception):
    """A program, or Pagewright on it, failed: the others go on."""


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
            raise Trouble(f"{self.name}: pagewright {words[0]}: {done.stderr.strip()}")
        return done.stdout

    def measure(self):
        """[{name: figure}] for each row, the limit in percent under 'limit'. Records first."""
        if self.name in INPUTS and (self.name in OWN or not self.args.saved):
            say(f"{self.name}: writing its input")
            INPUTS[self.name](self.folder)
        # Files that are read are in the page cache, files that are written exist.
        first = subprocess.run(self.command, cwd=self.folder, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        if first.returncode != 0:
            raise Trouble(f"{self.name} fails: {first.stderr.decode(errors='replace').strip()}")
        say(f"{self.name}: recording")
        self.run("record", "--force", "-o", self.recording, "--", *self.command)
        costs = ["--costs", os.path.abspath(self.args.costs)] if self.args.costs else []
        if self.args.saved:
            say(f"{self.name}: predicting")
            truth = os.path.join(TOP, "tests/data/truth", self.name + ".json")
            text = self.run("replay", self.recording, "--truth", truth, "--json", *costs,
                            good=(0, 1))
        else:
            say(f"{self.name}: {self.args.runs} runs each without a limit and at "
                f"{self.args.limits}, and the prediction")
            truth = os.path.join(self.folder, self.name + ".json")
            text = self.run("check", "--recording", self.recording, "--limit", self.args.limits,
                            "--runs", str(self.args.runs), "--pin", "0", "--swap", "zram",
                            "--force", "--save", truth, "--json", *costs, "--", *self.command,
                            good=(0, 1))
            if self.args.keep:
                shutil.copy(truth, self.args.keep)
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


def spread_of(figure):
    return (figure["high"] - figure["low"]) / figure["median"] if figure["median"] else 0


def shown_row(name, row, misses):
    """Prints one limit; returns the errors {figure or policy: error}."""
    major = row["major_faults"]["measured"]
    errors = {key: row[key]["error"] for key in SHOWN if key in row}
    # Where a program takes next to no major faults, an error in percent of them says nothing.
    if major["median"] >= 640:
        errors |= {p: (misses[p] - major["median"]) / major["median"] for p in POLICIES}
    off = [SHOWN[k] for k in SHOWN if k in row and row[k]["within"] is False]
    cells = "".join(f"{percent(errors.get(k)):>10}" for k in SHOWN)
    others = "".join(f"{percent(errors.get(p)):>9}" for p in POLICIES)
    print(f"{name:13}{row['limit']:4.0f} % {major['median']:9.0f} {100 * spread_of(major):6.1f} "
          f"{row['major_faults']['predicted']:9.0f} {cells}{others}  "
          f"{'off: ' + ', '.join(off) if off else 'ok'}", flush=True)
    return errors


def written_row(name, row, errors):
    """The same as a row of the table in docs/FIDELITY.md; what is beyond its bar is bold."""
    def cell(key):
        text = percent(errors.get(key))
        return f"**{text}**" if key in row and row[key]["within"] is False else text
    major = row["major_faults"]
    slow = row.get("slowdown")
    times = f"{slow['measured']['median']:.2f}" if slow else "-"
    shown = [name, f"{row['limit']:.0f} %", f"{major['measured']['median']:,.0f}",
             f"{100 * spread_of(major['measured']):.1f}", f"{major['predicted']:,.0f}",
             *(cell(k) for k in SHOWN if k != "slowdown"), times, cell("slowdown"),
             *(percent(errors.get(p)) for p in POLICIES)]
    return "| " + " | ".join(shown) + " |"


def show(workload):
    rows = [row for row in workload.measure() if row["limit"] > 0]
    rows = [row for row in rows if "major_faults" in row]
    pages = [int(row["peak_resident"]["measured"]["median"] // PAGE) for row in rows]
    say(f"{workload.name}: LRU, CLOCK, OPT")
    everything = [shown_row(workload.name, row, misses)
                  for row, misses in zip(rows, workload.policies(pages))]
    medians = {}
    for key in [*SHOWN, *POLICIES]:
        known = [abs(e[key]) for e in everything if e.get(key) is not None]
        medians[key] = statistics.median(known) if known else None
    cells = "".join(f"{percent(medians[k]):>10}" for k in SHOWN)
    others = "".join(f"{percent(medians[p]):>9}" for p in POLICIES)
    print(f"{workload.name:13}{'median of |error|':32}{cells}{others}", flush=True)
    return [written_row(workload.name, row, errors) for row, errors in zip(rows, everything)]


def write_table(path, rows):
    """Puts `rows` ({name: lines}) in the place of those of the same programs."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    head, old = [], {}
    for line in text[begin:end].strip().splitlines():
        name = line.split("|")[1].strip()
        if name in ("program", "---") or not head:
            head.append(line)
        else:
            old.setdefault(name, []).append(line)
    lines = [line for each in (old | rows).values() for line in each]
    table = "\n".join([*head, *lines])
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(text[:begin] + "\n\n" + table + "\n\n" + text[end:])
    os.replace(path + ".part", path)


def run_all(args, parser, folder):
    commands = build_own(folder) | real_programs(folder)
    wanted = args.workloads or list(commands)
    if not set(wanted) <= set(commands):
        parser.error("WORKLOAD is one of " + ", ".join(commands))
    print(f"{'':20} {'kernel':>9} {'spread':>6} {'predicted':>9} {'errors, %':>10}")
    print(f"{'program':13}{'limit':>6} {'major':>9} {'%':>6} {'major':>9} "
          + "".join(f"{heading:>10}" for heading in SHOWN.values())
          + "".join(f"{p.upper():>9}" for p in POLICIES), flush=True)
    status = 0
    for name in wanted:
        saved = os.path.join(TOP, "tests/data/truth", name + ".json")
        there = shutil.which(NEEDS.get(name, commands[name][0]))
        if there is None or (args.saved and not os.path.exists(saved)):
            print(f"{name:13} is not there: skipped", flush=True)
            continue
        try:
            rows = show(Workload(name, commands[name], folder, args))
        except Trouble as trouble:
            print(trouble, flush=True)
            status = 1
            continue
        if args.write:
            write_table(args.write, {name: rows})
    return status


def interrupted(_signal, _frame):
    raise KeyboardInterrupt


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
    parser.add_argument("--keep", metavar="FOLDER")
    parser.add_argument("--write", metavar="FILE")
    args = parser.parse_intermixed_args()
    if os.geteuid() != 0 and not args.saved:
        print("not root: against the measurements in tests/data/truth")
        args.saved = True
    signal.signal(signal.SIGTERM, interrupted)
    folder = tempfile.mkdtemp(prefix="pw-bench-fidelity-", dir=args.folder)
    try:
        return run_all(args, parser, folder)
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
