// What is told of a part of the run: sums over just its bins.
import {describe, expect, it} from "vitest";
import type {PageData} from "../../src/report/data";
import {areasIn, countersIn, walksIn} from "../../src/report/window_counts";

const kBins = 4;

function pageData(arrays: Record<string, number[]>): PageData {
  const data = {
    meta: {bins: kBins, arrays},
    has: (name: string) => name in arrays,
    words: (name: string) => Uint32Array.from(arrays[name] ?? []),
    doubles: (name: string) => Float64Array.from(arrays[name] ?? []),
  };
  return data as unknown as PageData;
}

const kChanges = {
  "changes.1.bin": [0, 1, 1, 3],
  "changes.1.area": [7, 7, 2, 7],
  "changes.1.touched": [1, 20, 300, 4000],
  "changes.1.minor": [1, 2, 3, 4],
  "changes.1.major": [0, 5, 0, 6],
  "changes.1.copy_on_write": [0, 7, 0, 0],
  "changes.1.reused": [0, 0, 8, 0],
};

describe("a part of the run", () => {
  it("has what its bins added to areas", () => {
    const data = pageData(kChanges);
    expect([...(areasIn(data, 1, {begin: 1, end: 3}) ?? [])]).toEqual([
      [7, {touched: 20, minor: 2, major: 5, copied: 7, reused: 0}],
      [2, {touched: 300, minor: 3, major: 0, copied: 0, reused: 8}],
    ]);
    expect(areasIn(data, 1, {begin: 0, end: 4})?.get(7)?.touched).toBe(4021);
    expect(areasIn(data, 1, {begin: 2, end: 3})?.size).toBe(0);
  });

  it("says so where areas are not known", () => {
    expect(areasIn(pageData(kChanges), 0, {begin: 0, end: 4})).toBeUndefined();
  });

  it("has what its bins added to counters, of one machine", () => {
    const data = pageData({
      "counters.0.faults.minor": [1, 2, 3, 4],
      "counters.0.time.kernel_ns": [10, 20, 30, 40],
      "counters.1.faults.minor": [100, 100, 100, 100],
    });
    expect(countersIn(data, 0, {begin: 1, end: 3})).toEqual([
      ["faults", "minor", 5],
      ["time", "kernel_ns", 50],
    ]);
  });

  it("has the walks of a TLB of any size", () => {
    // Two sizes, so four numbers a bin: within the first, within the second, beyond, first touches.
    const row = (n: number) => Array.from({length: kBins}, (_, bin) => [n, 2 * n, 3 * n, bin]);
    const data = pageData({
      misses_area: [5],
      "4k.misses": [...row(1), ...row(10)].flat(),
    });
    const part = {begin: 1, end: 3};
    expect([...walksIn(data, "4k", 0, part)]).toEqual([
      [5, 2 * 5 + 1 + 2],
      [-1, 2 * 50 + 1 + 2],
    ]);
    expect(walksIn(data, "4k", 1, part).get(5)).toBe(2 * 3 + 1 + 2);
  });
});
