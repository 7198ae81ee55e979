// What the core answers (web/core/explorer/state*.cpp), as types, and small questions about it.

export interface StepText {
  line: number;
  column: number;
  length: number;
  text: string;
  kind: "process" | "let" | "do" | "access" | "expect" | "mark" | "show" | "repeat" | "for";
  process: string;
}
export interface LastStep extends StepText {
  turn: number;
  failed: boolean;
  gave?: string;
  signal?: number;
  error?: boolean;
  output?: string;
}
export interface WalkEntry {
  level: number;
  table: number;
  index: number;
  raw: string;
  present: boolean;
  leaf: boolean;
  bits: string; // P W U A D L G N, '-' where it is not set
  frame: number;
  pkey: number;
  zero: boolean;
  was: string;
}
export interface Walk {
  address: string;
  levels: number;
  canonical: boolean;
  text: string;
  entries: WalkEntry[];
}
export type AccessKind = "read" | "write" | "execute";
export interface Access {
  process: number;
  address: string;
  length: number;
  access: AccessKind;
  now: boolean;
  walk: Walk;
}
export interface Fault {
  process: string;
  address: string;
  access: AccessKind;
  major: boolean;
  steps: [string, string | number][];
  area: boolean;
  resolved: boolean;
  frame?: number;
  begin?: string;
  end?: string;
  rights?: string;
  backing?: string;
}
export interface Area {
  begin: string;
  end: string;
  rights: string;
  name: string;
  pages: number;
  role: number;
  locked: boolean;
  cells: number[]; // page, cell, where, bits of each page that is not untouched
}
export interface Process {
  name: string;
  index: number;
  pid: number;
  cpu: number;
  running: boolean;
  space?: number;
  root?: number;
  minor?: number;
  major?: number;
  areas?: Area[];
  hidden?: number; // areas that are not told
}
// set, way, space, page number, frame, rights, level, change, and of what was there before: space,
// page number.
export const kTlbFields = 10;
export type TlbSlot = [
  set: number,
  way: number,
  space: number,
  page: number,
  frame: number,
  rights: number,
  level: number,
  change: number,
  wasSpace: number,
  wasPage: number,
];
export interface TlbArray {
  cpu: number;
  unit: "L1d" | "L1i" | "L2";
  size: "4K" | "2M" | "1G";
  sets: number;
  ways: number;
  used: number;
  slots: number[]; // kTlbFields of each slot
}
// Those of the sets that are wanted.
export function slotsOf(array: TlbArray, sets: ReadonlySet<number>): TlbSlot[] {
  const all: TlbSlot[] = [];
  for (let i = 0; i < array.slots.length; i += kTlbFields) {
    if (!sets.has(array.slots[i] ?? -1)) continue;
    all.push(array.slots.slice(i, i + kTlbFields) as TlbSlot);
  }
  return all;
}
export interface Frames {
  total: number;
  free: number;
  tables: number;
  user: number;
  zero: number;
  list: number[]; // frame, kind, owner, page, mapped by, bits, last used
  owners: string[];
  left: [number, number, string][];
  evicted: number;
}
export interface CacheObject {
  name: string;
  file: boolean;
  bytes: number;
  areas: number;
  pages: number[]; // page, frame or slot, state
}
export interface PolicyList {
  name: string;
  ghosts: boolean; // names of pages that are gone
  size: number;
  pages: (number | string)[];
  hand?: number;
  marks?: number[]; // of the pages, in the Linux model: see kListMarks
  generation?: number; // whose list it is; `name` is the kind of its pages, "anon" or "file"
}
export const kListMarks = {accessed: 1, referenced: 2, workingset: 4, writing: 8};
// In marks of a page in a generation, two bits each: its tier, and by how many generations it is
// younger than the list in which it stands.
export const kTierShift = 4;
export const kYoungerShift = 6;
// The multi-generational LRU. Of each kind of page: [came back, evicted or spared] for each tier,
// and the last tier whose pages go.
export interface Generations {
  youngest: number;
  oldest: [anon: number, file: number];
  walks: number;
  promoted: number;
  neighbours: number;
  spared: number;
  kinds: {tiers: [number, number][]; last: number}[];
}
// Generations that a page which is away may have left, and would still be known by.
export const kMostGenerations = 4;
// The group of the Linux model. Pairs: anonymous pages, pages of files.
export interface LinuxGroup {
  limit: number; // pages; 0: none
  used: number;
  peak: number;
  swappiness: number;
  age?: number; // evictions and activations so far
  room?: [number, number]; // refault distances up to this are soon
  generations?: Generations; // instead of both
  refaults: [number, number];
  activated: [number, number];
  shadows: [number, number];
}
export type LogKind = "minor" | "major" | "evicted" | "swap-write" | "switch" | "shootdown";
interface LogBase {
  step: number;
  ns: number;
  who: string; // whose page, or a file's name; who runs now; "": he has gone
}
export interface FaultEvent extends LogBase {
  kind: "minor" | "major";
  address: string;
  access: AccessKind;
}
interface PageEvent extends LogBase {
  frame: number;
  file: boolean; // or of shared memory: `page` is an offset in it, not an address
  page: string;
  slot?: number;
}
export interface EvictedEvent extends PageEvent {
  kind: "evicted";
  to: "swap" | "file" | "nowhere";
  dirty: boolean; // it had to be written so that it could go
}
export interface SwapWriteEvent extends PageEvent {
  kind: "swap-write";
}
export interface SwitchEvent extends LogBase {
  kind: "switch";
  cpu: number;
  before: string;
}
export interface ShootdownEvent extends LogBase {
  kind: "shootdown";
  cpu: number; // that asked
  cpus: number; // that were interrupted
  address: string;
  pages: number;
  reason: "unmap" | "protect" | "copy-on-write" | "reclaim" | "migrate" | "write-protect" | "fork";
}
export type MemoryEvent = FaultEvent | EvictedEvent | SwapWriteEvent | SwitchEvent | ShootdownEvent;
export interface State {
  step: number;
  last: LastStep | null;
  next: StepText | null;
  stopped: string | null;
  report: [number, number, number]; // checks, failed, failed without a check
  time_ns: number;
  variables: [string, string][];
  counters: [string, number, number][]; // name, value, change in this step
  access: Access | null;
  faults: {count: number; list: Fault[]};
  events: {count: number; list: MemoryEvent[]}; // in this step; the last ones, oldest first
  processes: Process[];
  tlb: {arrays: TlbArray[]; spaces: Record<string, string>};
  frames: Frames;
  swap: {total: number; used: number; slots: number[]};
  cache: CacheObject[];
  policy?: {
    name: string;
    parts: {owner: string; lists: PolicyList[]}[];
    group?: LinuxGroup;
  };
}

