import {describe, expect, it} from "vitest";
import {
  boxes,
  callees,
  callers,
  type FlameNode,
  functions,
  leftHeavy,
  timeOrder,
  type Weighted,
} from "../../src/report/flame_tree";

// main 0, read 1, sort 2, compare 3, alloc 4
const kList: Weighted[] = [
  {stack: [0, 1, 4], weight: 2},
  {stack: [0, 2, 3], weight: 1},
  {stack: [0, 2, 4], weight: 5},
  {stack: [0, 1, 4], weight: 3},
  {stack: [0, 2, 2, 3], weight: 4},
];

// "0:15(2:10(...))": frame, weight, children in their order.
function text(tree: FlameNode): string {
  const below = tree.children.map(text).join(" ");
  return `${tree.frame}:${tree.weight}${below === "" ? "" : `(${below})`}`;
}

describe("flame graph trees", () => {
  it("join equal paths and put the heaviest first", () => {
    expect(text(leftHeavy(kList))).toBe("-1:15(0:15(2:10(4:5 2:4(3:4) 3:1) 1:5(4:5)))");
  });
  it("keep the order of time and join neighbours only", () => {
    expect(text(timeOrder(kList))).toBe(
      "-1:15(0:15(1:2(4:2) 2:6(3:1 4:5) 1:3(4:3) 2:4(2:4(3:4))))",
    );
  });
  it("tell callers and callees of one function, recursion counted once", () => {
    expect(text(callees(kList, 2))).toBe("2:10(4:5 2:4(3:4) 3:1)");
    expect(text(callers(kList, 4))).toBe("4:10(1:5(0:5) 2:5(0:5))");
    expect(functions(kList)).toEqual([
      {frame: 0, total: 15, self: 0},
      {frame: 2, total: 10, self: 0},
      {frame: 4, total: 10, self: 10},
      {frame: 1, total: 5, self: 0},
      {frame: 3, total: 5, self: 5},
    ]);
  });
  it("become boxes that lie within their parents, bounded in width and number", () => {
    const all = boxes(leftHeavy(kList), 0, 100);
    expect(all.length).toBe(9);
    expect(all[2]).toEqual({frame: 2, weight: 10, depth: 2, x: 0, width: 10 / 15});
    expect(all[3]).toEqual({frame: 1, weight: 5, depth: 2, x: 10 / 15, width: 5 / 15});
    expect(boxes(leftHeavy(kList), 0.3, 100).map((b) => b.frame)).toEqual([-1, 0, 2, 1, 4, 4]);
    expect(boxes(leftHeavy(kList), 0, 3).length).toBe(3);
  });
});
