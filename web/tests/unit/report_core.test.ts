// The core in the page counts what a naive simulation counts: on random traces, for windows, page
// by page. The core is the WebAssembly module that stands in the page.
import {existsSync, readFileSync} from "node:fs";
import {join} from "node:path";
import {describe, expect, it} from "vitest";
import {Core} from "../../src/common/core";
import type {PageData} from "../../src/report/data";
import {Model, sizesBetween, slowdown} from "../../src/report/model";

const folder = process.env.PW_CORES ?? "../build/release/wasm/pages";
const file = join(folder, "report.wasm");

const kBins = 20;

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Trace {
  pages: number[]; // by reference
  ids: number;
}

function randomTrace(seed: number, length: number, ids: number): Trace {
  const next = random(seed);
  const names = new Map<number, number>();
  const pages = Array.from({length}, () => {
    const page = Math.floor(next() ** 2 * ids);
    if (!names.has(page)) names.set(page, names.size);
    return names.get(page) ?? 0;
  });
  return {pages, ids: names.size};
}

const binOf = (at: number, length: number) => Math.floor((at * kBins) / length);

function varint(value: number, out: number[]): void {
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}

// As the tool writes a recording that hides nothing: each reference is a Use and a Rest at once.
function encode({pages}: Trace): Uint8Array {
  const out: number[] = [];
  let bin = 0;
  pages.forEach((page, i) => {
    const at = binOf(i, pages.length);
    if (at > bin) varint(((at - bin) << 2) | 3, out);
    bin = at;
    varint(page << 2, out);
    varint((page << 2) | 1, out);
  });
  return Uint8Array.from(out);
}

// Stands for the page's data: one page size; LRU's curve if `exact` has its distances.
function dataOf(trace: Trace, rate = 1, exact?: {cold: number; distances: number[]}): PageData {
  const arrays: Record<string, Uint8Array> = {
    "4k.ops": encode(trace),
    "4k.parts": Uint8Array.from({length: trace.ids}, (_, i) => i % 4),
  };
  const meta = {
    bins: kBins,
    page_sizes: [{name: "4k", bytes: 4096}],
    samples: {"4k": {rate, pages: trace.ids, filter_pages: 1}},
    curves: exact ? {lru: {cold: exact.cold, known_from: 1}} : {},
  };
  return {
    meta,
    bytes: (name: string) => arrays[name],
    words: () => Uint32Array.from(exact?.distances ?? []),
    doubles: () => Float64Array.from(exact?.distances ?? [], () => 1),
  } as unknown as PageData;
}

function naive(pages: number[], frames: number, lru: boolean): number[] {
  const memory: number[] = []; // the next victim first
  const missed: number[] = [];
  for (const page of pages) {
    const at = memory.indexOf(page);
    if (at >= 0) {
      if (lru) memory.push(...memory.splice(at, 1));
      continue;
    }
    missed.push(page);
    if (memory.length === frames) memory.shift();
    memory.push(page);
  }
  return missed;
}

function naiveOpt(pages: number[], frames: number): number {
  const memory = new Set<number>();
  let misses = 0;
  pages.forEach((page, i) => {
    if (memory.has(page)) return;
    ++misses;
    if (memory.size === frames) {
      const farness = (other: number) => {
        const next = pages.indexOf(other, i + 1);
        return next < 0 ? pages.length : next;
      };
      memory.delete([...memory].reduce((a, b) => (farness(b) > farness(a) ? b : a)));
    }
    memory.add(page);
  });
  return misses;
}