export interface Outline {
  lines: number[];
  kinds: string; // a letter for each step, see kStepLetters
  whole: boolean;
  checks: number;
  failed: number;
  summary: string;
  policy: string;
  ram: number; // frames
}

export enum Cell {
  Untouched,
  Mapped,
  Zero,
  Resident,
  Swapped,
  Shadow,
}
export const kCellBits = {writable: 1, accessed: 2, dirty: 4, large: 8};
export const kFrameBits = {accessed: 1, dirty: 2, fresh: 4, locked: 8};
export enum FrameKind {
  Table = 2,
  Anon = 3,
  File = 4,
  Shared = 6,
}

export interface Frame {
  frame: number;
  kind: FrameKind;
  owner: number;
  page: number;
  mapped: number;
  bits: number;
  used: number;
}
export function framesOf(frames: Frames): Frame[] {
  const all: Frame[] = [];
  const {list} = frames;
  for (let i = 0; i + 6 < list.length; i += 7) {
    const at = (n: number) => list[i + n] ?? 0;
    const [frame, kind, owner, page] = [at(0), at(1), at(2), at(3)];
    all.push({frame, kind, owner, page, mapped: at(4), bits: at(5), used: at(6)});
  }
  return all;
}

export interface PageCell {
  page: number; // of the area
  cell: Cell;
  where: number;
  // kCellBits; of a page that is away its refault distance, or the generation that it was evicted
  // from, and 1; or 0.
  bits: number;
}
export function cellsOf(area: Area): PageCell[] {
  const all: PageCell[] = [];
  const {cells} = area;
  for (let i = 0; i + 3 < cells.length; i += 4) {
    const at = (n: number) => cells[i + n] ?? 0;
    all.push({page: at(0), cell: at(1), where: at(2), bits: at(3)});
  }
  return all;
}

// Whose pages a swap slot has, as far as they are told: "A 0x7ffff7ffb000".
export function pagesInSwap(state: State): Map<number, string[]> {
  const found = new Map<number, string[]>();
  const add = (slot: number, page: string) => found.set(slot, [...(found.get(slot) ?? []), page]);
  for (const process of state.processes) {
    for (const area of process.areas ?? []) {
      for (const cell of cellsOf(area)) {
        if (cell.cell !== Cell.Swapped) continue;
        add(cell.where, `${process.name} ${addressOf(area.begin, cell.page)}`);
      }
    }
  }
  return found;
}

export const kPage = 4096n;
export function pageOf(address: string): bigint {
  return BigInt(address) / kPage;
}
export function addressOfPage(number: number): string {
  return `0x${(BigInt(number) * kPage).toString(16)}`;
}
export function addressOf(begin: string, page: number): string {
  return `0x${(BigInt(begin) + BigInt(page) * kPage).toString(16)}`;
}

export function counter(state: State, name: string): {value: number; change: number} {
  const found = state.counters.find((c) => c[0] === name);
  return {value: found?.[1] ?? 0, change: found?.[2] ?? 0};
}

// How the last access was translated, by what the TLBs counted in this step.
export type Translation = "none" | "l1" | "l2" | "walk" | "mixed" | "fault";
export function translationOf(state: State): Translation {
  if (state.access === null || !state.access.now) return "none";
  if (state.faults.count > 0) return "fault";
  const ways = [
    ["l1", counter(state, "tlb_l1_hits").change],
    ["l2", counter(state, "tlb_l2_hits").change],
    ["walk", counter(state, "tlb_walks").change],
  ] as const;
  const used = ways.filter(([, n]) => n > 0);
  if (used.length === 0) return "none";
  return used.length > 1 ? "mixed" : (used[0]?.[0] ?? "none");
}

// The names that the script has given to addresses in [begin, end).
export function namesIn(variables: [string, string][], begin: string, end: string): string[] {
  const [from, to] = [BigInt(begin), BigInt(end)];
  return variables
    .filter(([, value]) => BigInt(value) >= from && BigInt(value) < to)
    .map(([name]) => name);
}

// The next step at or behind `from` that `wanted` is true of; undefined: there is none. Steps count
// from 1.
export function findStep(
  outline: Outline,
  from: number,
  wanted: (kind: string, line: number) => boolean,
): number | undefined {
  for (let i = Math.max(from, 1); i <= outline.kinds.length; ++i) {
    if (wanted(outline.kinds[i - 1] ?? "", outline.lines[i - 1] ?? 0)) return i;
  }
  return undefined;
}
export const isFault = (kind: string) => "njs".includes(kind);
