// Faults by size of RAM, for each policy chosen; the slider's RAM told in numbers.
import {signal} from "@preact/signals";
import {Chart, type Line} from "../common/chart";
import * as numbers from "../common/numbers";
import {t} from "../common/texts";
import {atRam, atRamBusy, curves} from "./curves";
import type {Misses} from "./model";
import {slowdown} from "./model";
import {
  baseNs,
  chosenPolicies,
  colorOfPolicy,
  data,
  device,
  faultNs,
  isWhole,
  kSmallPage,
  model,
  pageBytes,
  ramInPages,
  ramPages,
  sizeSlot,
} from "./state";

type Metric = "faults" | "slowdown";
const metric = signal<Metric>("faults");

function metricOf(misses: Misses | undefined, cold: number): number | null {
  if (misses === undefined || misses.value < 0) return null;
  if (metric.value === "faults") return Math.max(misses.value, 0);
  return slowdown(misses.value, cold, baseNs.value, faultNs.value);
}

function lines(): Line[] {
  const {points, cold} = curves.value;
  return [...points].map(([name, row]) => ({
    label: name,
    color: colorOfPolicy(name),
    values: row.map((misses) => metricOf(misses, cold.value)),
    ...(name === "opt" ? {dash: [6, 4]} : {}),
    error: row.map((misses) => (misses && misses.value >= 0 ? misses.error : null)),
  }));
}

function metricText(value: number): string {
  return metric.value === "faults" ? numbers.short(value) : numbers.times(value);
}

function summary(): string {
  const {cold} = curves.value;
  const here = [...atRam.value].map(([name, misses]) => {
    const value = metricOf(misses, cold.value);
    return `${name}: ${value === null ? t("curve.unknown") : metricText(value)}`;
  });
  const size = numbers.bytes(ramInPages.value * pageBytes());
  return `${t("curve.at", {size})}: ${here.join(", ")}`;
}

// The slider's positions are evenly spaced in the logarithm of the size.
const kSteps = 400;

function Sliders() {
  const {sizes} = curves.value;
  const low = ((sizes[0] ?? 1) * pageBytes()) / kSmallPage;
  const high = Math.max(low + 1, ((sizes[sizes.length - 1] ?? 2) * pageBytes()) / kSmallPage);
  const clamped = Math.min(Math.max(ramPages.value, low), high);
  const at = Math.round((Math.log(clamped / low) / Math.log(high / low)) * kSteps);
  const {meta} = data;
  return (
    <div class="sliders">
      <label class="wide">
        {t("curve.ram")} <output id="ram-text">{numbers.bytes(ramPages.value * kSmallPage)}</output>
        <input
          id="ram"
          type="range"
          min={0}
          max={kSteps}
          value={at}
          aria-valuetext={numbers.bytes(ramPages.value * kSmallPage)}
          onInput={(e) => {
            const position = Number(e.currentTarget.value) / kSteps;
            ramPages.value = Math.round(low * (high / low) ** position);
          }}
        />
      </label>
      <label>
        {t("curve.page_size")}{" "}
        <select
          id="page-size"
          value={String(sizeSlot.value)}
          onChange={(e) => (sizeSlot.value = Number(e.currentTarget.value))}
        >
          {meta.page_sizes.map((size, i) => (
            <option key={size.name} value={String(i)}>
              {numbers.bytes(size.bytes)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("curve.device")}{" "}
        <select
          id="device"
          value={String(device.value)}
          onChange={(e) => (device.value = Number(e.currentTarget.value))}
        >
          {meta.devices.map((d, i) => (
            <option key={d.name} value={String(i)}>
              {d.name} ({numbers.time(d.fault_ns)})
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("curve.metric")}{" "}
        <select
          id="metric"
          value={metric.value}
          onChange={(e) => (metric.value = e.currentTarget.value as Metric)}
        >
          <option value="faults">{t("curve.faults")}</option>
          <option value="slowdown">{t("curve.slowdown")}</option>
        </select>
      </label>
    </div>
  );
}

function Policies() {
  return (
    <fieldset class="policies">
      <legend>{t("curve.policies")}</legend>
      {model.policies.map((name) => {
        const on = chosenPolicies.value.includes(name);
        const toggle = () => {
          chosenPolicies.value = on
            ? chosenPolicies.value.filter((other) => other !== name)
            : [...chosenPolicies.value, name];
        };
        return (
          <label key={name} class="policy">
            <input type="checkbox" checked={on} onChange={toggle} />
            {name}
          </label>
        );
      })}
    </fieldset>
  );
}

function Numbers() {
  const {cold} = curves.value;
  return (
    <table id="at-ram" aria-busy={atRamBusy.value}>
      <caption>{t("curve.at", {size: numbers.bytes(ramInPages.value * pageBytes())})}</caption>
      <thead>
        <tr>
          <th scope="col">{t("curve.policy")}</th>
          <th scope="col" class="number">
            {t("curve.faults")}
          </th>
          <th scope="col" class="number">
            {t("curve.error")}
          </th>
          <th scope="col" class="number">
            {t("curve.slowdown")}
          </th>
        </tr>
      </thead>
      <tbody>
        {[...atRam.value].map(([name, {value, error}]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td class="number">
              {value < 0 ? t("curve.unknown") : numbers.count(Math.round(value))}
            </td>
            <td class="number">
              {value < 0
                ? ""
                : error > 0
                  ? `± ${numbers.short(Math.ceil(error))}`
                  : t("curve.exact")}
            </td>
            <td class="number">
              {value < 0
                ? ""
                : numbers.times(slowdown(value, cold.value, baseNs.value, faultNs.value))}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Exactness() {
  const name = data.meta.page_sizes[sizeSlot.value]?.name ?? "";
  const facts = data.meta.samples[name];
  if (facts === undefined) return null;
  const whole = facts.rate === 1;
  const values = {
    rate: numbers.percent(facts.rate),
    pages: numbers.count(facts.pages),
    filter: numbers.count(data.meta.filter_pages),
  };
  return (
    <p class="quiet">
      {t(whole ? "curve.whole" : "curve.sample", values)}{" "}
      {data.meta.filter_pages > 1 ? t("curve.filter", values) : ""}{" "}
      {isWhole.value ? "" : t("curve.window")}
    </p>
  );
}

export function CurveView() {
  const {sizes, done} = curves.value;
  const title = t("curve.title");
  return (
    <section aria-labelledby="curve-title" aria-busy={!done}>
      <h2 id="curve-title">{title}</h2>
      <Sliders />
      <Chart
        name="faults-by-ram"
        title={title}
        summary={summary()}
        x={sizes.map((size) => size * pageBytes())}
        lines={lines()}
        xText={(value) => numbers.bytes(value)}
        yText={metricText}
        xLabel={t("curve.ram")}
        yLabel={t(metric.value === "faults" ? "curve.faults" : "curve.slowdown")}
        logX
        logY
        height={320}
        marks={[
          {x: ramInPages.value * pageBytes(), label: numbers.bytes(ramInPages.value * pageBytes())},
        ]}
        onPick={(x) => (ramPages.value = Math.max(1, Math.round(x / kSmallPage)))}
      />
      <Numbers />
      <Policies />
      <Exactness />
    </section>
  );
}
