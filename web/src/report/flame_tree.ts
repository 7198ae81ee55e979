// Call stacks with weights as trees for a flame graph.
//
// left heavy  every call path once, the heaviest first
// time order  as it happened; only what follows each other is joined
// sandwich    one function: above it who called it, below it what it called

export interface Weighted {
  stack: number[]; // frames, outermost first
  weight: number;
}

export interface FlameNode {
  frame: number; // -1: the root
  weight: number; // with everything below
  children: FlameNode[];
}

function node(frame: number): FlameNode {
  return {frame, weight: 0, children: []};
}

function add(root: FlameNode, frames: number[], weight: number, joins: boolean): void {
  let at = root;
  at.weight += weight;
  for (const frame of frames) {
    const last = at.children[at.children.length - 1];
    let next = joins ? at.children.find((c) => c.frame === frame) : undefined;
    if (!joins && last?.frame === frame) next = last;
    if (next === undefined) {
      next = node(frame);
      at.children.push(next);
    }
    next.weight += weight;
    at = next;
  }
}

function sort(tree: FlameNode): FlameNode {
  tree.children.sort((a, b) => b.weight - a.weight || a.frame - b.frame);
  for (const child of tree.children) sort(child);
  return tree;
}

export function leftHeavy(list: Weighted[]): FlameNode {
  const root = node(-1);
  for (const {stack, weight} of list) add(root, stack, weight, true);
  return sort(root);
}

export function timeOrder(list: Weighted[]): FlameNode {
  const root = node(-1);
  for (const {stack, weight} of list) add(root, stack, weight, false);
  return root;
}

// What `frame` called. A stack that has it several times counts once, from the outermost on.
export function callees(list: Weighted[], frame: number): FlameNode {
  const root = node(frame);
  for (const {stack, weight} of list) {
    const at = stack.indexOf(frame);
    if (at >= 0) add(root, stack.slice(at + 1), weight, true);
  }
  return sort(root);
}

// Who called `frame`: children are callers.
export function callers(list: Weighted[], frame: number): FlameNode {
  const root = node(frame);
  for (const {stack, weight} of list) {
    const at = stack.indexOf(frame);
    if (at >= 0) add(root, stack.slice(0, at).reverse(), weight, true);
  }
  return sort(root);
}

// Functions by weight, each stack counted once for each function in it.
export function functions(list: Weighted[]): {frame: number; total: number; self: number}[] {
  const found = new Map<number, {frame: number; total: number; self: number}>();
  for (const {stack, weight} of list) {
    for (const frame of new Set(stack)) {
      const one = found.get(frame) ?? {frame, total: 0, self: 0};
      one.total += weight;
      if (frame === stack[stack.length - 1]) one.self += weight;
      found.set(frame, one);
    }
  }
  return [...found.values()].sort((a, b) => b.total - a.total || a.frame - b.frame);
}

export interface Box {
  frame: number;
  weight: number;
  depth: number;
  x: number; // 0..1
  width: number;
}

// Boxes wide enough to be seen, breadth first. `most` bounds their number.
export function boxes(root: FlameNode, least: number, most: number): Box[] {
  const all: Box[] = [];
  const whole = Math.max(root.weight, 1e-9);
  let row: {at: FlameNode; x: number}[] = [{at: root, x: 0}];
  for (let depth = 0; row.length > 0 && all.length < most; ++depth) {
    const next: typeof row = [];
    for (const {at, x} of row) {
      const width = at.weight / whole;
      if (width < least || all.length >= most) continue;
      all.push({frame: at.frame, weight: at.weight, depth, x, width});
      let from = x;
      for (const child of at.children) {
        next.push({at: child, x: from});
        from += child.weight / whole;
      }
    }
    row = next;
  }
  return all;
}
