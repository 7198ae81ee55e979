// The curves of the chosen policies, counted by the core bit by bit so that the page stays quick:
// a change of window, page size or policies begins anew.
import {batch, effect, signal} from "@preact/signals";
import {type Misses, sizesBetween, type Window} from "./model";
import {chosenPolicies, model, ramInPages, sizeSlot, window_} from "./state";

export interface Curves {
  sizes: number[]; // pages of the chosen size
  cold: Misses;
  points: Map<string, (Misses | undefined)[]>; // by policy, by size; undefined: not counted yet
  done: boolean;
}

const kSizes = 28;
const kSliceMs = 14;

export const curves = signal<Curves>({
  sizes: [],
  cold: {value: 0, error: 0},
  points: new Map(),
  done: true,
});
// At the RAM that the slider says, by policy.
export const atRam = signal<Map<string, Misses>>(new Map());
export const atRamBusy = signal(true); // what atRam tells is not of what is chosen now

let round = 0;

function* work(slot: number, policies: string[], window: Window): Generator<void> {
  const from = model.knownFrom(slot, window);
  const sizes = sizesBetween(from, Math.max(model.fitsIn(slot, window) * 1.15, from + 1), kSizes);
  const cold = model.cold(slot, window);
  const points = new Map(policies.map((name) => [name, sizes.map(() => undefined)])) as Map<
    string,
    (Misses | undefined)[]
  >;
  const tell = (done: boolean) => {
    curves.value = {sizes, cold, points: new Map(points), done};
  };
  tell(false);
  yield;
  // Coarse first: every fourth size, then the rest.
  const order = [...sizes.keys()].sort((a, b) => Number(a % 4 !== 0) - Number(b % 4 !== 0));
  for (const name of policies) {
    for (const i of order) {
      const row = points.get(name);
      if (row !== undefined) row[i] = model.misses(slot, name, sizes[i] ?? 1, window);
      yield;
    }
    tell(false);
  }
  tell(true);
}

function* workAtRam(slot: number, policies: string[], pages: number, window: Window) {
  const found = new Map<string, Misses>();
  for (const name of policies) {
    found.set(name, model.misses(slot, name, pages, window));
    yield;
  }
  batch(() => {
    atRam.value = found;
    atRamBusy.value = false;
  });
}

// Timers set by timers wait for 4 ms at least; messages do not.
const later: (() => void)[] = [];
const channel = new MessageChannel();
channel.port1.onmessage = () => later.shift()?.();
function soon(run: () => void): void {
  later.push(run);
  channel.port2.postMessage(null);
}

// In slices, so that the page stays quick, as long as `mine` says that they are wanted.
export function runSteps(steps: Generator<void>, mine: () => boolean): void {
  const slice = () => {
    const end = performance.now() + kSliceMs;
    while (mine()) {
      if (steps.next().done) return;
      if (performance.now() > end) {
        soon(slice);
        return;
      }
    }
  };
  slice();
}

let ramRound = 0;

// Keeps the curves in step with what is chosen. Call once.
export function followCurves(): void {
  effect(() => {
    const steps = work(sizeSlot.value, chosenPolicies.value, window_.value);
    const mine = ++round;
    runSteps(steps, () => mine === round);
  });
  effect(() => {
    const steps = workAtRam(sizeSlot.value, chosenPolicies.value, ramInPages.value, window_.value);
    const mine = ++ramRound;
    atRamBusy.value = true;
    runSteps(steps, () => mine === ramRound);
  });
}
