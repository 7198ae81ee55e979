// Faults by size of RAM of both recordings, for one policy at a time; and what the slider's RAM
// means for each.
import {effect, signal} from "@preact/signals";
import {Chart, type Line} from "../common/chart";
import * as numbers from "../common/numbers";
import {t} from "../common/texts";
import {runSteps} from "./curves";
import {type Both, type Side, sizesOf, wholeOf} from "./diff_data";
import type {Misses} from "./model";
import {Section} from "./tables";

const kSizes = 28;
const kSteps = 400;

const policy = signal("lru");
const slot = signal(0);
const ramPages = signal(1); // of the chosen page size
const curves = signal<{sizes: number[]; a: (Misses | undefined)[]; b: (Misses | undefined)[]}>({
  sizes: [],
  a: [],
  b: [],
});
const atRam = signal<{a: Misses; b: Misses} | undefined>(undefined);

function misses(side: Side, pages: number): Misses {
  return side.model.misses(slot.value, policy.value, pages, wholeOf(side));
}

function* work(both: Both): Generator<void> {
  const sizes = sizesOf(both, slot.peek(), kSizes);
  const a: (Misses | undefined)[] = sizes.map(() => undefined);
  const b = [...a];
  for (const [i, size] of sizes.entries()) {
    a[i] = misses(both.a, size);
    yield;
    b[i] = misses(both.b, size);
    if (i % 4 === 3) curves.value = {sizes, a: [...a], b: [...b]};
    yield;
  }
  curves.value = {sizes, a, b};
}

let round = 0;

// Keeps the curves in step with what is chosen. Call once.
export function followDiffCurves(both: Both): void {
  const need = both.a.data.meta.report.need;
  ramPages.value = Math.max(1, need?.slowdown_pages ?? 1);
  effect(() => {
    void policy.value;
    void slot.value;
    const mine = ++round;
    runSteps(work(both), () => mine === round);
  });
  effect(() => {
    const pages = ramPages.value;
    atRam.value = {a: misses(both.a, pages), b: misses(both.b, pages)};
  });
}

function missesText(one: Misses | undefined): string {
  if (one === undefined || one.value < 0) return t("curve.unknown");
  const count = numbers.count(Math.round(one.value));
  return one.error > 0 ? `${count} ± ${numbers.short(Math.ceil(one.error))}` : count;
}

function Sliders({both, bytes}: {both: Both; bytes: number}) {
  const {sizes} = curves.value;
  const low = sizes[0] ?? 1;
  const high = Math.max(low + 1, sizes[sizes.length - 1] ?? 2);
  const clamped = Math.min(Math.max(ramPages.value, low), high);
  const at = Math.round((Math.log(clamped / low) / Math.log(high / low)) * kSteps);
  const text = numbers.bytes(clamped * bytes);
  return (
    <div class="sliders">
      <label class="wide">
        {t("curve.ram")} <output id="ram-text">{text}</output>
        <input
          id="ram"
          type="range"
          min={0}
          max={kSteps}
          value={at}
          aria-valuetext={text}
          onInput={(e) => {
            const position = Number(e.currentTarget.value) / kSteps;
            ramPages.value = Math.max(1, Math.round(low * (high / low) ** position));
          }}
        />
      </label>
      <label>
        {t("curve.policy")}{" "}
        <select
          id="policy"
          value={policy.value}
          onChange={(e) => (policy.value = e.currentTarget.value)}
        >
          {both.a.model.policies.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label>
        {t("curve.page_size")}{" "}
        <select
          id="page-size"
          value={String(slot.value)}
          onChange={(e) => {
            const sizesOfPages = both.a.data.meta.page_sizes;
            const next = Number(e.currentTarget.value);
            const ratio = bytes / (sizesOfPages[next]?.bytes ?? bytes);
            slot.value = next;
            ramPages.value = Math.max(1, Math.round(ramPages.value * ratio));
          }}
        >
          {both.a.data.meta.page_sizes.map((size, i) => (
            <option key={size.name} value={String(i)}>
              {numbers.bytes(size.bytes)}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

export function DiffCurves({both}: {both: Both}) {
  const bytes = both.a.data.meta.page_sizes[slot.value]?.bytes ?? 4096;
  const {sizes, a, b} = curves.value;
  const title = t("curve.title");
  const line = (label: string, color: string, of: (Misses | undefined)[]): Line => ({
    label,
    color,
    values: of.map((one) => (one === undefined || one.value < 0 ? null : one.value)),
    error: of.map((one) => (one === undefined || one.value < 0 ? null : one.error)),
  });
  const here = atRam.value;
  const size = numbers.bytes(ramPages.value * bytes);
  return (
    <Section id="curve" title={title}>
      <Sliders both={both} bytes={bytes} />
      <Chart
        name="faults-by-ram"
        title={title}
        summary={`${t("curve.at", {size})}: A ${missesText(here?.a)}, B ${missesText(here?.b)}`}
        x={sizes.map((pages) => pages * bytes)}
        lines={[
          line(`A, ${policy.value}`, "--series-1", a),
          line(`B, ${policy.value}`, "--series-2", b),
        ]}
        xText={(value) => numbers.bytes(value)}
        yText={(value) => numbers.short(value)}
        xLabel={t("curve.ram")}
        yLabel={t("curve.faults")}
        logX
        logY
        height={320}
        marks={[{x: ramPages.value * bytes, label: size}]}
        onPick={(x) => (ramPages.value = Math.max(1, Math.round(x / bytes)))}
      />
      <p id="at-ram">
        {t("curve.at", {size})}: A {missesText(here?.a)}, B {missesText(here?.b)}
      </p>
      <p class="quiet">{t("diff.curve_help")}</p>
    </Section>
  );
}
