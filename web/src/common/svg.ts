// A chart as an SVG file: the same lines as on the screen, for print and slides.

export interface SvgLine {
  label: string;
  color: string;
  values: (number | null)[];
}

export interface SvgChart {
  title: string;
  x: number[];
  lines: SvgLine[];
  logX: boolean;
  logY: boolean;
  xText: (value: number) => string;
  yText: (value: number) => string;
}

const kWidth = 900;
const kHeight = 420;
const kLeft = 80;
const kRight = 20;
const kTop = 40;
const kBottom = 50;

export function escapeXml(text: string): string {
  const names: Record<string, string> = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"};
  // Control characters are not allowed in XML at all.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const allowed = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
  return allowed.replace(/[&<>"]/g, (mark) => names[mark] ?? mark);
}

type Scale = (value: number) => number;

function scale(low: number, high: number, log: boolean, from: number, to: number): Scale {
  const f = log ? Math.log : (value: number) => value;
  const a = f(low);
  const b = f(high) === a ? a + 1 : f(high);
  return (value) => from + ((f(value) - a) / (b - a)) * (to - from);
}

function ticks(low: number, high: number, log: boolean): number[] {
  return Array.from({length: 6}, (_, i) =>
    log ? low * (high / low) ** (i / 5) : low + ((high - low) * i) / 5,
  );
}

export function svgOf(chart: SvgChart): string {
  const all = chart.lines.flatMap((line) => line.values).filter((v): v is number => v !== null);
  const usable = chart.logY ? all.filter((v) => v > 0) : all;
  const low = usable.length > 0 ? Math.min(...usable) : 0;
  const lowY = chart.logY ? Math.max(low, 1e-9) : Math.min(0, low);
  const highY = Math.max(lowY + (chart.logY ? lowY * 1e-6 : 1e-9), ...usable);
  const lowX = chart.x[0] ?? 0;
  const highX = chart.x[chart.x.length - 1] ?? 1;
  const px = scale(lowX, highX, chart.logX, kLeft, kWidth - kRight);
  const py = scale(lowY, highY, chart.logY, kHeight - kBottom, kTop);
  const out: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${kWidth}" height="${kHeight}" ` +
      `viewBox="0 0 ${kWidth} ${kHeight}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${kLeft}" y="20" font-size="15">${escapeXml(chart.title)}</text>`,
  ];
  for (const y of ticks(lowY, highY, chart.logY)) {
    const at = py(y).toFixed(1);
    out.push(`<line x1="${kLeft}" x2="${kWidth - kRight}" y1="${at}" y2="${at}" stroke="#ddd"/>`);
    const text = escapeXml(chart.yText(y));
    out.push(`<text x="${kLeft - 6}" y="${at}" dy="4" text-anchor="end">${text}</text>`);
  }
  for (const x of ticks(lowX, highX, chart.logX)) {
    const text = escapeXml(chart.xText(x));
    const y = kHeight - kBottom + 18;
    out.push(`<text x="${px(x).toFixed(1)}" y="${y}" text-anchor="middle">${text}</text>`);
  }
  chart.lines.forEach((line, i) => {
    const points: string[] = [];
    let move = true;
    line.values.forEach((value, at) => {
      if (value === null || (chart.logY && value <= 0)) {
        move = true;
        return;
      }
      const x = px(chart.x[at] ?? 0).toFixed(1);
      points.push(`${move ? "M" : "L"}${x} ${py(value).toFixed(1)}`);
      move = false;
    });
    const color = escapeXml(line.color);
    out.push(`<path d="${points.join("")}" fill="none" stroke="${color}" stroke-width="1.8"/>`);
    const x = kLeft + (i % 6) * 135;
    const y = kHeight - 12 - 14 * Math.floor(i / 6);
    out.push(`<text x="${x}" y="${y}" fill="${color}">${escapeXml(line.label)}</text>`);
  });
  out.push("</svg>");
  return out.join("\n");
}
