// Which addresses were in use when: a canvas of rows (addresses) by bins (time).
import {useSignal} from "@preact/signals";
import {interpolateCividis} from "d3-scale-chromatic";
import {useEffect, useRef} from "preact/hooks";
import {colorOf} from "../common/chart";
import * as numbers from "../common/numbers";
import {type Cell, SaveButtons} from "../common/save";
import {theme} from "../common/settings";
import {escapeXml} from "../common/svg";
import {t} from "../common/texts";
import {data, referenceOf, selectWindow, window_} from "./state";

// Room for the names of areas, in CSS pixels.
const kLeft = 190;
const kPhone = 500;
const leftOf = (width: number) => (width < kPhone ? 96 : kLeft);
const lettersOf = (left: number) => Math.floor(left / 7.3);
const kRowHeight = 3;
const kLeastLined = 6; // rows of an area that has a line above it
const kLeastName = 12; // an area's name stands only where it has that much room

export interface Row {
  pid: number;
  area: string;
  mixed: number; // areas in it
  begin: number; // pages
  end: number;
  pages: number;
}

export function rowsOf(): Row[] {
  const pid = data.words("heat.pid");
  const area = data.words("heat.area");
  const mixed = data.words("heat.areas");
  const pages = data.words("heat.pages");
  const begin = data.doubles("heat.begin");
  const end = data.doubles("heat.end");
  return Array.from(pid, (p, i) => ({
    pid: p,
    area: data.meta.areas[area[i] ?? 0] ?? "?",
    mixed: mixed[i] ?? 1,
    begin: begin[i] ?? 0,
    end: end[i] ?? 0,
    pages: pages[i] ?? 0,
  }));
}

// Rows of one area and process that follow each other: [first, after the last).
export function runsOf(rows: Row[]): [number, number][] {
  const runs: [number, number][] = [];
  rows.forEach((row, i) => {
    const last = runs[runs.length - 1];
    const before = rows[i - 1];
    const same =
      before !== undefined &&
      before.area === row.area &&
      before.pid === row.pid &&
      before.mixed === 1 &&
      row.mixed === 1;
    if (same && last !== undefined) last[1] = i + 1;
    else runs.push([i, i + 1]);
  });
  return runs;
}

export function shortName(name: string, most: number): string {
  const file = name.startsWith("/") ? name.slice(name.lastIndexOf("/") + 1) : name;
  return file.length <= most ? file : `${file.slice(0, most - 1)}…`;
}

const kColors: [number, number, number][] = Array.from({length: 256}, (_, i) => {
  const parts = interpolateCividis(0.12 + (0.88 * i) / 255).match(/\d+/g) ?? [];
  return [Number(parts[0]), Number(parts[1]), Number(parts[2])];
});

// The cells of the window as an image of one pixel each.
function imageOf(rows: number, cells: Uint8Array, bins: number): ImageData | null {
  const {begin, end} = window_.value;
  if (rows === 0) return null;
  const image = new ImageData(end - begin, rows);
  const ground = colorOf("--ground").match(/[0-9a-f]{2}/gi) ?? ["ff", "ff", "ff"];
  const empty = ground.map((part) => Number.parseInt(part, 16));
  for (let row = 0; row < rows; ++row) {
    for (let bin = begin; bin < end; ++bin) {
      const value = cells[row * bins + bin] ?? 0;
      const color = value === 0 ? empty : kColors[value];
      const at = 4 * (row * (end - begin) + bin - begin);
      image.data[at] = color?.[0] ?? 0;
      image.data[at + 1] = color?.[1] ?? 0;
      image.data[at + 2] = color?.[2] ?? 0;
      image.data[at + 3] = 255;
    }
  }
  return image;
}

// Where the name of a run of rows stands; the last one is not cut off.
function middleOf(first: number, end: number, rows: number): number {
  return Math.min(((first + end) / 2) * kRowHeight, rows * kRowHeight - kLeastName / 2);
}

function canvasOf(image: ImageData): HTMLCanvasElement {
  const cells = document.createElement("canvas");
  cells.width = image.width;
  cells.height = image.height;
  cells.getContext("2d")?.putImageData(image, 0, 0);
  return cells;
}

// The cells as an image in it, the names of areas as text.
function svgText(rows: Row[], title: string): string {
  const image = imageOf(rows.length, data.bytes("heat.cells"), data.meta.bins);
  const height = rows.length * kRowHeight;
  const kTop = 30;
  const kWidth = 900;
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${kWidth}" height="${kTop + height}" ` +
      `font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="4" y="18" font-size="15">${escapeXml(title)}</text>`,
  ];
  if (image !== null) {
    out.push(
      `<image x="${kLeft}" y="${kTop}" width="${kWidth - kLeft}" height="${height}" ` +
        `preserveAspectRatio="none" style="image-rendering:pixelated" ` +
        `href="${canvasOf(image).toDataURL("image/png")}"/>`,
    );
  }
  let free = 0;
  for (const [first, end] of runsOf(rows)) {
    const row = rows[first];
    const middle = middleOf(first, end, rows.length);
    if (row === undefined || middle - kLeastName / 2 < free) continue;
    const name = shortName(row.area, 26) + (row.mixed > 1 ? ` +${row.mixed - 1}` : "");
    out.push(`<text x="4" y="${(kTop + middle + 4).toFixed(1)}">${escapeXml(name)}</text>`);
    free = middle + kLeastName / 2;
  }
  out.push("</svg>");
  return out.join("\n");
}

