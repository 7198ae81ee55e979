// What the reader chose on the report page, and what follows from it. Every view reads these
// signals, so that all follow one window of time, one size of RAM, one page size, one device.
import {computed, signal} from "@preact/signals";
import type {Core} from "../common/core";
import {PageData} from "./data";
import {Model, type Window} from "./model";

export let data: PageData;
export let model: Model;

export const window_ = signal<Window>({begin: 0, end: 1});
export const ramPages = signal(1); // in pages of 4 KiB
export const sizeSlot = signal(0); // of meta.page_sizes
export const device = signal(0); // of meta.devices
export const percent = signal(5);
export const machine = signal(0);
export const chosenPolicies = signal<string[]>(["lru", "opt", "clock", "linux-lists", "arc"]);

export const kSmallPage = 4096;

export function start(core: Core, block: Uint8Array): void {
  data = PageData.parse(block);
  model = new Model(core, data);
  const {meta} = data;
  window_.value = {begin: 0, end: meta.bins};
  const need = meta.report.need;
  percent.value = need?.slowdown_percent ?? 5;
  ramPages.value = Math.max(need?.slowdown_pages ?? 1, meta.filter_pages + 1, 1);
  const swap = meta.report.machines[0]?.config.swap_device;
  device.value = Math.max(
    0,
    meta.devices.findIndex((d) => d.name === swap),
  );
  const known = new Set(model.policies);
  chosenPolicies.value = chosenPolicies.value.filter((name) => known.has(name));
}

export const isWhole = computed(
  () => window_.value.begin === 0 && window_.value.end === data.meta.bins,
);

export function pageBytes(): number {
  return data.meta.page_sizes[sizeSlot.value]?.bytes ?? kSmallPage;
}

// RAM in pages of the chosen size.
export const ramInPages = computed(() =>
  Math.max(1, Math.round((ramPages.value * kSmallPage) / pageBytes())),
);

export const faultNs = computed(() => data.meta.devices[device.value]?.fault_ns ?? 90_000);

// What the window takes with enough RAM: its share of the run's references.
export const baseNs = computed(() => {
  const {bins, report, references} = data.meta;
  const all = report.need?.run_ns ?? references * 0.5;
  return (all * (window_.value.end - window_.value.begin)) / bins;
});

// The number of the reference at which a bin begins.
export function referenceOf(bin: number): number {
  return (bin / data.meta.bins) * data.meta.references;
}

export function binOf(reference: number): number {
  const {bins, references} = data.meta;
  return references === 0 ? 0 : (reference / references) * bins;
}

export function selectWindow(begin: number, end: number): void {
  const {bins} = data.meta;
  const low = Math.min(Math.max(Math.floor(begin), 0), bins - 1);
  const high = Math.min(Math.max(Math.ceil(end), low + 1), bins);
  window_.value = {begin: low, end: high};
}

export function selectReferences(from: number, to: number): void {
  selectWindow(binOf(from), binOf(to));
}

export function selectAll(): void {
  selectWindow(0, data.meta.bins);
}

// Moves the window by a part of its length, or makes it longer or shorter about its middle.
export function moveWindow(part: number): void {
  const {begin, end} = window_.value;
  const length = end - begin;
  const by = Math.sign(part) * Math.max(1, Math.round(Math.abs(part) * length));
  const low = Math.min(Math.max(begin + by, 0), data.meta.bins - length);
  selectWindow(low, low + length);
}

export function scaleWindow(factor: number): void {
  const {begin, end} = window_.value;
  const middle = (begin + end) / 2;
  const half = Math.max(((end - begin) * factor) / 2, 0.5);
  selectWindow(Math.max(0, middle - half), Math.min(data.meta.bins, middle + half));
}

export const kPolicyColors = Array.from({length: 8}, (_, i) => `--series-${i + 1}`);

export function colorOfPolicy(name: string): string {
  const at = model.policies.indexOf(name);
  const fixed = ["lru", "opt", "clock", "linux-lists", "arc", "fifo", "mglru", "sieve"].indexOf(
    name,
  );
  return kPolicyColors[(fixed >= 0 ? fixed : at) % kPolicyColors.length] ?? "--series-1";
}
