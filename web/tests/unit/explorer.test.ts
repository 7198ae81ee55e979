// The explorer's own logic, without a browser and without the core.
import {readdirSync} from "node:fs";
import {join} from "node:path";
import {describe, expect, it} from "vitest";
import {kCatalogue} from "../../src/common/texts";
import {addressFor, pack, stateIn, unpack} from "../../src/explorer/address";
import {type Square, withGaps} from "../../src/explorer/grid";
import {kFileNames, kLessons, lessonWith, textOfLesson} from "../../src/explorer/lessons";
import {errorOf} from "../../src/explorer/machine";
import {findStep, isFault, namesIn, type Outline} from "../../src/explorer/model";
import {namesIn as namesOfStep} from "../../src/explorer/panels_story";
import {drawer} from "../../src/explorer/quiz_questions";

const outline: Outline = {
  lines: [1, 2, 3, 3, 3, 5],
  kinds: "ochnjs",
  whole: true,
  checks: 0,
  failed: 0,
  summary: "",
  policy: "clock",
  ram: 16,
};

describe("the gallery", () => {
  it("has every script of data/scripts once, with a text in both languages", () => {
    const files = readdirSync(join(import.meta.dirname, "../../../data/scripts"))
      .filter((name) => name.endsWith(".pws"))
      .map((name) => name.slice(0, -4));
    expect([...kLessons].sort()).toEqual(files.sort());
    expect([...kFileNames].sort()).toEqual(files);
    for (const lesson of kLessons) {
      expect(textOfLesson(lesson), lesson).not.toBe("");
      expect(kCatalogue).toHaveProperty([`lesson.${lesson}`]);
      expect(lessonWith(textOfLesson(lesson))).toBe(lesson);
    }
  });
});

describe("the address", () => {
  const script = 'process A\np = mmap 0 1P rw private|anonymous\nstore p "ä<&"\n'.repeat(40);
  it("keeps a script of one's own, short", async () => {
    const packed = await pack(script);
    expect(packed).toMatch(/^[\w-]+$/);
    expect(packed.length).toBeLessThan(script.length / 4);
    expect(await unpack(packed)).toBe(script);
  });
  it("keeps the whole state", async () => {
    for (const state of [
      {lesson: "thrashing", step: 12},
      {script, step: 3, compare: "policy=arc frames=4", quiz: 77, walk: "1:0x7ffff7ffb000"},
      {lesson: "zero_page", step: 5, frames: "dirty"} as const,
    ]) {
      expect(await stateIn(await addressFor(state))).toEqual(state);
    }
  });
  it("leaves out what is wrong", async () => {
    expect(await stateIn("#l=../x&n=-1&s=%%%&q=x&w=1:0xg&f=colour")).toEqual({});
    expect(await stateIn("#s=AAAA")).toEqual({});
    expect(await stateIn("")).toEqual({});
  });
});

describe("errors of a script", () => {
  it("are taken apart", () => {
    const message =
      "line 3, column 8: there is no verb 'mnap'; did you mean 'mmap'?\n" +
      "  A: q = mnap 0 4P\n         ^~~~\n";
    expect(errorOf(message)).toEqual({
      line: 3,
      column: 8,
      length: 4,
      sentence: "there is no verb 'mnap'; did you mean 'mmap'?",
    });
    expect(errorOf("no policy 'x'")).toEqual({sentence: "no policy 'x'", length: 1});
  });
});

describe("steps", () => {
  it("are found by what they are", () => {
    expect(findStep(outline, 0, isFault)).toBe(4);
    expect(findStep(outline, 5, isFault)).toBe(5);
    expect(findStep(outline, 7, isFault)).toBeUndefined();
    expect(findStep(outline, 1, (_, line) => line === 3)).toBe(3);
  });
});

describe("fields of squares", () => {
  const square = (key: number): Square => ({key, fill: "--ink"});
  const make = (known: number[], end: number) =>
    withGaps(
      known,
      (n) => n,
      end,
      {
        empty: (key) => ({key, fill: ""}),
        square,
        gap: (key, count) => ({key, fill: "", gap: String(count)}),
      },
      3,
    );
  it("draw short runs and fold long ones", () => {
    expect(make([1, 2], 4).map((s) => s.key)).toEqual([0, 1, 2, 3]);
    const folded = make([10], 100);
    expect(folded.map((s) => [s.key, s.gap])).toEqual([
      [0, "10"],
      [10, undefined],
      [11, "89"],
    ]);
  });
  it("count every page once", () => {
    const known = [0, 5, 6, 40];
    const squares = make(known, 64);
    const pages = squares.map((s) => Number(s.gap ?? 1)).reduce((a, b) => a + b, 0);
    expect(pages).toBe(64);
  });
});

describe("names of addresses", () => {
  it("are those inside an area", () => {
    const variables: [string, string][] = [
      ["p", "0x1000"],
      ["q", "0x2fff"],
      ["r", "0x3000"],
    ];
    expect(namesIn(variables, "0x1000", "0x3000")).toEqual(["p", "q"]);
  });
});

describe("the names in a step's text", () => {
  it("are told with what they stand for, texts left out", () => {
    const variables: [string, string][] = [
      ["i", "0x7"],
      ["p", "0x7ffff7ffb000"],
      ["x", "0x1"],
    ];
    expect(namesOfStep('A: store p+i*1P "x"', variables)).toBe("i = 7, p = 0x7ffff7ffb000");
    expect(namesOfStep("mark", variables)).toBe("");
  });
});

describe("lots", () => {
  it("are drawn the same by the same seed, in range, and reach every number", () => {
    const [a, b] = [drawer(7), drawer(7)];
    const drawn = Array.from({length: 400}, () => a(5));
    expect(drawn).toEqual(Array.from({length: 400}, () => b(5)));
    expect([...new Set(drawn)].sort()).toEqual([0, 1, 2, 3, 4]);
    expect(drawn).not.toEqual(Array.from({length: 400}, drawer(8).bind(null, 5)));
  });
});
