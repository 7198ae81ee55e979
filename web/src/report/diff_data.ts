// Two recordings on one page: what the tool put into it (src/report/diff_json.cpp), and what
// follows from both.
import type {Core} from "../common/core";
import {Block, type Meta, PageData} from "./data";
import {Model, sizesBetween} from "./model";

export interface Amounts {
  faults: number;
  major: number;
  touched_pages: number;
  resident_peak_pages: number;
}

export interface Change {
  name: string;
  name_b?: string;
  a: Amounts | null;
  b: Amounts | null;
}

export interface Figure {
  key: string;
  unit: "count" | "pages" | "ns" | "ratio";
  a: number;
  b: number;
}

export interface DiffMeta {
  schema: string;
  files: [string, string];
  figures: Figure[];
  areas: Change[];
  areas_in_all: number;
  call_sites: Change[];
  call_sites_in_all: number;
  notes: string[];
  arrays: Meta["arrays"];
}

const kSchema = "pagewright.diff/1";

export interface Side {
  data: PageData;
  model: Model;
}

export interface Both {
  meta: DiffMeta;
  a: Side;
  b: Side;
}

// Undefined if the page is about one recording.
export function bothOf(core: Core, block: Uint8Array): Both | undefined {
  const outer = Block.of<DiffMeta>(block);
  if (outer.meta.schema !== kSchema) return undefined;
  const side = (name: string, own: Core): Side => {
    const data = PageData.parse(outer.bytes(name));
    return {data, model: new Model(own, data)};
  };
  return {meta: outer.meta, a: side("a", core), b: side("b", core.another())};
}

export function wholeOf({data}: Side) {
  return {begin: 0, end: data.meta.bins};
}

// Sizes at which both are known and something still happens, in pages of the slot.
export function sizesOf(both: Both, slot: number, count: number): number[] {
  const of = (side: Side) => ({
    from: side.model.knownFrom(slot, wholeOf(side)),
    to: side.model.fitsIn(slot, wholeOf(side)),
  });
  const [a, b] = [of(both.a), of(both.b)];
  const from = Math.max(1, Math.min(a.from, b.from));
  return sizesBetween(from, Math.max(from + 1, 1.15 * Math.max(a.to, b.to)), count);
}

// A tree of call paths with the bytes or pages of both sides. Frames are names.
export interface DiffNode {
  name: string;
  a: number;
  b: number;
  children: Map<string, DiffNode>;
}

function node(name: string): DiffNode {
  return {name, a: 0, b: 0, children: new Map()};
}

function pour(root: DiffNode, {data}: Side, key: "a" | "b"): void {
  const {frames, stacks} = data.meta.stacks;
  const stack = data.words("touch.stack");
  const pages = data.words("touch.pages");
  const sums = new Map<number, number>();
  stack.forEach((number, i) => {
    sums.set(number, (sums.get(number) ?? 0) + (pages[i] ?? 0));
  });
  for (const [number, weight] of sums) {
    let at = root;
    at[key] += weight;
    for (const frame of stacks[number] ?? []) {
      const name = frames[frame] ?? "?";
      let next = at.children.get(name);
      if (next === undefined) {
        next = node(name);
        at.children.set(name, next);
      }
      next[key] += weight;
      at = next;
    }
  }
}

// Pages touched first, by call path.
export function treeOf(both: Both, name: string): DiffNode {
  const root = node(name);
  pour(root, both.a, "a");
  pour(root, both.b, "b");
  return root;
}

export interface DiffBox {
  name: string;
  a: number;
  b: number;
  depth: number;
  x: number; // 0..1
  width: number;
}

// Boxes as wide as one side's weight, the heaviest first, breadth first; at most `most` of them.
export function diffBoxes(root: DiffNode, by: "a" | "b", least: number, most: number): DiffBox[] {
  const all: DiffBox[] = [];
  const whole = Math.max(root[by], 1e-9);
  let row: {at: DiffNode; x: number}[] = [{at: root, x: 0}];
  for (let depth = 0; row.length > 0 && all.length < most; ++depth) {
    const next: typeof row = [];
    for (const {at, x} of row) {
      const width = at[by] / whole;
      if (width < least || all.length >= most) continue;
      all.push({name: at.name, a: at.a, b: at.b, depth, x, width});
      let from = x;
      const children = [...at.children.values()];
      children.sort((p, q) => q[by] - p[by] || (p.name < q.name ? -1 : 1));
      for (const child of children) {
        next.push({at: child, x: from});
        from += child[by] / whole;
      }
    }
    row = next;
  }
  return all;
}

// How much of its own weight a path won or lost: -1 (gone) to 1 (all new).
export function shift({a, b}: {a: number; b: number}): number {
  return a === b ? 0 : (b - a) / Math.max(a, b);
}
