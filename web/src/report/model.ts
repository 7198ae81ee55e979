// What the report page asks the core: faults of any policy, at any size of memory, page size, and
// window of time.
import type {Core} from "../common/core";
import type {PageData} from "./data";

export interface Window {
  begin: number; // bins, half-open
  end: number;
}

export interface Misses {
  value: number; // first references included; negative: not known
  error: number; // standard error; 0: counted
}

export class Model {
  readonly policies: string[];

  constructor(
    private readonly core: Core,
    private readonly data: PageData,
  ) {
    core.call("pw_policies");
    this.policies = core
      .answer()
      .split("\n")
      .filter((name) => name !== "")
      .map((name) => name.replace("*", ""));
    data.meta.page_sizes.forEach((size, slot) => {
      this.load(slot, size.name);
      this.loadExact(slot, 0, slot === 0 ? "lru" : `lru.${size.name}`);
    });
    this.loadExact(0, 1, "opt");
  }

  private load(slot: number, name: string): void {
    const facts = this.data.meta.samples[name];
    if (facts === undefined) throw new Error(`no sample ${name}`);
    const loaded = this.core.lend(this.data.bytes(`${name}.ops`), (ops, opBytes) =>
      this.core.lend(this.data.bytes(`${name}.parts`), (parts, pages) =>
        this.core.call(
          "pw_load",
          slot,
          ops,
          opBytes,
          parts,
          pages,
          this.data.meta.bins,
          facts.rate,
          facts.filter_pages,
        ),
      ),
    );
    if (loaded !== 1) throw new Error(`the sample ${name} is damaged`);
  }

  private loadExact(slot: number, opt: number, name: string): void {
    const facts = this.data.meta.curves[name];
    if (facts === undefined) return;
    const bytesOf = (array: Uint32Array | Float64Array) =>
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    const distances = this.data.words(`${name}.distance`);
    const counts = this.data.doubles(`${name}.count`);
    this.core.lend(bytesOf(distances), (distancesAt) =>
      this.core.lend(bytesOf(counts), (countsAt) =>
        this.core.call(
          "pw_set_exact",
          slot,
          opt,
          distancesAt,
          countsAt,
          distances.length,
          facts.cold,
          facts.known_from,
        ),
      ),
    );
  }

  misses(slot: number, policy: string, pages: number, window: Window): Misses {
    const value = this.core.lendText(policy, (at, length) =>
      this.core.call("pw_misses", slot, at, length, pages, window.begin, window.end),
    );
    return {value, error: value < 0 ? 0 : this.core.call("pw_standard_error")};
  }
  cold(slot: number, window: Window): Misses {
    const value = this.core.call("pw_cold", slot, window.begin, window.end);
    return {value, error: this.core.call("pw_standard_error")};
  }
  knownFrom(slot: number, window: Window): number {
    return this.core.call("pw_known_from", slot, window.begin, window.end);
  }
  fitsIn(slot: number, window: Window): number {
    return this.core.call("pw_fits_in", slot, window.begin, window.end);
  }
  knee(slot: number, window: Window): number {
    return this.core.call("pw_knee", slot, this.knownFrom(slot, window), window.begin, window.end);
  }
  // The memory in which a run of `baseNs` is at most `percent` slower, under LRU.
  within(slot: number, percent: number, baseNs: number, missNs: number, window: Window): number {
    const from = this.knownFrom(slot, window);
    const {begin, end} = window;
    return this.core.call("pw_within", slot, percent, baseNs, missNs, from, begin, end);
  }
  // By page of the sample; nothing for a policy that knows the future.
  missesByPage(slot: number, policy: string, pages: number, window: Window): Uint32Array | null {
    const name = this.data.meta.page_sizes[slot]?.name ?? "";
    const count = this.data.meta.samples[name]?.pages ?? 0;
    const at = this.core.lendText(policy, (text, length) =>
      this.core.call("pw_misses_by_page", slot, text, length, pages, window.begin, window.end),
    );
    return at === 0 ? null : this.core.words(at, count).slice();
  }
}

// At most `count` whole sizes from `from` to `to`, evenly spaced in their logarithm.
export function sizesBetween(from: number, to: number, count: number): number[] {
  const low = Math.max(1, Math.ceil(from));
  const high = Math.max(low, Math.ceil(to));
  const sizes = new Set<number>();
  for (let i = 0; i < count; ++i) {
    sizes.add(Math.round(low * (high / low) ** (count === 1 ? 1 : i / (count - 1))));
  }
  return [...sizes].sort((a, b) => a - b);
}

// How much slower the run is than one with first misses alone.
export function slowdown(misses: number, cold: number, baseNs: number, missNs: number): number {
  if (baseNs <= 0) return 1;
  return 1 + (Math.max(0, misses - cold) * missNs) / baseNs;
}
