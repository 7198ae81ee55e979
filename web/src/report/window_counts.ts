// What was counted in a part of the run: sums over its bins of what each of them added.
import type {PageData} from "./data";
import type {Window} from "./model";

export interface AreaCounts {
  touched: number; // pages, for the first time
  minor: number;
  major: number;
  copied: number;
  reused: number;
}

// By row of the machine's table of areas; undefined: not known, as there are too many areas.
export function areasIn(
  data: PageData,
  machine: number,
  window: Window,
): Map<number, AreaCounts> | undefined {
  const prefix = `changes.${machine}.`;
  if (!data.has(`${prefix}bin`)) return undefined;
  const column = (name: string) => data.words(prefix + name);
  const [bins, areas] = [column("bin"), column("area")];
  const [touched, minor, major] = [column("touched"), column("minor"), column("major")];
  const [copied, reused] = [column("copy_on_write"), column("reused")];
  const sums = new Map<number, AreaCounts>();
  bins.forEach((bin, i) => {
    if (bin < window.begin || bin >= window.end) return;
    const area = areas[i] ?? 0;
    const sum = sums.get(area) ?? {touched: 0, minor: 0, major: 0, copied: 0, reused: 0};
    sum.touched += touched[i] ?? 0;
    sum.minor += minor[i] ?? 0;
    sum.major += major[i] ?? 0;
    sum.copied += copied[i] ?? 0;
    sum.reused += reused[i] ?? 0;
    sums.set(area, sum);
  });
  return sums;
}

export type Counter = [group: string, name: string, value: string | number | boolean];

// The counters that grew in the run at all.
export function countersIn(data: PageData, machine: number, window: Window): Counter[] {
  const prefix = `counters.${machine}.`;
  return Object.keys(data.meta.arrays)
    .filter((array) => array.startsWith(prefix))
    .map((array): Counter => {
      const [group = "", ...name] = array.slice(prefix.length).split(".");
      const added = data.doubles(array).subarray(window.begin, window.end);
      return [group, name.join("."), added.reduce((sum, value) => sum + value, 0)];
    });
}

// Misses of a TLB of meta.area_sizes[at] entries that runs from the beginning of the run, by number
// of the area; -1: of all areas that are not told one by one.
export function walksIn(
  data: PageData,
  size: string,
  at: number,
  window: Window,
): Map<number, number> {
  const shown = data.words("misses_area");
  const misses = data.words(`${size}.misses`);
  const {bins} = data.meta;
  const each = misses.length / (shown.length + 1) / bins; // of a bin: see area_distances.hpp
  const walks = new Map<number, number>();
  for (let row = 0; row <= shown.length; ++row) {
    let sum = 0;
    for (let bin = window.begin; bin < window.end; ++bin) {
      const first = (row * bins + bin) * each;
      for (let i = at + 1; i < each; ++i) sum += misses[first + i] ?? 0;
    }
    walks.set(shown[row] ?? -1, sum);
  }
  return walks;
}
