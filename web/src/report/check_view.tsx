// What the kernel counted beside what was predicted: the report of `pagewright check`, where the
// page was made with one.
import * as numbers from "../common/numbers";
import {t} from "../common/texts";
import type {CheckFigure, CheckRow} from "./data";
import {data} from "./state";
import {type Column, named, Section, Table} from "./tables";

type Row = CheckFigure & {limit: string};

const kInBytes = new Set(["peak_resident", "peak_group"]);
const kInSeconds = new Set(["seconds", "cpu_seconds"]);

function figure(row: Row, value: number | null): string {
  if (value === null) return "–";
  if (kInBytes.has(row.name)) return numbers.bytes(value);
  if (kInSeconds.has(row.name)) return numbers.time(value * 1e9);
  return row.name === "slowdown" ? value.toFixed(2) : numbers.count(Math.round(value));
}

function limitOf(row: CheckRow): string {
  if (row.limit_bytes === 0) return t("check.no_limit");
  return `${numbers.bytes(row.limit_bytes)} (${row.limit_percent.toFixed(0)} %)`;
}

function verdict(row: Row): string {
  if (row.within === null) return t("check.no_bar");
  return t(row.within ? "check.within" : "check.beyond");
}

function spread(row: Row): string {
  const {median, low, high} = row.measured;
  return median > 0 ? numbers.percent((high - low) / median) : "–";
}

// Figures that were nothing, and were to be nothing, are left out.
function rowsOf(rows: CheckRow[]): Row[] {
  return rows.flatMap((row) =>
    row.figures
      .filter((f) => f.measured.median > 0 || (f.predicted ?? 0) > 0)
      .map((f) => ({...f, limit: limitOf(row)})),
  );
}

const raw = (head: string, cell: (row: Row) => string, of: (row: Row) => number): Column<Row> => ({
  head,
  cell,
  raw: of,
  number: true,
});

export function CheckView() {
  const {check} = data.meta.report;
  if (check === null) return null;
  return (
    <Section id="check" title={t("check.title")}>
      <p>{t("check.where", {kernel: check.kernel, swap: check.knobs.swap})}</p>
      <Table<Row>
        id="check"
        title={t("check.title")}
        rows={rowsOf(check.rows)}
        columns={[
          named(t("check.limit"), (row) => row.limit),
          named(t("check.figure"), (row) => row.label),
          raw(
            t("check.predicted"),
            (row) => figure(row, row.predicted),
            (row) => row.predicted ?? Number.NaN,
          ),
          raw(
            t("check.measured"),
            (row) => figure(row, row.measured.median),
            (row) => row.measured.median,
          ),
          named(t("check.spread"), spread),
          named(t("check.error"), (row) =>
            row.error === null ? "–" : `${row.error > 0 ? "+" : ""}${numbers.percent(row.error)}`,
          ),
          named(t("check.verdict"), verdict),
        ]}
      />
      {check.notes.map((note) => (
        <p key={note} class="quiet">
          {note}
        </p>
      ))}
    </Section>
  );
}
