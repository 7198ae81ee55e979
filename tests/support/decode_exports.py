#!/usr/bin/env python3
"""Reads what `pagewright report` exports, without any of its code, and compares sums with the
report's counters: decode_exports.py REPORT.json TRACE.pftrace PROFILE.json FAULTS.folded

Perfetto's trace is decoded from protobuf's wire format, by the field numbers of Perfetto's own
.proto files. Prints each finding; exit status 1 if there is one.
"""

import json
import struct
import sys

PAGE = 4096
findings = []


def check(good, what):
    if not good:
        findings.append(what)


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """(number, value) of a message's fields; value is int or bytes."""
    found = []
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            value, at = struct.unpack_from("<Q", data, at)[0], at + 8
        elif kind == 2:
            length, at = varint(data, at)
            value, at = data[at : at + length], at + length
            check(len(value) == length, "a field reaches beyond its message")
        else:
            raise ValueError(f"wire type {kind}")
        found.append((key >> 3, value))
    return found


def one(message, number, default=None):
    values = [value for field, value in message if field == number]
    check(len(values) < 2, f"field {number} occurs {len(values)} times")
    return values[0] if values else default


def every(message, number):
    return [value for field, value in message if field == number]


class Trace:
    """The parts of a Perfetto trace that have a meaning here."""

    def __init__(self, data):
        self.tracks = {}  # uuid: (kind, parent, fields of the kind)
        self.events = []  # (timestamp, type, track, category, name, annotations, value)
        self.texts = {1: {}, 2: {}, 3: {}, 29: {}}  # interned, by field of InternedData
        for number, packet in fields(data):
            check(number == 1, "a trace has packets only")
            self.packet(fields(packet))

    def packet(self, packet):
        check(one(packet, 10) == 1, "every packet is of sequence 1")
        for data in every(packet, 12):
            check(one(packet, 13) == 1, "interned data come with state cleared")
            for field, entry in fields(data):
                entry = fields(entry)
                self.texts[field][one(entry, 1)] = one(entry, 2).decode()
        for data in every(packet, 60):
            self.track(fields(data))
        for data in every(packet, 11):
            check(one(packet, 13) == 2, "events need the interned names")
            self.event(one(packet, 8), fields(data))

    def track(self, track):
        uuid = one(track, 1)
        check(uuid and uuid not in self.tracks, f"track {uuid} is described once")
        parent = one(track, 5, 0)
        name = one(track, 2, b"").decode()
        check(parent == 0 or parent in self.tracks, f"parent of track {uuid} comes before it")
        for field, kind in ((3, "process"), (4, "thread"), (8, "counter")):
            if every(track, field):
                self.tracks[uuid] = (kind, parent, fields(one(track, field)), name)
                return
        self.tracks[uuid] = ("other", parent, [], name)

    def event(self, timestamp, event):
        notes = {}
        for data in every(event, 4):
            note = fields(data)
            name = self.texts[3][one(note, 1)]
            text, pointer = one(note, 17), one(note, 7)
            number = one(note, 3) if pointer is None else pointer
            notes[name] = number if text is None else self.texts[29][text]
        track = one(event, 11)
        check(track in self.tracks, f"an event is on track {track}, which nobody describes")
        category, name = one(event, 3), one(event, 10)
        self.events.append(
            (timestamp, one(event, 9), track, self.texts[1].get(category),
             self.texts[2].get(name), notes, one(event, 30))
        )  # fmt: skip


def check_memory_event(event, trace, sums):
    _, _, track, category, name, notes, _ = event
    what, parent, _, on = trace.tracks[track]
    check(what == "other" and trace.tracks[parent][3].startswith("machine: "), "of the machine")
    check(notes.get("count", 0) > 0, "memory events say how many they are")
    key = (category, "dirty") if name == "dirty page" else category
    sums[key] = sums.get(key, 0) + notes["count"]
    single = notes["count"] == 1
    if category in ("eviction", "swap write"):
        check(("pid" in notes) != ("of" in notes), "a page is a process's or a file's")
        where = "address" if "pid" in notes else "offset"
        check(not single or {"frame", where} <= notes.keys(), "an eviction by itself says which")
        check(not single or notes[where] % PAGE == 0, "addresses of pages")
    if category == "eviction":
        check(notes["to"] in ("swap", "its file", "nowhere"), "where to")
        check(not single or ("slot" in notes) == (notes["to"] == "swap"), "slots are of swap")
    if category == "switch":
        check(name == f"to process {notes['pid']}", "switches say to whom")
        check(on.startswith("CPU "), "switches are of a CPU")
    if category == "shootdown":
        sums["ipis"] = sums.get("ipis", 0) + notes["cpus_interrupted"]


