// Two recordings on the same machine, side by side: what changed, and where.
import {Chart, type Line} from "../common/chart";
import type {Core} from "../common/core";
import {Frame} from "../common/frame";
import * as numbers from "../common/numbers";
import {type TextKey, t} from "../common/texts";
import {DiffCurves, followDiffCurves} from "./diff_curves";
import {type Both, bothOf, type Change, type Figure, type Side} from "./diff_data";
import {DiffFlame} from "./diff_flame";
import {counted, named, Section, Table} from "./tables";

let both: Both;

// True if the page is about two recordings; call before anything is shown.
export function startDiff(core: Core, block: Uint8Array): boolean {
  const found = bothOf(core, block);
  if (found === undefined) return false;
  both = found;
  followDiffCurves(both);
  return true;
}

export function changeText(a: number, b: number): string {
  if (a === b) return "=";
  if (a === 0) return t("diff.new");
  if (b === 0) return t("diff.gone");
  const sign = b > a ? "+" : "−";
  return `${sign}${numbers.percent(Math.abs(b - a) / a)}`;
}

function valueText(value: number, unit: Figure["unit"]): string {
  if (unit === "pages") return numbers.pages(value);
  if (unit === "ns") return numbers.time(value);
  return unit === "ratio" ? numbers.percent(value) : numbers.count(value);
}

function differenceText(a: number, b: number, unit: Figure["unit"]): string {
  if (a === b) return "=";
  return `${b > a ? "+" : "−"}${valueText(Math.abs(b - a), unit)}`;
}

function commandOf({data}: Side): string {
  return data.meta.report.recording.command.join(" ");
}

function figure(key: string): {a: number; b: number} {
  return both.meta.figures.find((one) => one.key === key) ?? {a: 0, b: 0};
}

function Answer() {
  const needs = figure("slowdown_pages");
  const faults = figure("faults");
  const peak = figure("resident_peak_pages");
  const percent = both.a.data.meta.report.need?.slowdown_percent ?? 5;
  const key: TextKey =
    needs.a === needs.b ? "diff.same" : needs.b > needs.a ? "diff.more" : "diff.less";
  return (
    <section class="answer" aria-labelledby="answer-title">
      <h2 id="answer-title">{t("diff.answer")}</h2>
      <p class="big">
        {t(key, {
          size: numbers.pages(Math.abs(needs.b - needs.a)),
          a: numbers.pages(needs.a),
          b: numbers.pages(needs.b),
          percent: numbers.percent(percent / 100),
        })}
      </p>
      <p>
        {t("diff.faults", {
          a: numbers.count(faults.a),
          b: numbers.count(faults.b),
          change: changeText(faults.a, faults.b),
        })}{" "}
        {t("diff.peak", {
          a: numbers.pages(peak.a),
          b: numbers.pages(peak.b),
          change: changeText(peak.a, peak.b),
        })}
      </p>
      <dl class="sides">
        <dt>A</dt>
        <dd>
          <code>{both.meta.files[0]}</code> <span class="quiet">{commandOf(both.a)}</span>
        </dd>
        <dt>B</dt>
        <dd>
          <code>{both.meta.files[1]}</code> <span class="quiet">{commandOf(both.b)}</span>
        </dd>
      </dl>
    </section>
  );
}

function Figures() {
  const rows = both.meta.figures.filter((one) => one.a !== 0 || one.b !== 0);
  const title = t("diff.figures");
  const text = (one: Figure, key: "a" | "b") => valueText(one[key], one.unit);
  return (
    <Section id="figures" title={title}>
      <Table<Figure>
        id="figures"
        title={title}
        rows={rows}
        first={rows.length}
        columns={[
          named(t("counter.name"), (one) => t(`figure.${one.key}` as TextKey)),
          {head: "A", cell: (one) => text(one, "a"), raw: (one) => one.a, number: true},
          {head: "B", cell: (one) => text(one, "b"), raw: (one) => one.b, number: true},
          {
            head: t("diff.difference"),
            cell: (one) => differenceText(one.a, one.b, one.unit),
            raw: (one) => one.b - one.a,
            number: true,
          },
          {
            head: t("diff.of_a"),
            cell: (one) => changeText(one.a, one.b),
            raw: (one) => (one.a === 0 ? "" : (one.b - one.a) / one.a),
            number: true,
          },
        ]}
      />
    </Section>
  );
}

