// What happened when: working set with phases, faults by kind. All over the chosen window.
import {Chart, type Line} from "../common/chart";
import * as numbers from "../common/numbers";
import {type TextKey, t} from "../common/texts";
import {data, machine, referenceOf, selectReferences, window_} from "./state";

function slice(values: ArrayLike<number>): number[] {
  const {begin, end} = window_.value;
  return Array.prototype.slice.call(values, begin, end) as number[];
}

// References at the middle of each bin of the window.
function times(): number[] {
  const {begin, end} = window_.value;
  return Array.from({length: end - begin}, (_, i) => referenceOf(begin + i + 0.5));
}

const common = {
  xText: (value: number) => numbers.short(value),
  sync: "time",
  onSelect: selectReferences,
};

export function WorkingSetView() {
  const {meta} = data;
  const lines: Line[] = meta.working_set.taus.map((tau, i) => ({
    label: t("ws.tau", {tau: numbers.short(tau)}),
    color: `--series-${i + 1}`,
    values: slice(data.words(`working_set.${i}`)).map((pages) => pages * 4096),
  }));
  const series = `series.${machine.value}.resident`;
  if (data.has(series)) {
    lines.push({
      label: t("ws.resident"),
      color: "--series-7",
      dash: [5, 4],
      values: slice(data.doubles(series)).map((pages) => pages * 4096),
    });
  }
  const bands = meta.phases.list.map(([from, to, , transition], i) => ({
    from,
    to,
    color: transition ? "--ground" : i % 2 === 0 ? "--series-1" : "--series-3",
  }));
  const stable = meta.phases.list.filter(([, , , transition]) => !transition).length;
  const title = t("ws.title");
  return (
    <section aria-labelledby="ws-title">
      <h2 id="ws-title">{title}</h2>
      <Chart
        {...common}
        name="working-set"
        title={title}
        summary={lines
          .map((l) => `${l.label}: ${numbers.bytes(Math.max(0, ...(l.values as number[])))}`)
          .join(", ")}
        x={times()}
        lines={lines}
        yText={(value) => numbers.bytes(value)}
        bytesY
        xLabel={t("time.references")}
        yLabel={t("ws.size")}
        bands={bands}
      />
      <p class="quiet">
        {t("ws.phases", {
          count: meta.phases.list.length === 0 ? meta.phases.count : stable,
          window: numbers.short(meta.phases.window),
        })}{" "}
        {meta.working_set.exact ? "" : t("ws.filter", {filter: numbers.count(meta.filter_pages)})}
      </p>
    </section>
  );
}

const kKinds: [string, TextKey][] = [
  ["anonymous", "fault.anonymous"],
  ["zero_page", "fault.zero_page"],
  ["file_mapped", "fault.file_mapped"],
  ["copy_on_write", "fault.copy_on_write"],
  ["write_notify", "fault.write_notify"],
  ["swap_in", "fault.swap_in"],
  ["swapped_out", "fault.swapped_out"],
];

export function FaultView() {
  const found = kKinds.flatMap(([kind, key], i): Line[] => {
    const name = `series.${machine.value}.${kind}`;
    if (!data.has(name)) return [];
    const whole = data.doubles(name);
    if (!whole.some((v) => v > 0)) return [];
    return [{label: t(key), color: `--series-${(i % 8) + 1}`, values: slice(whole)}];
  });
  const title = t("fault.title");
  const sum = (line: Line) => line.values.reduce<number>((all, v) => all + (v ?? 0), 0);
  const totals = found.map((line) => `${line.label}: ${numbers.count(sum(line))}`).join(", ");
  return (
    <section aria-labelledby="fault-title">
      <h2 id="fault-title">{title}</h2>
      {data.meta.series.length > 1 ? (
        <label>
          {t("fault.machine")}{" "}
          <select
            id="machine"
            value={String(machine.value)}
            onChange={(e) => (machine.value = Number(e.currentTarget.value))}
          >
            {data.meta.series.map((label, i) => (
              <option key={label} value={String(i)}>
                {label}
              </option>
            ))}
          </select>
        </label>
      ) : null}
      {found.length === 0 ? (
        <p>{t("fault.none")}</p>
      ) : (
        <Chart
          {...common}
          name="faults-over-time"
          title={title}
          summary={totals}
          x={times()}
          lines={found}
          stacked
          yText={(value) => numbers.short(value)}
          xLabel={t("time.references")}
          yLabel={t("fault.per_bin")}
        />
      )}
      <p>{totals}</p>
    </section>
  );
}
