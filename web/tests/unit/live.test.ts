// The page's side of a run that is followed, as far as no page is needed; and how the settings of
// two machines are written.
import {beforeEach, describe, expect, it} from "vitest";
import {news, samples, stride, takeHistory, takeNews, withSample} from "../../src/explorer/live";
import {settingsIn} from "../../src/explorer/store";

const point = (step: number) => [step, 0, 0, 0, 0, 0, 0, 0];
const told = (step: number) =>
  JSON.stringify({
    live: {mode: "running", speed: 0, thousandths: 0, error: "", sample: point(step)},
    pinned: null,
    state: {step},
  });

describe("a run that is followed", () => {
  beforeEach(() => {
    news.value = undefined;
    samples.value = [];
    stride.value = 0;
  });

  it("keeps a bounded course with its first and its last point", () => {
    let all: number[][] = [];
    for (let step = 0; step < 10_000; ++step) all = withSample(all, point(step));
    expect(all.length).toBeLessThanOrEqual(2_048);
    expect(all.length).toBeGreaterThan(1_000);
    expect(all[0]?.[0]).toBe(0);
    expect(all.at(-1)?.[0]).toBe(9_999);
    const steps = all.map((sample) => sample[0] ?? 0);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
  });

  it("has one point for a step that is told twice", () => {
    takeNews(told(5));
    takeNews(told(5));
    expect(samples.value.map((sample) => sample[0])).toEqual([5]);
  });

  it("says how many steps are told together", () => {
    takeNews(told(5));
    takeNews(told(12));
    expect(stride.value).toBe(7);
    takeNews(told(12)); // told again, because it was paused
    expect(stride.value).toBe(7);
    takeNews(told(13));
    expect(stride.value).toBe(1);
  });

  it("takes of a history what is a point", () => {
    takeHistory(JSON.stringify([point(1), [2], "x", null, point(3)]));
    expect(samples.value.map((sample) => sample[0])).toEqual([1, 3]);
    takeHistory("{}");
    expect(samples.value.length).toBe(2);
  });
});

describe("two settings", () => {
  it("are of the second machine, or of both", () => {
    expect(settingsIn(undefined)).toEqual(["", ""]);
    expect(settingsIn("policy=lru frames=4")).toEqual(["", "policy=lru frames=4"]);
    expect(settingsIn("policy=fifo | policy=lru")).toEqual(["policy=fifo", "policy=lru"]);
    expect(settingsIn("policy=fifo |")).toEqual(["policy=fifo", ""]);
  });
});
