// Saving what a view shows: CSV, SVG, PNG. Files are made in the page; nothing leaves it.
import {type TextKey, t} from "./texts";

export function saveFile(name: string, content: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([content], {type}));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export type Cell = string | number;

// RFC 4180. A cell that a spreadsheet would take for a formula is marked as text.
export function csvOf(rows: Cell[][]): string {
  const cell = (value: Cell) => {
    if (typeof value === "number") return String(value);
    const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

export function pngOf(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no image"))), "image/png");
  });
}

export interface Exports {
  csv?: () => Cell[][];
  svg?: () => string;
  png?: () => HTMLCanvasElement | null | undefined;
}

// The buttons of a view called `name`, which begins the files' names.
export function SaveButtons({
  name,
  title,
  exports,
}: {
  name: string;
  title: string;
  exports: Exports;
}) {
  const button = (kind: TextKey, save: () => void) => (
    <button type="button" aria-label={`${title}: ${t(kind)}`} title={t(kind)} onClick={save}>
      {kind.slice("export.".length).toUpperCase()}
    </button>
  );
  const {csv, svg, png} = exports;
  return (
    <div class="save">
      {csv ? button("export.csv", () => saveFile(`${name}.csv`, csvOf(csv()), "text/csv")) : null}
      {svg ? button("export.svg", () => saveFile(`${name}.svg`, svg(), "image/svg+xml")) : null}
      {png
        ? button("export.png", () => {
            const canvas = png();
            if (canvas) pngOf(canvas).then((blob) => saveFile(`${name}.png`, blob, "image/png"));
          })
        : null}
    </div>
  );
}
