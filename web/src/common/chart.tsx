// A line chart (uPlot) with what every chart of the pages has: colours of the theme, a text for
// those who do not see it, a range that can be selected by dragging, export buttons.
import {useSignal} from "@preact/signals";
import {useEffect, useRef} from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import {type Cell, SaveButtons} from "./save";
import {theme} from "./settings";
import {svgOf} from "./svg";

export interface Line {
  label: string;
  color: string; // a variable of the theme: "--series-1"
  values: (number | null)[];
  dash?: number[];
  fill?: boolean;
  error?: (number | null)[];
}

export interface Mark {
  x: number;
  label: string;
}

export interface ChartProps {
  name: string; // of exported files
  title: string;
  summary: string; // what a person who does not see the chart is told
  x: number[];
  lines: Line[];
  xText: (value: number) => string;
  yText: (value: number) => string;
  xLabel: string;
  yLabel: string;
  bytesY?: boolean; // grid lines at powers of two
  logX?: boolean;
  logY?: boolean;
  stacked?: boolean; // each line stands on the one before
  height?: number;
  sync?: string; // charts of one name share their cursor
  marks?: Mark[];
  bands?: {from: number; to: number; color: string}[];
  onSelect?: (from: number, to: number) => void;
  onPick?: (x: number) => void; // a click
}

export function colorOf(variable: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim() || "#888";
}

function withAlpha(color: string, alpha: string): string {
  return /^#[0-9a-f]{6}$/i.test(color) ? color + alpha : color;
}

// Sums from the first line on, and from the last to draw to the first.
export function stack(lines: Line[]): Line[] {
  const sums: Line[] = [];
  for (const line of lines) {
    const below = sums[sums.length - 1]?.values;
    const values = line.values.map((v, i) => (v ?? 0) + (below?.[i] ?? 0));
    sums.push({...line, values, fill: true});
  }
  return sums.reverse();
}

