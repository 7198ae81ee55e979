// Everything that is best told in tables: translation by area, the bill of forks, areas, counters,
// and how all this was measured.
import {useSignal} from "@preact/signals";
import type {ComponentChildren} from "preact";
import * as numbers from "../common/numbers";
import {type Cell, SaveButtons} from "../common/save";
import {t} from "../common/texts";
import type {ForkSite} from "./data";
import {data, isWhole, machine, window_} from "./state";
import {type AreaCounts, areasIn, type Counter, countersIn, walksIn} from "./window_counts";

export interface Column<Row> {
  head: string;
  cell: (row: Row) => ComponentChildren;
  raw: (row: Row) => Cell; // for the file
  number?: boolean;
}

const kRows = 15;

export function Table<Row>({
  id,
  title,
  rows,
  columns,
  first = kRows,
}: {
  id: string;
  title: string;
  rows: Row[];
  columns: Column<Row>[];
  first?: number; // rows that show at once
}) {
  const all = useSignal(false);
  const shown = all.value ? rows : rows.slice(0, first);
  const csv = () => [
    columns.map((c) => c.head),
    ...rows.map((row) => columns.map((c) => c.raw(row))),
  ];
  return (
    <>
      <SaveButtons name={id} title={title} exports={{csv}} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable */}
      <section class="scroll" tabIndex={0} aria-label={t("table.label", {title})}>
        <table id={id}>
          <thead>
            <tr>
              {columns.map((c) => (
                <th key={c.head} scope="col" class={c.number ? "number" : ""}>
                  {c.head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row, i) => (
              <tr key={i}>
                {columns.map((c) => (
                  <td key={c.head} class={c.number ? "number" : "name"}>
                    {c.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {rows.length > first ? (
        <button
          type="button"
          onClick={() => {
            all.value = !all.value;
          }}
        >
          {t(all.value ? "table.fewer" : "table.all", {n: rows.length})}
        </button>
      ) : null}
    </>
  );
}

export function named<Row>(head: string, of: (row: Row) => string): Column<Row> {
  return {head, cell: of, raw: of};
}
export function counted<Row>(
  head: string,
  of: (row: Row) => number,
  text: (value: number) => string = numbers.count,
): Column<Row> {
  return {head, cell: (row) => text(of(row)), raw: of, number: true};
}

export function Section({
  id,
  title,
  children,
}: {
  id: string;
  title: string;
  children: ComponentChildren;
}) {
  return (
    <section aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </section>
  );
}

// Walks of a fully associative LRU TLB, by area and page size.
export function TlbView() {
  const {meta} = data;
  const entries = useSignal(meta.area_sizes.includes(1024) ? 1024 : (meta.area_sizes[0] ?? 1));
  const at = meta.area_sizes.indexOf(entries.value);
  const sizes = meta.page_sizes;
  const ofWhole = (size: string) =>
    new Map(
      meta.areas.map((_, area) => [
        area,
        (data.doubles(`${size}.area_beyond`)[area * meta.area_sizes.length + at] ?? 0) +
          (data.doubles(`${size}.area_cold`)[area] ?? 0),
      ]),
    );
  const walks = sizes.map((size) =>
    isWhole.value ? ofWhole(size.name) : walksIn(data, size.name, at, window_.value),
  );
  const rows = [...(walks[0]?.keys() ?? [])]
    .map((area) => ({
      name: meta.areas[area] ?? t("tlb.others"),
      walks: walks.map((of) => of.get(area) ?? 0),
    }))
    .filter((row) => row.walks.some((n) => n > 0))
    .sort((a, b) => (b.walks[0] ?? 0) - (a.walks[0] ?? 0));
  type Row = (typeof rows)[number];
  const tlb = meta.report.machines[machine.value]?.tlb;
  const each = Number(tlb?.walk_references ?? 0) / Math.max(1, Number(tlb?.walks ?? 0)) || 1;
  const ns = (count: number) => (count * each * meta.walk_reference_ps) / 1000;
  return (
    <Section id="tlb" title={t("translation.title")}>
      <p>
        <label>
          {t("tlb.entries")}{" "}
          <select
            id="tlb-entries"
            value={String(entries.value)}
            onChange={(e) => (entries.value = Number(e.currentTarget.value))}
          >
            {meta.area_sizes
              .filter((size) => size <= 65_536)
              .map((size) => (
                <option key={size} value={String(size)}>
                  {numbers.count(size)}
                </option>
              ))}
          </select>
        </label>
      </p>
      <Table<Row>
        id="tlb"
        title={t("translation.title")}
        rows={rows}
        columns={[
          named(t("area.name"), (row) => row.name),
          ...sizes.map((size, i) =>
            counted<Row>(
              t("tlb.walks", {size: numbers.bytes(size.bytes)}),
              (row) => row.walks[i] ?? 0,
            ),
          ),
          counted(t("tlb.cost"), (row) => ns(row.walks[0] ?? 0), numbers.time),
        ]}
      />
      <p class="quiet">
        {t("tlb.help", {filter: numbers.count(meta.filter_pages), each: each.toFixed(2)})}{" "}
        {isWhole.value ? "" : t("table.window")}
      </p>
    </Section>
  );
}

interface CountedArea extends AreaCounts {
  name: string;
  resident: number; // at its peak in the whole run
  mapped: number;
}

// Of the machine chosen, in the window; `known`: that could be told of a part of the run.
function areasHere(): {rows: CountedArea[]; known: boolean} {
  const areas = data.meta.report.machines[machine.value]?.areas ?? [];
  const part = isWhole.value ? undefined : areasIn(data, machine.value, window_.value);
  const rows = areas.flatMap((area, i): CountedArea[] => {
    const whole = {
      touched: area.touched_pages,
      minor: area.faults.minor ?? 0,
      major: area.faults.major ?? 0,
      copied: area.faults.copy_on_write ?? 0,
      reused: area.faults.reused ?? 0,
    };
    const counts = part === undefined ? whole : part.get(i);
    if (counts === undefined) return [];
    const {resident_peak_pages: resident, mapped_peak_pages: mapped} = area;
    return [{name: area.name, resident, mapped, ...counts}];
  });
  if (part !== undefined) rows.sort((a, b) => b.touched - a.touched || b.minor - a.minor);
  return {rows, known: isWhole.value || part !== undefined};
}

function PartOfRun({known}: {known: boolean}) {
  if (isWhole.value) return null;
  return <p class="quiet">{t(known ? "table.window" : "table.too_many")}</p>;
}

const kFramesNamed = 4;

function siteName({frames}: ForkSite): string {
  const named = frames.slice(-kFramesNamed).reverse().join(" ← ");
  return frames.length > kFramesNamed ? `${named} ← …` : named;
}

/** Of the first machine and the whole run, as the replay told them. */
function ForkSites() {
  const rows = data.meta.fork_sites;
  if (rows.length === 0 || machine.value !== 0) return null;
  return (
    <>
      <p>{t("fork.writers")}</p>
      <Table<ForkSite>
        id="fork-sites"
        title={t("fork.writer")}
        rows={rows}
        columns={[
          named(t("fork.writer"), siteName),
          counted(t("fork.copied"), (site) => site.copied),
          counted(
            t("fork.bytes"),
            (site) => site.copied,
            (n) => numbers.pages(n),
          ),
          counted(t("fork.reused"), (site) => site.reused),
        ]}
      />
    </>
  );
}

export function ForkView() {
  const {rows: areas, known} = areasHere();
  const whole = data.meta.report.machines[machine.value]?.memory.forks ?? 0;
  const inPart = () =>
    Number(
      countersIn(data, machine.value, window_.value).find(([, name]) => name === "forks")?.[2] ?? 0,
    );
  const forks = isWhole.value ? whole : inPart();
  const rows = areas
    .filter((area) => area.copied + area.reused > 0)
    .sort((a, b) => b.copied - a.copied);
  return (
    <Section id="fork" title={t("fork.title")}>
      <p>
        {t(whole === 0 ? "fork.none" : isWhole.value ? "fork.count" : "fork.count_part", {
          n: numbers.count(forks),
        })}
      </p>
      {rows.length === 0 ? null : (
        <Table<CountedArea>
          id="fork"
          title={t("fork.title")}
          rows={rows}
          columns={[
            named(t("fork.site"), (area) => area.name),
            counted(t("fork.copied"), (area) => area.copied),
            counted(
              t("fork.bytes"),
              (area) => area.copied,
              (n) => numbers.pages(n),
            ),
            counted(t("fork.reused"), (area) => area.reused),
          ]}
        />
      )}
      <PartOfRun known={known} />
      <p class="quiet">{t("fork.help")}</p>
      <ForkSites />
    </Section>
  );
}

export function AreaView() {
  const {rows, known} = areasHere();
  const size = (pages: number) => numbers.pages(pages);
  const peaks = [
    counted<CountedArea>(t("area.resident"), (area) => area.resident, size),
    counted<CountedArea>(t("area.mapped"), (area) => area.mapped, size),
  ];
  return (
    <Section id="areas" title={t("area.title")}>
      <Table<CountedArea>
        id="areas"
        title={t("area.title")}
        rows={rows}
        columns={[
          named(t("area.name"), (area) => area.name),
          counted(t("area.touched"), (area) => area.touched, size),
          ...(known && !isWhole.value ? [] : peaks),
          counted(t("area.minor"), (area) => area.minor),
          counted(t("area.major"), (area) => area.major),
        ]}
      />
      <PartOfRun known={known} />
    </Section>
  );
}

function counters(): Counter[] {
  if (!isWhole.value) return countersIn(data, machine.value, window_.value);
  const one = data.meta.report.machines[machine.value];
  if (one === undefined) return [];
  const groups = {
    faults: one.faults,
    memory: one.memory,
    reclaim: one.reclaim,
    tlb: one.tlb,
    time: one.time,
    config: one.config,
  };
  return Object.entries(groups).flatMap(([group, values]) =>
    Object.entries(values).map(([name, value]): Counter => [group, name, value]),
  );
}

export function CounterView() {
  const text = ([, , value]: Counter) =>
    typeof value === "number"
      ? Number.isInteger(value)
        ? numbers.count(value)
        : value.toPrecision(6)
      : String(value);
  return (
    <Section id="counters" title={t("counter.title")}>
      <Table<Counter>
        id="counters"
        title={t("counter.title")}
        rows={counters()}
        columns={[
          named(t("counter.group"), (c) => c[0]),
          named(t("counter.name"), (c) => c[1]),
          {head: t("counter.value"), cell: text, raw: (c) => String(c[2]), number: true},
        ]}
      />
      {isWhole.value ? null : <p class="quiet">{t("counter.window")}</p>}
    </Section>
  );
}

export function MeasuredView() {
  const {meta} = data;
  const {recording} = meta.report;
  const sample = meta.samples["4k"];
  const lines: [string, string][] = [
    [t("how.command"), recording.command.join(" ")],
    [t("how.recorder"), `${recording.recorder}, --detail ${recording.detail}`],
    [t("how.exactness"), recording.exactness],
    [t("how.assumed"), numbers.count(meta.inferred)],
    [
      t("how.time"),
      t("how.bins", {bins: meta.bins, each: numbers.short(meta.references / meta.bins)}),
    ],
  ];
  if (sample !== undefined) {
    lines.push([
      t("how.sample"),
      t("how.sample_text", {
        pages: numbers.count(sample.pages),
        all: numbers.count(sample.all_pages),
        rate: numbers.percent(sample.rate),
      }),
    ]);
  }
  if (recording.exit_status !== null) lines.push([t("how.exit"), String(recording.exit_status)]);
  if (recording.redacted) lines.push([t("how.redacted"), t("how.yes")]);
  return (
    <Section id="how" title={t("how.title")}>
      <table>
        <tbody>
          {lines.map(([head, text]) => (
            <tr key={head}>
              <th scope="row">{head}</th>
              <td class="name">{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {recording.losses.length === 0 ? null : (
        <>
          <h3>{t("how.losses")}</h3>
          <ul>
            {recording.losses.map((loss) => (
              <li key={loss.offset}>{loss.what}</li>
            ))}
          </ul>
        </>
      )}
      <p class="quiet">{t("how.help")}</p>
    </Section>
  );
}