// Both runs on one axis: the part of its own references that each has done.
function WorkingSets() {
  const kPoints = 256;
  const x = Array.from({length: kPoints}, (_, i) => (100 * (i + 0.5)) / kPoints);
  const sampled = (values: ArrayLike<number>) =>
    x.map((_, i) => {
      const at = Math.floor(((i + 0.5) / kPoints) * values.length);
      return (values[at] ?? 0) * 4096;
    });
  const lines: Line[] = [];
  for (const [name, side, color] of [
    ["A", both.a, "--series-1"],
    ["B", both.b, "--series-2"],
  ] as const) {
    const {taus} = side.data.meta.working_set;
    const last = taus.length - 1;
    lines.push({
      label: `${name}: ${t("ws.tau", {tau: numbers.short(taus[last] ?? 0)})}`,
      color,
      values: sampled(side.data.words(`working_set.${last}`)),
    });
    if (!side.data.has("series.0.resident")) continue;
    lines.push({
      label: `${name}: ${t("ws.resident")}`,
      color,
      dash: [5, 4],
      values: sampled(side.data.doubles("series.0.resident")),
    });
  }
  const title = t("ws.title");
  return (
    <Section id="ws" title={title}>
      <Chart
        name="working-sets"
        title={title}
        summary={lines
          .map((l) => `${l.label}: ${numbers.bytes(Math.max(0, ...(l.values as number[])))}`)
          .join(", ")}
        x={x}
        lines={lines}
        xText={(value) => `${Math.round(value)} %`}
        yText={(value) => numbers.bytes(value)}
        bytesY
        xLabel={t("diff.part")}
        yLabel={t("ws.size")}
      />
      <p class="quiet">{t("diff.part_help")}</p>
    </Section>
  );
}

const kAll = {faults: 0, major: 0, touched_pages: 0, resident_peak_pages: 0};

function Changes({
  id,
  title,
  head,
  rows,
  all,
}: {
  id: string;
  title: string;
  head: string;
  rows: Change[];
  all: number;
}) {
  const of = (row: Change, side: "a" | "b", key: keyof typeof kAll) => (row[side] ?? kAll)[key];
  const pair = (head: TextKey, key: keyof typeof kAll, text: (value: number) => string) => [
    counted<Change>(`${t(head)}, A`, (row) => of(row, "a", key), text),
    counted<Change>(`${t(head)}, B`, (row) => of(row, "b", key), text),
    {
      head: `${t(head)}: ${t("diff.difference")}`,
      cell: (row: Change) => changeText(of(row, "a", key), of(row, "b", key)),
      raw: (row: Change) => of(row, "b", key) - of(row, "a", key),
      number: true,
    },
  ];
  return (
    <Section id={id} title={title}>
      <Table<Change>
        id={id}
        title={title}
        rows={rows}
        columns={[
          named(head, (row) =>
            row.name_b === undefined ? row.name : `${row.name} → ${row.name_b}`,
          ),
          ...pair("diff.faults_head", "faults", numbers.count),
          ...pair("area.touched", "touched_pages", numbers.pages),
        ]}
      />
      {all > rows.length ? (
        <p class="quiet">{t("diff.listed", {n: rows.length, all: numbers.count(all)})}</p>
      ) : null}
    </Section>
  );
}

function Measured() {
  const lines = (side: Side): [string, string][] => {
    const {recording} = side.data.meta.report;
    return [
      [t("how.command"), commandOf(side)],
      [t("how.recorder"), `${recording.recorder}, --detail ${recording.detail}`],
      [t("how.exactness"), recording.exactness],
    ];
  };
  const [a, b] = [lines(both.a), lines(both.b)];
  return (
    <Section id="how" title={t("how.title")}>
      <table>
        <thead>
          <tr>
            <td />
            <th scope="col">A</th>
            <th scope="col">B</th>
          </tr>
        </thead>
        <tbody>
          {a.map(([head, text], i) => (
            <tr key={head}>
              <th scope="row">{head}</th>
              <td class="name">{text}</td>
              <td class="name">{b[i]?.[1]}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {both.meta.notes.length > 0 ? (
        <ul class="notes">
          {both.meta.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      ) : null}
      <p class="quiet">{t("how.help")}</p>
    </Section>
  );
}

const kParts: [string, TextKey][] = [
  ["figures-title", "diff.figures"],
  ["curve-title", "curve.title"],
  ["ws-title", "ws.title"],
  ["flame-title", "diff.flame"],
  ["areas-title", "area.title"],
  ["sites-title", "diff.sites"],
  ["how-title", "how.title"],
];

export function DiffReport() {
  const {meta} = both;
  return (
    <Frame title="diff.title" what={`${meta.files[0]} → ${meta.files[1]}`}>
      <Answer />
      <nav class="parts" aria-label={t("report.sections")}>
        <ul>
          {kParts.map(([id, key]) => (
            <li key={id}>
              <a href={`#${id}`}>{t(key)}</a>
            </li>
          ))}
        </ul>
      </nav>
      <Figures />
      <DiffCurves both={both} />
      <WorkingSets />
      <DiffFlame both={both} />
      <Changes
        id="areas"
        title={t("area.title")}
        head={t("area.name")}
        rows={meta.areas}
        all={meta.areas_in_all}
      />
      <Changes
        id="sites"
        title={t("diff.sites")}
        head={t("diff.site")}
        rows={meta.call_sites}
        all={meta.call_sites_in_all}
      />
      <Measured />
    </Frame>
  );
}