describe.skipIf(!existsSync(file))("the report's core", () => {
  const start = () => Core.start(readFileSync(file));

  it("knows every policy of the command line", async () => {
    const model = new Model(await start(), dataOf({pages: [0], ids: 1}));
    expect(model.policies).toContain("lru");
    expect(model.policies).toContain("linux-lists");
    expect(model.policies).toContain("opt");
    expect(model.policies.length).toBeGreaterThanOrEqual(24);
  });

  it.each([1, 2, 3])("counts as naive simulations do (seed %i)", async (seed) => {
    const trace = randomTrace(seed, 400, 40);
    const model = new Model(await start(), dataOf(trace));
    for (const window of [
      {begin: 0, end: kBins},
      {begin: 3, end: 11},
      {begin: kBins - 1, end: kBins},
    ]) {
      const part = trace.pages.filter((_, i) => {
        const bin = binOf(i, trace.pages.length);
        return bin >= window.begin && bin < window.end;
      });
      for (const frames of [2, 3, 7, 20, 60]) {
        const told = (policy: string) => model.misses(0, policy, frames, window);
        expect(told("lru")).toEqual({value: naive(part, frames, true).length, error: 0});
        expect(told("fifo")).toEqual({value: naive(part, frames, false).length, error: 0});
        expect(told("opt")).toEqual({value: naiveOpt(part, frames), error: 0});
      }
      expect(model.cold(0, window).value).toBe(new Set(part).size);
      const fits = model.fitsIn(0, window);
      expect(naive(part, fits, true).length).toBe(new Set(part).size);
      if (fits > 1) expect(naive(part, fits - 1, true).length).toBeGreaterThan(new Set(part).size);
    }
  });

  it("estimates from a sample what it cannot count, by the difference to LRU", async () => {
    const whole = randomTrace(5, 3000, 200);
    const half = whole.pages.filter((page) => page % 2 === 0).map((page) => page / 2);
    const sample = {pages: half, ids: Math.ceil(whole.ids / 2)};
    const distances: number[] = [];
    const stack: number[] = [];
    for (const page of whole.pages) {
      const at = stack.indexOf(page);
      if (at >= 0) {
        distances.push(stack.length - at);
        stack.splice(at, 1);
      }
      stack.push(page);
    }
    const all = {begin: 0, end: kBins};
    const plain = new Model(await start(), dataOf(sample, 0.5));
    const better = new Model(await start(), dataOf(sample, 0.5, {cold: whole.ids, distances}));
    for (const frames of [20, 60, 100]) {
      const of = (lru: boolean, pages: number[], room: number) => naive(pages, room, lru).length;
      const lru = of(true, whole.pages, frames);
      const fifo = of(false, half, frames / 2);
      expect(plain.misses(0, "fifo", frames, all).value).toBe(fifo * 2);
      expect(better.misses(0, "lru", frames, all)).toEqual({value: lru, error: 0});
      const told = better.misses(0, "fifo", frames, all);
      expect(told.value).toBe(lru + (fifo - of(true, half, frames / 2)) * 2);
      // The standard error of four parts, each an eighth of the pages.
      const parts = [0, 1, 2, 3].map((part) => {
        const pages = half.filter((page) => page % 4 === part);
        const room = Math.round(frames / 8);
        return of(false, pages, room) - of(true, pages, room);
      });
      const mean = parts.reduce((a, b) => a + b) / 4;
      const squares = parts.reduce((sum, n) => sum + (n - mean) ** 2, 0);
      expect(told.error).toBeCloseTo(8 * Math.sqrt(squares / 3 / 4), 6);
      expect(told.error).toBeLessThan(plain.misses(0, "fifo", frames, all).error);
      expect(Math.abs(told.value - of(false, whole.pages, frames))).toBeLessThan(0.1 * lru);
    }
  });

  it("tells whose page was missed", async () => {
    const trace = randomTrace(7, 300, 30);
    const model = new Model(await start(), dataOf(trace));
    const wanted = new Array<number>(trace.ids).fill(0);
    for (const page of naive(trace.pages, 6, true)) wanted[page] = (wanted[page] ?? 0) + 1;
    const found = model.missesByPage(0, "lru", 6, {begin: 0, end: kBins});
    expect(Array.from(found ?? [])).toEqual(wanted);
    expect(model.missesByPage(0, "opt", 6, {begin: 0, end: kBins})).toBeNull();
  });

  it("finds the memory for a slowdown", async () => {
    const trace = randomTrace(11, 500, 50);
    const model = new Model(await start(), dataOf(trace));
    const window = {begin: 0, end: kBins};
    const cold = new Set(trace.pages).size;
    const found = model.within(0, 10, 1000, 5, window); // 10 % of 1000 ns: 20 faults more
    expect(naive(trace.pages, found, true).length).toBeLessThanOrEqual(cold + 20);
    expect(naive(trace.pages, found - 1, true).length).toBeGreaterThan(cold + 20);
  });

  it("refuses damaged data, unknown policies and sizes", async () => {
    const trace = {pages: [0, 1, 0], ids: 2};
    const core = await start();
    const data = dataOf(trace);
    const broken = {...data, meta: data.meta, bytes: () => Uint8Array.of(0x80)};
    expect(() => new Model(core, broken as unknown as PageData)).toThrow("damaged");
    const model = new Model(core, data);
    const window = {begin: 0, end: kBins};
    expect(model.misses(0, "no such policy", 2, window).value).toBeLessThan(0);
    expect(model.misses(0, "lru", 0, window).value).toBeLessThan(0);
    expect(model.misses(9, "lru", 2, window).value).toBeLessThan(0);
  });
});

describe("sizes and costs", () => {
  it("are whole, ascending, and have both ends", () => {
    const sizes = sizesBetween(65, 4000, 28);
    expect(sizes[0]).toBe(65);
    expect(sizes[sizes.length - 1]).toBe(4000);
    expect(
      sizes.every((size, i) => Number.isInteger(size) && (i === 0 || size > (sizes[i - 1] ?? 0))),
    ).toBe(true);
    expect(sizesBetween(5, 5, 10)).toEqual([5]);
  });
  it("follow from faults beyond the first", () => {
    expect(slowdown(150, 100, 1000, 10)).toBe(1.5);
    expect(slowdown(90, 100, 1000, 10)).toBe(1);
    expect(slowdown(90, 100, 0, 10)).toBe(1);
  });
});
