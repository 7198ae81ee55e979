// The explorer's core, as WebAssembly, in Node: every lesson runs as the command line runs it;
// going back gives the very same state; what the page tells is what `show` tells.
//
// PW_CORES: the folder with explorer.wasm; PW_TOOL: the program pagewright. What is not there is
// skipped.
import {execFileSync} from "node:child_process";
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {Core, CoreError} from "../../src/common/core";
import {kLessons, textOfLesson} from "../../src/explorer/lessons";
import {Machine} from "../../src/explorer/machine";
import {
  Cell,
  cellsOf,
  counter,
  FrameKind,
  framesOf,
  kCellBits,
  kFrameBits,
  kListMarks,
  kPage,
  kTierShift,
  pagesInSwap,
} from "../../src/explorer/model";
import {tlbChanges} from "../../src/explorer/panels_memory";
import {checkCode, codeOf, questionsOf, scoreOf} from "../../src/explorer/quiz_questions";

const root = join(import.meta.dirname, "../../..");
const wasm = join(process.env.PW_CORES ?? join(root, "build/wasm/pages"), "explorer.wasm");
const tool = process.env.PW_TOOL ?? join(root, "build/release/pagewright");

let core: Core;

describe.skipIf(!existsSync(wasm))("the explorer's core", () => {
  beforeAll(async () => {
    core = await Core.start(readFileSync(wasm));
  });
  const open = (text: string, settings = "") => new Machine(core, text, settings);
  const lesson = (name: (typeof kLessons)[number]) => open(textOfLesson(name));

  it.each(kLessons)("carries out %s to its end, as expected", (name) => {
    const machine = lesson(name);
    expect(machine.outline.whole).toBe(true);
    expect(machine.outline.failed).toBe(0);
    expect(machine.last).toBeGreaterThan(0);
    const end = machine.state(machine.last);
    expect(end.next).toBeNull();
    expect(end.stopped).toBeNull();
    expect(end.report[1]).toBe(0);
    expect(end.report[0]).toBe(machine.outline.checks);
  });

  it.each(["copy_on_write", "thrashing", "swap_and_fork", "tlb_with_pcid"] as const)(
    "tells the same state of %s forwards, backwards and at once",
    (name) => {
      const forwards = lesson(name);
      const n = Math.min(200, forwards.last);
      const seen: string[] = [];
      for (let step = 0; step <= n; ++step) seen.push(forwards.stateText(step));
      const backwards = lesson(name);
      for (let step = n; step >= 0; --step) expect(backwards.stateText(step)).toBe(seen[step]);
      for (const step of [n >> 1, 1, n, 0, n - 1]) {
        expect(lesson(name).stateText(step)).toBe(seen[step]);
      }
    },
  );

  it("marks errors where they are, and keeps no machine for them", () => {
    const wrong = () => open("process A\nA: q = mnap 0 4P\n");
    expect(wrong).toThrow(CoreError);
    expect(wrong).toThrow(/^line 2, column 8: there is no verb 'mnap'; did you mean 'mmap'\?/);
    expect(() => open("machine ram=64X\nprocess A\n")).toThrow(/64X/);
    expect(() => open("process A\n", "policy=none-such")).toThrow(/none-such/);
  });

  it("tells a page's way: entries, frame, slot", () => {
    const machine = open(
      'machine ram=16M\nprocess A\np = mmap 0 2P rw private|anonymous\nstore p "x"\nload p+1P 1\n',
    );
    const written = machine.state(3);
    expect(written.faults.list[0]?.steps.map(([name]) => name)).toEqual([
      "request",
      "area",
      "frame",
      "install",
      "restart",
    ]);
    expect(written.faults.list[0]?.steps[2]?.[1]).toBe("fresh");
    const entries = written.access?.walk.entries ?? [];
    expect(entries.map((entry) => entry.level)).toEqual([4, 3, 2, 1]);
    const leaf = entries.at(-1);
    expect(leaf?.bits).toBe("PWUAD--N");
    const frame = framesOf(written.frames).find((f) => f.frame === leaf?.frame);
    expect(frame?.kind).toBe(FrameKind.Anon);
    expect(frame?.used).toBe(3);
    expect(written.frames.owners[frame?.owner ?? -1]).toBe("A");
    expect(counter(written, "minor")).toEqual({value: 1, change: 1});
    const read = machine.state(4);
    expect(read.access?.walk.entries.at(-1)?.zero).toBe(true);
    expect(read.faults.list[0]?.steps[2]?.[1]).toBe("zero-page");
  });

  it("shows the lists of policies, ghosts included", () => {
    const script =
      "machine ram=16M swap=16M frames=4 min-free=0 swap-readahead=1\nprocess A\n" +
      'p = mmap 0 8P rw private|anonymous\nfor i = 0..7 { store p+i*1P "x" }\n';
    const lists = (policy: string) => {
      const machine = open(script, `policy=${policy}`);
      return machine.state(machine.last).policy?.parts[0]?.lists ?? [];
    };
    expect(lists("fifo").map((l) => [l.name, l.size])).toEqual([["queue", 4]]);
    expect(lists("lru").map((l) => [l.name, l.size])).toEqual([["stack", 4]]);
    expect(lists("clock")[0]?.hand).toBe(0);
    const queues = lists("2q");
    expect(queues.map((l) => l.name)).toEqual(["In", "Main", "Out"]);
    expect(queues[2]?.ghosts).toBe(true);
    expect(queues[2]?.pages[0]).toMatch(/^#\d+$/);
    expect(lists("arc").map((l) => l.name)).toEqual(["T1", "T2", "B1", "B2"]);
    expect(lists("linux-lists").map((l) => l.name)).toEqual(["inactive", "active"]);
    // FIFO: the queue is the frames in the order in which pages came.
    const fifo = open(script, "policy=fifo");
    const before = fifo.state(fifo.last - 1);
    const after = fifo.state(fifo.last);
    const front = before.policy?.parts[0]?.lists[0]?.pages[0];
    expect(after.frames.left.map(([frame]) => frame)).toEqual([front]);
  });

  it("tells what a step does to the TLB: hits, fills, entries in place of others", () => {
    const machine = lesson("tlb_reach");
    const sums = {hits: 0, filled: 0, replaced: 0};
    for (let step = 1; step <= Math.min(machine.last, 300); ++step) {
      const state = machine.state(step);
      const [, filled, replaced] = tlbChanges(state.tlb.arrays);
      sums.hits += counter(state, "tlb_l1_hits").change + counter(state, "tlb_l2_hits").change;
      sums.filled += filled;
      sums.replaced += replaced;
      const walks = counter(state, "tlb_walks").change;
      if (walks > 0 && state.access?.now) expect(filled + replaced).toBeGreaterThan(0);
    }
    expect(sums.hits).toBeGreaterThan(0);
    expect(sums.filled).toBeGreaterThan(0);
    expect(sums.replaced).toBeGreaterThan(0);
  });

  it("tells whose pages are in swap", () => {
    const machine = lesson("swap_and_fork");
    let shared = 0;
    for (let step = 1; step <= machine.last; ++step) {
      const state = machine.state(step);
      const pages = pagesInSwap(state);
      const held = new Map<number, number>();
      for (let i = 0; i + 1 < state.swap.slots.length; i += 2) {
        held.set(state.swap.slots[i] ?? 0, state.swap.slots[i + 1] ?? 0);
      }
      for (const slot of pages.keys()) expect(held.has(slot)).toBe(true);
      shared += [...pages.values()].filter((each) => each.length > 1).length;
    }
    expect(shared).toBeGreaterThan(0);
  });

  it("asks questions that one can check", () => {
    const machine = lesson("thrashing");
    const questions = questionsOf(machine, 4711);
    expect(questions).toEqual(questionsOf(lesson("thrashing"), 4711));
    expect(questions).not.toEqual(questionsOf(machine, 4712));
    expect(questions.length).toBe(10);
    for (const question of questions) {
      expect(question.options[question.right]).toBeDefined();
      const after = machine.state(question.step);
      if (question.kind === "outcome") {
        const fault = counter(after, "major").change > 0 ? "major" : "minor";
        const told = after.faults.count > 0 ? fault : "hit";
        expect(question.options[question.right]).toBe(told);
      } else if (question.kind === "victim") {
        expect(String(after.frames.left[0]?.[0])).toBe(question.options[question.right]);
      }
    }
    const given = questions.map(({right, options}, i) =>
      i < 7 ? right : (right + 1) % options.length,
    );
    expect(scoreOf(questions, given)).toBe(7);
    const code = codeOf(questions, 4711, given);
    expect(checkCode(machine, code)?.right).toBe(7);
    expect(checkCode(machine, code.replace(/^4711/, "4712"))).toBeUndefined();
    expect(checkCode(lesson("copy_on_write"), code)).toBeUndefined();
    expect(checkCode(machine, "nonsense")).toBeUndefined();
  });

  it("asks which of several frames must go, where Linux reclaims", () => {
    const machine = lesson("linux_group_limit");
    const asked = Array.from({length: 12}, (_, seed) => questionsOf(machine, seed)).flat();
    const several = asked.filter((question) => question.kind === "victims");
    expect(several.length).toBeGreaterThan(0);
    for (const question of several) {
      const gone = machine.state(question.step).frames.left.map(([frame]) => String(frame));
      expect(gone.length).toBeGreaterThan(1);
      expect(question.options.map((option) => gone.includes(option))).toEqual(
        question.options.map((_, i) => i === question.right),
      );
    }
  });

  it("goes through no more of a script than a page can bear", () => {
    const long = open(
      "machine ram=4M\nprocess A\np = mmap 0 1P rw private|anonymous\n" +
        'repeat 1000000 { store p "x" }\n',
    );
    expect(long.outline.whole).toBe(false);
    expect(long.last).toBe(200_000);
    const heavy = open(
      "machine ram=64M\nprocess A\np = mmap 0 8M rw private|anonymous\n" +
        'repeat 100000 { store p "x"*8388608 }\n',
    );
    expect(heavy.outline.whole).toBe(false);
    expect(heavy.last).toBeLessThan(1_000);
  });

  it("shows the lists of Linux with what they remember", () => {
    const machine = open(
      "machine ram=64M swap=16M swap-device=zram model=linux group-limit=1M swap-readahead=1\n" +
        'process A\np = mmap 0 400P rw private|anonymous\nfor i = 0..399 { store p+i*1P "x" }\n',
    );
    const {policy, processes} = machine.state(machine.last);
    const lists = policy?.parts[0]?.lists ?? [];
    expect(lists.map((list) => list.name)).toEqual(
      expect.arrayContaining(["inactive anon", "active anon", "inactive file", "active file"]),
    );
    const area = processes[0]?.areas?.find((each) => each.pages === 400);
    const cells = area === undefined ? [] : cellsOf(area);
    const away = cells.filter((cell) => cell.cell === Cell.Swapped);
    const mapped = cells.filter((cell) => cell.cell === Cell.Mapped);
    expect(away.length + mapped.length).toBe(400);
    expect(lists.reduce((sum, list) => sum + list.size, 0)).toBe(mapped.length);
    expect(policy?.group?.limit).toBe(256);
    expect(policy?.group?.shadows).toEqual([away.length, 0]);
    for (const list of lists) expect(list.marks?.length).toBe(list.pages.length);
    const other = open(machine.script, "model=policy").state(machine.last);
    expect(other.policy?.group).toBeUndefined();
  });

  it("shows the generations of Linux", () => {
    const machine = lesson("mglru_generations");
    const state = machine.state(machine.last);
    const {policy} = state;
    expect(policy?.name).toBe("linux-mglru");
    const generations = policy?.group?.generations;
    const lists = (policy?.parts[0]?.lists ?? []).filter((list) => list.generation !== undefined);
    for (const [i, name] of ["anon", "file"].entries()) {
      const seqs = lists.filter((list) => list.name === name).map((list) => list.generation ?? 0);
      expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
      expect(seqs[0]).toBe(generations?.oldest[i]);
      expect(seqs.at(-1)).toBe(generations?.youngest);
      expect(seqs.length).toBeLessThanOrEqual(4);
    }
    expect(generations?.kinds.map((kind) => kind.tiers.length)).toEqual([4, 4]);
    expect(generations?.walks).toBeGreaterThan(0);
    // The 120 pages that are used in every round are in the working set, whichever generation has
    // them, and the next walk finds them there.
    const at = BigInt(state.variables.find(([name]) => name === "hot")?.[1] ?? 0);
    const area = state.processes[0]?.areas?.find((each) => BigInt(each.end) > at);
    const first = Number((at - BigInt(area?.begin ?? 0)) / kPage);
    const hot = new Set(
      (area === undefined ? [] : cellsOf(area))
        .filter((cell) => cell.page >= first && cell.page < first + 120)
        .map((cell) => cell.where),
    );
    expect(hot.size).toBe(120);
    const marks = lists.flatMap((list) =>
      list.pages
        .map((page, i) => [Number(page), list.marks?.[i] ?? 0] as const)
        .filter(([page]) => hot.has(page)),
    );
    expect(marks.length).toBe(120);
    for (const [, mark] of marks) {
      expect(mark & kListMarks.workingset).not.toBe(0);
      expect((mark >> kTierShift) & 3).toBe(3);
    }
    const other = open(machine.script, "model=linux").state(machine.last);
    expect(other.policy?.group?.generations).toBeUndefined();
    expect(other.policy?.group?.room).toBeDefined();
  });

  it("tells events one by one, with the victim of each", () => {
    const machine = lesson("belady_three_frames");
    const evicted: string[] = [];
    for (let step = 1; step <= machine.last; ++step) {
      const {events, frames, faults} = machine.state(step);
      const now = events.list.filter((event) => event.step === step);
      expect(events.count).toBe(now.length);
      expect(now.filter(({kind}) => kind === "minor" || kind === "major").length).toBe(
        faults.count,
      );
      const gone = now.filter((event) => event.kind === "evicted");
      expect(gone.map((event) => event.frame)).toEqual(frames.left.map(([frame]) => frame));
      expect(gone.map((event) => event.page)).toEqual(frames.left.map(([, , page]) => page));
      evicted.push(...gone.map((event) => event.who));
    }
    expect(evicted).toEqual(Array(6).fill("A")); // 9 faults, 3 frames
  });

  it("compares pages of 4 KiB with pages of 2 MiB", () => {
    const text =
      "machine ram=64M\nprocess A\np = mmap 0 2048P rw private|anonymous\n" +
      'for i = 0..2047 { store p+i*1P "x" }\n';
    const small = open(text, "model=linux thp=never");
    const large = open(text, "model=linux thp=always");
    const faults = (machine: Machine) => [...machine.outline.kinds].filter((k) => k === "n").length;
    expect(faults(small)).toBeGreaterThanOrEqual(2_048);
    expect(faults(large)).toBeLessThan(1_200); // three huge pages at least lie in 8 MiB
    const end = large.state(large.last);
    const area = end.processes[0]?.areas?.find((each) => each.pages === 2_048);
    const huge = (area === undefined ? [] : cellsOf(area)).filter(
      (cell) => cell.bits & kCellBits.large,
    );
    expect(huge.length).toBeGreaterThanOrEqual(3 * 512);
    expect(huge.length % 512).toBe(0);
    // Their frames are 512 in a row, and each is accessed and dirty.
    const frames = new Map(framesOf(end.frames).map((frame) => [frame.frame, frame]));
    for (const cell of huge) {
      expect((cell.where - cell.page) % 512).toBe(
        ((huge[0]?.where ?? 0) - (huge[0]?.page ?? 0)) % 512,
      );
      expect((frames.get(cell.where)?.bits ?? 0) & kFrameBits.dirty).not.toBe(0);
    }
    const used = (machine: Machine) =>
      machine
        .state(machine.last)
        .tlb.arrays.filter((array) => array.size === "2M")
        .reduce((sum, array) => sum + array.used, 0);
    expect(used(small)).toBe(0);
    expect(used(large)).toBeGreaterThan(0);
    expect(end.access?.walk.entries.at(-1)).toBeDefined();
    // The first store to a huge page brings all of it.
    const step = 3 + (huge[0]?.page ?? 0);
    const fault = large.state(step).faults.list[0];
    expect(fault?.steps.filter(([name]) => name === "frame")).toEqual([["frame", "huge-page"]]);
    expect(fault?.frame).toBe(huge[0]?.where);
    expect(large.state(step + 1).faults.count).toBe(0);
  });

  it("makes references in bulk", () => {
    expect(core.another().call("pw_bulk", 100_000)).toBe(100_000);
  });

  describe.skipIf(!existsSync(tool))("beside the command line", () => {
    const folder = mkdtempSync(join(tmpdir(), "explorer-"));
    afterAll(() => rmSync(folder, {recursive: true}));
    const kShown = ["tlb", "frames", "cache", "swap", "meminfo"];

    it.each(kLessons)("shows of %s what the tool shows", (name) => {
      const machine = lesson(name);
      const end = machine.state(machine.last);
      const running = end.processes.filter((process) => process.running);
      const walks = running.flatMap((process) =>
        (process.areas ?? []).slice(0, 3).map((area) => ({process, at: area.begin})),
      );
      const lines = [
        ...kShown.map((what) => `show ${what}`),
        ...walks.map(({process, at}) => `show ${process.name} walk ${at}`),
      ];
      const file = join(folder, `${name}.pws`);
      writeFileSync(file, `${textOfLesson(name)}\n${lines.join("\n")}\n`);
      const told = execFileSync(tool, ["script", "--quiet", file], {encoding: "utf8"});
      const texts = [
        ...kShown.map((what) => `--- ${what}\n${machine.show(machine.last, what)}`),
        ...walks.map(
          ({process, at}) =>
            `--- ${process.name} walk ${at}\n` +
            machine.show(machine.last, "walk", process.index, at),
        ),
      ];
      expect(told.endsWith(texts.join(""))).toBe(true);
    });
  });
});