function drawMarks(plot: uPlot, props: ChartProps): void {
  const {ctx, bbox} = plot;
  ctx.save();
  for (const band of props.bands ?? []) {
    const from = Math.max(plot.valToPos(band.from, "x", true), bbox.left);
    const to = Math.min(plot.valToPos(band.to, "x", true), bbox.left + bbox.width);
    if (to <= from) continue;
    ctx.fillStyle = withAlpha(colorOf(band.color), "22");
    ctx.fillRect(from, bbox.top, to - from, bbox.height);
  }
  ctx.strokeStyle = ctx.fillStyle = colorOf("--ink");
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  (props.marks ?? []).forEach((mark, i) => {
    const x = plot.valToPos(mark.x, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const right = x > bbox.left + 0.7 * bbox.width;
    ctx.textAlign = right ? "right" : "left";
    const shift = (right ? -4 : 4) * devicePixelRatio;
    ctx.fillText(mark.label, x + shift, bbox.top + (14 + 14 * i) * devicePixelRatio);
  });
  ctx.restore();
}

function optionsOf(props: ChartProps, lines: Line[], width: number): uPlot.Options {
  const ink = colorOf("--ink");
  const grid = {stroke: colorOf("--grid"), width: 1};
  const powers = Array.from({length: 50}, (_, i) => 2 ** i);
  const axis = (text: (value: number) => string, label: string, size: number): uPlot.Axis => ({
    stroke: ink,
    grid,
    ticks: grid,
    label,
    labelSize: 18,
    size,
    labelFont: "12px system-ui, sans-serif",
    font: "12px system-ui, sans-serif",
    values: (_, ticks) => ticks.map((v) => (v === null ? "" : text(v))),
  });
  const series: uPlot.Series[] = lines.map((line) => {
    const color = colorOf(line.color);
    // Its own value, also where it is drawn on top of others.
    const value = (_: uPlot, __: number | null, ___: number, at: number | null) => {
      const own = at === null ? null : props.lines.find((l) => l.label === line.label)?.values[at];
      return own === null || own === undefined ? "–" : props.yText(own);
    };
    const one: uPlot.Series = {label: line.label, stroke: color, width: 1.6, value};
    one.points = {show: false};
    if (line.dash) one.dash = line.dash;
    if (line.fill) one.fill = withAlpha(color, props.stacked ? "dd" : "33");
    return one;
  });
  return {
    width,
    height: props.height ?? 280,
    legend: {show: true, live: true, markers: {width: 3}},
    cursor: {
      drag: {x: props.onSelect !== undefined, y: false, setScale: false},
      ...(props.sync ? {sync: {key: props.sync, setSeries: false}} : {}),
    },
    scales: {
      x: {
        time: false,
        distr: props.logX ? 3 : 1,
        log: 2,
        range: (_, low, high) => [low, high > low ? high : low + 1],
      },
      y: {
        distr: props.logY ? 3 : 1,
        range: (_, low, high) => {
          if (props.logY) return uPlot.rangeLog(low || 1, Math.max(high, 10), 10, false);
          return [Math.min(0, low), high <= 0 ? 1 : high * 1.06];
        },
      },
    },
    axes: [
      axis(props.xText, props.xLabel, 34),
      {...axis(props.yText, props.yLabel, 68), ...(props.bytesY ? {incrs: powers} : {})},
    ],
    series: [
      {label: props.xLabel, value: (_, x) => (x === null ? "–" : props.xText(x))},
      ...series,
    ],
    hooks: {
      draw: [(plot) => drawMarks(plot, props)],
      setSelect: [
        (plot) => {
          if (plot.select.width < 3) return;
          const from = plot.posToVal(plot.select.left, "x");
          const to = plot.posToVal(plot.select.left + plot.select.width, "x");
          plot.setSelect({left: 0, top: 0, width: 0, height: 0}, false);
          props.onSelect?.(from, to);
        },
      ],
    },
  };
}

function csvRows(props: ChartProps): Cell[][] {
  const head: Cell[] = [props.xLabel];
  for (const line of props.lines) {
    head.push(line.label);
    if (line.error) head.push(`${line.label} ±`);
  }
  const rows = props.x.map((x, i) => {
    const row: Cell[] = [x];
    for (const line of props.lines) {
      row.push(line.values[i] ?? "");
      if (line.error) row.push(line.error[i] ?? "");
    }
    return row;
  });
  return [head, ...rows];
}

export function Chart(props: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const width = useSignal(0);
  const {lines, x} = props;
  const drawn = props.stacked ? stack(lines) : lines;

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
  const key = [theme.value, wide, ...drawn.map((l) => l.label + l.color)].join("|");
  const latest = useRef(props);
  latest.current = props;
  useEffect(() => {
    const element = place.current;
    if (element === null || wide < 40) return;
    const now: ChartProps = new Proxy(props, {
      get: (_, name) => latest.current[name as keyof ChartProps],
    });
    plot.current = new uPlot(optionsOf(now, drawn, wide), [[]], element);
    const over = plot.current.over;
    const pick = (event: MouseEvent) => {
      const chart = plot.current;
      if (chart === null || latest.current.onPick === undefined) return;
      latest.current.onPick(chart.posToVal(event.clientX - over.getBoundingClientRect().left, "x"));
    };
    over.addEventListener("click", pick);
    return () => {
      over.removeEventListener("click", pick);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [key]);
  useEffect(() => {
    plot.current?.setData([x, ...drawn.map((line) => line.values)] as uPlot.AlignedData);
  });

  const svg = () =>
    svgOf({
      title: props.title,
      x,
      lines: drawn.map((l) => ({label: l.label, color: colorOf(l.color), values: l.values})),
      logX: props.logX ?? false,
      logY: props.logY ?? false,
      xText: props.xText,
      yText: props.yText,
    });
  const canvas = () => place.current?.querySelector("canvas");
  return (
    <figure class="chart">
      <figcaption>
        <SaveButtons
          name={props.name}
          title={props.title}
          exports={{csv: () => csvRows(props), svg, png: canvas}}
        />
      </figcaption>
      <p class="hidden-text">{`${props.title}. ${props.summary}`}</p>
      <div ref={place} class="plot" aria-hidden="true" />
    </figure>
  );
}