function draw(canvas: HTMLCanvasElement, rows: Row[], width: number): void {
  const scale = devicePixelRatio;
  const height = rows.length * kRowHeight;
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  const image = imageOf(rows.length, data.bytes("heat.cells"), data.meta.bins);
  if (context === null || image === null) return;
  context.fillStyle = colorOf("--panel");
  context.fillRect(0, 0, canvas.width, canvas.height);
  const cells = canvasOf(image);
  context.imageSmoothingEnabled = false;
  const room = leftOf(width);
  const left = room * scale;
  context.drawImage(cells, left, 0, canvas.width - left, canvas.height);
  context.font = `${11 * scale}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const runs = runsOf(rows);
  context.fillStyle = colorOf("--edge");
  for (const [first, end] of runs) {
    // Right across only where it does not hide what it parts.
    const length = end - first >= kLeastLined ? canvas.width : left - 4 * scale;
    context.fillRect(0, first * kRowHeight * scale, length, 1);
  }
  let free = 0;
  for (const [first, end] of runs) {
    const row = rows[first];
    const middle = middleOf(first, end, rows.length) * scale;
    if (row === undefined || middle - (kLeastName * scale) / 2 < free) continue;
    context.fillStyle = colorOf("--panel");
    context.fillRect(0, middle - 6 * scale, left - 4 * scale, 12 * scale);
    context.fillStyle = colorOf("--ink");
    const more = row.mixed > 1 ? ` +${row.mixed - 1}` : "";
    const name = shortName(row.area, lettersOf(room) - more.length) + more;
    context.fillText(name, 4 * scale, middle, left - 8 * scale);
    free = middle + (kLeastName * scale) / 2;
  }
}

function csvRows(rows: Row[]): Cell[][] {
  const {begin, end} = window_.value;
  const cells = data.bytes("heat.cells");
  const head: Cell[] = ["pid", "area", "from", "to", "pages"];
  for (let bin = begin; bin < end; ++bin) head.push(Math.round(referenceOf(bin)));
  const body = rows.map((row, i): Cell[] => [
    row.pid,
    row.area,
    numbers.hex(BigInt(row.begin) * 4096n),
    numbers.hex(BigInt(row.end) * 4096n),
    row.pages,
    ...Array.from(cells.subarray(i * data.meta.bins + begin, i * data.meta.bins + end), (v) =>
      Math.round((v / 255) * row.pages),
    ),
  ]);
  return [head, ...body];
}

export function HeatView() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  const told = useSignal("");
  const drag = useSignal<{from: number; to: number} | null>(null);
  const rows = useRef<Row[]>([]);
  if (rows.current.length === 0) rows.current = rowsOf();
  const window = window_.value;

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const watcher = new ResizeObserver(() => {
      width.value = element.clientWidth;
    });
    width.value = element.clientWidth;
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);
  const wide = width.value;
  const colors = theme.value;
  useEffect(() => {
    if (canvas.current !== null && wide > leftOf(wide)) draw(canvas.current, rows.current, wide);
  }, [wide, window, colors]);

  const binAt = (event: MouseEvent): number => {
    const box = canvas.current?.getBoundingClientRect();
    if (box === undefined) return window.begin;
    const left = leftOf(wide);
    const part = (event.clientX - box.left - left) / (box.width - left);
    return window.begin + Math.min(Math.max(part, 0), 1) * (window.end - window.begin);
  };
  const tell = (event: MouseEvent) => {
    const box = canvas.current?.getBoundingClientRect();
    if (box === undefined) return;
    const index = Math.floor((event.clientY - box.top) / kRowHeight);
    const row = rows.current[index];
    if (row === undefined) return;
    const bin = Math.min(Math.floor(binAt(event)), data.meta.bins - 1);
    const value = data.bytes("heat.cells")[index * data.meta.bins + bin] ?? 0;
    told.value = t("heat.cell", {
      area: row.area,
      pid: row.pid,
      from: numbers.hex(BigInt(row.begin) * 4096n),
      to: numbers.hex(BigInt(row.end) * 4096n),
      used: numbers.count(Math.round((value / 255) * row.pages)),
      pages: numbers.count(row.pages),
      time: numbers.short(referenceOf(bin)),
    });
    if (drag.value !== null) drag.value = {...drag.value, to: binAt(event)};
  };
  const finish = () => {
    const chosen = drag.value;
    drag.value = null;
    if (chosen === null || Math.abs(chosen.to - chosen.from) < 1) return;
    selectWindow(Math.min(chosen.from, chosen.to), Math.max(chosen.from, chosen.to));
  };
  const left = (bin: number) => {
    const part = (bin - window.begin) / (window.end - window.begin);
    return leftOf(wide) + part * (wide - leftOf(wide));
  };
  const title = t("heat.title");
  return (
    <section aria-labelledby="heat-title">
      <div class="row">
        <h2 id="heat-title">{title}</h2>
        <SaveButtons
          name="heat-map"
          title={title}
          exports={{
            csv: () => csvRows(rows.current),
            svg: () => svgText(rows.current, title),
            png: () => canvas.current,
          }}
        />
      </div>
      <p class="quiet">{t("heat.help")}</p>
      <div ref={place} class="heat">
        <canvas
          ref={canvas}
          role="img"
          aria-label={t("heat.label", {
            rows: rows.current.length,
            areas: runsOf(rows.current).length,
          })}
          onMouseMove={tell}
          onMouseDown={(e) => {
            drag.value = {from: binAt(e), to: binAt(e)};
          }}
          onMouseUp={finish}
          onMouseLeave={finish}
        />
        {drag.value === null ? null : (
          <div
            class="brush"
            style={{
              left: `${Math.min(left(drag.value.from), left(drag.value.to))}px`,
              width: `${Math.abs(left(drag.value.to) - left(drag.value.from))}px`,
            }}
          />
        )}
      </div>
      <p class="told">{told.value}</p>
    </section>
  );
}
