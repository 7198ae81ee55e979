// What the tool put into the page, taken apart: see src/report/page_pack.hpp and page_data.hpp.
import {textOf} from "../common/payload";

export interface FaultCounts {
  [kind: string]: number;
}

export interface AreaRow {
  name: string;
  mapped_peak_pages: number;
  resident_peak_pages: number;
  touched_pages: number;
  faults: FaultCounts;
}

export interface Machine {
  label: string;
  config: Record<string, number | string | boolean>;
  references: number;
  records: number;
  faults: FaultCounts;
  memory: Record<string, number>;
  reclaim: Record<string, number>;
  tlb: Record<string, number | boolean>;
  time: Record<string, number>;
  areas: AreaRow[];
  processes: {
    pid: number;
    parent: number;
    command: string;
    references: number;
    resident_peak_pages: number;
    killed_by_oom: boolean;
    faults: FaultCounts;
  }[];
  inferred_areas: number;
}

export interface Need {
  known_from_pages: number;
  first_touches: number;
  fits_in_pages: number;
  knee_pages: number;
  slowdown_percent: number;
  slowdown_pages: number;
  run_ns: number;
  fault_ns: number;
  exact: boolean;
  assumed_references: number;
}

export interface CheckFigure {
  name: string;
  label: string;
  measured: {median: number; low: number; high: number};
  predicted: number | null;
  error: number | null;
  within: boolean | null;
}

export interface CheckRow {
  limit_percent: number;
  limit_bytes: number;
  figures: CheckFigure[];
}

export interface SampleFacts {
  rate: number;
  pages: number;
  all_pages: number;
  operations: number;
  all_operations: number;
  filter_pages: number;
}

/** Who wrote pages shared since a fork; frames outermost first. Most copied pages first. */
export interface ForkSite {
  frames: string[];
  copied: number;
  reused: number;
}

export interface Meta {
  schema: string;
  report: {
    recording: {
      command: string[];
      recorder: string;
      detail: string;
      filter_pages: number;
      exactness: string;
      redacted: boolean;
      losses: {offset: number; what: string}[];
      exit_status: number | null;
    };
    machines: Machine[];
    need: Need | null;
    check: {kernel: string; knobs: {swap: string}; rows: CheckRow[]; notes: string[]} | null;
    notes: string[];
  };
  references: number;
  bins: number;
  pages: number;
  filter_pages: number;
  inferred: number;
  areas: string[];
  devices: {name: string; fault_ns: number}[];
  walk_reference_ps: number;
  working_set: {taus: number[]; exact: boolean};
  phases: {window: number; count: number; list: [number, number, number, number][]};
  stacks: {frames: string[]; stacks: number[][]};
  fork_sites: ForkSite[];
  samples: Record<string, SampleFacts>;
  curves: Record<string, {cold: number; known_from: number}>;
  page_sizes: {name: string; bytes: number}[];
  area_sizes: number[];
  series: string[];
  arrays: Record<string, {kind: string; offset: number; length: number}>;
}

const kSchema = "pagewright.page/1";

function taken<M>(block: Uint8Array): [M, Uint8Array, number] {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const length = view.getUint32(0, true);
  const meta = JSON.parse(textOf(block.subarray(4, 4 + length))) as M;
  // Numbers in arrays are read in place, so the block has to begin at a multiple of 8.
  const aligned = block.byteOffset % 8 === 0 ? block : block.slice();
  return [meta, aligned, Math.ceil((4 + length) / 8) * 8];
}

// A JSON text and the arrays that it names.
export class Block<M extends {schema: string; arrays: Meta["arrays"]} = Meta> {
  protected constructor(
    readonly meta: M,
    private readonly block: Uint8Array,
    private readonly base: number,
  ) {}

  static of<M extends {schema: string; arrays: Meta["arrays"]}>(block: Uint8Array): Block<M> {
    const [meta, aligned, base] = taken<M>(block);
    return new Block<M>(meta, aligned, base);
  }

  private place(name: string, kind: string): [ArrayBuffer, number, number] {
    const found = this.meta.arrays[name];
    if (found === undefined || found.kind !== kind) throw new Error(`no ${kind} array ${name}`);
    const at = this.block.byteOffset + this.base + found.offset;
    return [this.block.buffer as ArrayBuffer, at, found.length];
  }
  has(name: string): boolean {
    return this.meta.arrays[name] !== undefined;
  }
  bytes(name: string): Uint8Array {
    return new Uint8Array(...this.place(name, "u8"));
  }
  words(name: string): Uint32Array {
    return new Uint32Array(...this.place(name, "u32"));
  }
  doubles(name: string): Float64Array {
    return new Float64Array(...this.place(name, "f64"));
  }
}

// Of one recording.
export class PageData extends Block<Meta> {
  static parse(block: Uint8Array): PageData {
    const [meta, aligned, base] = taken<Meta>(block);
    if (meta.schema !== kSchema) throw new Error(`data of another version: ${meta.schema}`);
    return new PageData(meta, aligned, base);
  }
}