def check_memory_events(sums, machine):
    reclaim, tlb = machine["reclaim"], machine["tlb"]
    evicted = ("pgsteal_kswapd", "pgsteal_direct", "local_evictions", "swapped_out_whole")
    expected = {
        "eviction": sum(reclaim[name] for name in evicted),
        "swap write": reclaim["pswpout"],
        "switch": tlb["space_switches"],
        "shootdown": tlb["shootdowns"],
        "ipis": tlb["shootdown_ipis"],
    }
    told = {key: sums.get(key, 0) for key in expected}
    told["eviction"] += sums.get(("eviction", "dirty"), 0)
    check(told == expected, f"memory events: {told}, not {expected}")


def check_trace(data, machine):
    trace = Trace(data)
    times = [event[0] for event in trace.events]
    check(times == sorted(times), "events stand in the order of time")
    sums = {}
    by_process = {}
    of_memory = {}
    for event in trace.events:
        _, kind, track, category, name, notes, value = event
        what, parent, description, _ = trace.tracks[track]
        if kind == 4:
            check(what == "counter" and value is not None, "values belong to counters")
            continue
        check(kind == 3 and name, "what is no value is an instant event with a name")
        if category == "about":
            says = {"command", "machine", "time", "events", "memory_events"}
            check(says <= notes.keys(), "about: says all")
            continue
        if category in ("eviction", "swap write", "switch", "shootdown"):
            check_memory_event(event, trace, of_memory)
            continue
        check(what == "thread", "faults belong to threads")
        pid = one(description, 1)
        check(one(trace.tracks[parent][2], 1) == pid, "a thread lies in its process")
        check((category == "major") == ("major" in notes), "the category tells major from minor")
        for key, count in notes.items():
            if key not in ("call_stack", "last_after_ns"):
                sums[key] = sums.get(key, 0) + count
                if key in ("minor", "major"):
                    by_process[pid] = by_process.get(pid, 0) + count
    check_memory_events(of_memory, machine)
    check(sums == {k: v for k, v in machine["faults"].items() if v}, f"faults by kind: {sums}")
    faults = {
        p["pid"]: p["faults"]["minor"] + p["faults"]["major"] for p in machine["processes"]
    }
    check(by_process == {k: v for k, v in faults.items() if v}, f"by process: {by_process}")
    names = {track[3] for track in trace.tracks.values() if track[0] == "counter"}
    check({"resident", "swap in use"} <= names, f"counters: {names}")
    peak = machine["memory"]["resident_peak_pages"] * PAGE
    resident = [
        event[6] for event in trace.events
        if event[1] == 4 and trace.tracks[event[2]][3] == "resident"
    ]  # fmt: skip
    check(resident and 0 < max(resident) <= peak, "resident memory is below its peak")


def check_speedscope(text, faults, touched):
    file = json.loads(text)
    schema = "https://www.speedscope.app/file-format-schema.json"
    check(file["$schema"] == schema, "the schema's name")
    frames = file["shared"]["frames"]
    for frame in frames:
        check(isinstance(frame["name"], str) and set(frame) <= {"name", "file"}, "frames")
    check(len(file["profiles"]) == 2 and file["activeProfileIndex"] == 0, "two profiles")
    for profile, unit, total in zip(
        file["profiles"], ("none", "bytes"), (faults, touched * PAGE), strict=True
    ):
        check(profile["type"] == "sampled" and profile["unit"] == unit, "type and unit")
        check(isinstance(profile["name"], str), "a name")
        check(len(profile["samples"]) == len(profile["weights"]), "a weight for each sample")
        check(all(s and all(0 <= f < len(frames) for f in s) for s in profile["samples"]), "stacks")
        check(all(w > 0 for w in profile["weights"]), "weights")
        check(sum(profile["weights"]) == total, f"{unit}: {sum(profile['weights'])}, not {total}")
        check(profile["endValue"] - profile["startValue"] == total, "the end")
    return file


def check_folded(text, total, file, which):
    sums = {}
    for line in text.splitlines():
        stack, weight = line.rsplit(" ", 1)
        check(stack not in sums and all(stack.split(";")), "a line for each stack")
        sums[stack] = int(weight)
    check(sum(sums.values()) == total, f"folded: {sum(sums.values())}, not {total}")
    check(list(sums) == sorted(sums, key=str.encode), "lines in order")
    names = [frame["name"].replace(";", ":") for frame in file["shared"]["frames"]]
    profile = file["profiles"][which]
    same = {}
    for sample, weight in zip(profile["samples"], profile["weights"], strict=True):
        stack = ";".join(names[frame] for frame in sample)
        same[stack] = same.get(stack, 0) + weight
    check(same == sums, "folded stacks and profile tell the same")


def main(report, trace, profile, folded, of="faults"):
    machine = json.load(open(report, encoding="utf-8"))["machines"][0]
    faults = machine["faults"]["minor"] + machine["faults"]["major"]
    touched = sum(area["touched_pages"] for area in machine["areas"])
    check_trace(open(trace, "rb").read(), machine)
    file = check_speedscope(open(profile, encoding="utf-8").read(), faults, touched)
    text = open(folded, encoding="utf-8").read()
    if of == "bytes":
        check_folded(text, touched * PAGE, file, 1)
    else:
        check_folded(text, faults, file, 0)
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
