// Call paths of two recordings in one tree: against sums made path by path.
import {describe, expect, it} from "vitest";
import type {PageData} from "../../src/report/data";
import {
  type Both,
  type DiffNode,
  diffBoxes,
  type Side,
  shift,
  treeOf,
} from "../../src/report/diff_data";

function side(frames: string[], stacks: number[][], touches: [number, number][]): Side {
  const words: Record<string, Uint32Array> = {
    "touch.stack": Uint32Array.from(touches.map(([stack]) => stack)),
    "touch.pages": Uint32Array.from(touches.map(([, pages]) => pages)),
  };
  const data = {meta: {stacks: {frames, stacks}}, words: (name: string) => words[name]};
  return {data: data as unknown as PageData} as Side;
}

// The same functions under other numbers, one path gone, one new.
const kBoth = {
  a: side(
    ["main", "read", "sort"],
    [[0, 1], [0, 2], [0]],
    [
      [0, 5],
      [1, 3],
      [0, 2],
    ],
  ),
  b: side(
    ["sort", "main", "write"],
    [
      [1, 0],
      [1, 2],
    ],
    [
      [0, 9],
      [1, 4],
    ],
  ),
} as Both;

function text(node: DiffNode): string {
  const below = [...node.children.values()].map(text).join(" ");
  return `${node.name}:${node.a}/${node.b}${below === "" ? "" : `(${below})`}`;
}

describe("the difference of two recordings", () => {
  it("joins paths by the names of their functions", () => {
    expect(text(treeOf(kBoth, "all"))).toBe("all:10/13(main:10/13(read:7/0 sort:3/9 write:0/4))");
  });

  it("is drawn as wide as the side that is chosen", () => {
    const tree = treeOf(kBoth, "all");
    const widths = (by: "a" | "b") =>
      diffBoxes(tree, by, 0.001, 100).map((box) => `${box.name} ${box.x.toFixed(3)} ${box.depth}`);
    expect(widths("a")).toEqual(["all 0.000 0", "main 0.000 1", "read 0.000 2", "sort 0.700 2"]);
    expect(widths("b")).toEqual(["all 0.000 0", "main 0.000 1", "sort 0.000 2", "write 0.692 2"]);
    expect(diffBoxes(tree, "b", 0.001, 3).length).toBe(3);
    expect(diffBoxes(tree, "b", 0.5, 100).map((box) => box.name)).toEqual(["all", "main", "sort"]);
  });

  it("tells what came, went, and stayed", () => {
    expect(shift({a: 0, b: 4})).toBe(1);
    expect(shift({a: 7, b: 0})).toBe(-1);
    expect(shift({a: 5, b: 5})).toBe(0);
    expect(shift({a: 2, b: 4})).toBe(0.5);
  });
});
