// Flame graph of first touches, or of all faults at the slider's RAM, by call site.
import {computed, signal, useSignal} from "@preact/signals";
import {useEffect, useRef} from "preact/hooks";
import * as numbers from "../common/numbers";
import {type Cell, SaveButtons} from "../common/save";
import {escapeXml} from "../common/svg";
import {t} from "../common/texts";
import {
  type Box,
  boxes,
  callees,
  callers,
  type FlameNode,
  functions,
  leftHeavy,
  timeOrder,
  type Weighted,
} from "./flame_tree";
import {data, model, ramPages, window_} from "./state";
import {counted, named, Table} from "./tables";

type Mode = "left" | "time" | "sandwich";
type Measure = "touched" | "faults";
const mode = signal<Mode>("left");
const measure = signal<Measure>("touched");
const policy = signal("lru");
const chosen = signal<number | null>(null); // frame of the sandwich, or root of a zoom
const told = signal("");

const kRow = 18;
const kWidth = 1200; // of what is saved
const kLeast = 0.0012;
const kMost = 2500;
const kDeepest = 48;

// First touches in the window, in the order of time, or every fault at the RAM chosen.
const weighted = computed((): Weighted[] => {
  const {stacks} = data.meta.stacks;
  const {begin, end} = window_.value;
  if (measure.value === "touched") {
    const bin = data.words("touch.bin");
    const stack = data.words("touch.stack");
    const pages = data.words("touch.pages");
    const list: Weighted[] = [];
    for (let i = 0; i < bin.length; ++i) {
      const at = bin[i] ?? 0;
      if (at < begin || at >= end) continue;
      list.push({stack: stacks[stack[i] ?? 0] ?? [], weight: pages[i] ?? 0});
    }
    return list;
  }
  const misses = model.missesByPage(0, policy.value, ramPages.value, window_.value);
  const of = data.words("4k.stacks");
  const rate = data.meta.samples["4k"]?.rate ?? 1;
  const sums = new Map<number, number>();
  misses?.forEach((count, page) => {
    if (count > 0) sums.set(of[page] ?? 0, (sums.get(of[page] ?? 0) ?? 0) + count / rate);
  });
  return [...sums].map(([stack, weight]) => ({stack: stacks[stack] ?? [], weight}));
});

const sites = computed(() => functions(weighted.value));
const list = computed(() => sites.value.slice(0, 200));

function nameOf(frame: number): string {
  return frame < 0 ? t("flame.all") : (data.meta.stacks.frames[frame] ?? "?");
}

function weightText(weight: number): string {
  return measure.value === "touched"
    ? numbers.pages(weight)
    : t("flame.faults", {n: numbers.short(Math.round(weight))});
}

// One hue for each function, whatever the mode; alike enough to read the names on it.
function colorOf(frame: number): string {
  const hash = Math.imul(frame + 1, 2654435761) >>> 0;
  return `hsl(${(hash % 60) + 18} 70% ${58 + (hash % 13)}%)`;
}

function Graph({
  tree,
  id,
  wide,
  upward,
}: {
  tree: FlameNode;
  id: string;
  wide: number;
  upward?: boolean;
}) {
  const all = boxes(tree, kLeast, kMost).filter((box) => box.depth < kDeepest);
  const depth = Math.max(1, ...all.map((box) => box.depth + 1));
  const height = depth * kRow;
  const y = (box: Box) => (upward ? depth - 1 - box.depth : box.depth) * kRow;
  const part = (box: Box) => numbers.percent(box.weight / Math.max(tree.weight, 1e-9));
  const text = (box: Box) => `${nameOf(box.frame)}: ${weightText(box.weight)} (${part(box)})`;
  return (
    <svg
      id={id}
      class="flame"
      viewBox={`0 0 ${wide} ${height}`}
      style={{height: `${height}px`}}
      preserveAspectRatio="none"
      role="img"
      aria-label={all.slice(0, 8).map(text).join("; ")}
    >
      {all.map((box, i) => {
        const width = box.width * wide;
        const room = Math.floor((width - 6) / 6.6);
        const name = nameOf(box.frame);
        const shown = name.length <= room ? name : `${name.slice(0, Math.max(0, room - 1))}…`;
        return (
          // biome-ignore lint/a11y/noStaticElementInteractions: the list of functions does the same
          <g
            key={`${i}:${box.frame}`}
            onClick={() => {
              chosen.value = box.frame < 0 ? null : box.frame;
              if (chosen.value !== null) mode.value = "sandwich";
            }}
            onMouseMove={() => {
              told.value = text(box);
            }}
          >
            <rect
              x={box.x * wide}
              y={y(box)}
              width={Math.max(width - 0.5, 0.5)}
              height={kRow - 1}
              fill={box.frame < 0 ? "var(--edge)" : colorOf(box.frame)}
            >
              <title>{text(box)}</title>
            </rect>
            {room >= 3 ? (
              <text x={box.x * wide + 3} y={y(box) + 13} class={box.frame < 0 ? "root" : ""}>
                {shown}
              </text>
            ) : null}
          </g>
        );
      })}
    </svg>
  );
}

function svgText(tree: FlameNode, title: string): string {
  const all = boxes(tree, kLeast, kMost);
  const depth = Math.max(1, ...all.map((box) => box.depth + 1));
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${kWidth}" height="${(depth + 2) * kRow}" ` +
      `font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="4" y="14" font-size="14">${escapeXml(title)}</text>`,
  ];
  for (const box of all) {
    const name = escapeXml(nameOf(box.frame));
    const [x, y, width] = [box.x * kWidth, (box.depth + 2) * kRow, box.width * kWidth];
    const room = Math.floor((width - 6) / 6.6);
    out.push(
      `<g><title>${name}: ${escapeXml(weightText(box.weight))}</title>` +
        `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${kRow - 1}" ` +
        `fill="${box.frame < 0 ? "#ccc" : colorOf(box.frame)}"/>` +
        (room >= 3
          ? `<text x="${(x + 3).toFixed(1)}" y="${y + 13}">` +
            `${escapeXml(nameOf(box.frame).slice(0, room))}</text></g>`
          : "</g>"),
    );
  }
  out.push("</svg>");
  return out.join("\n");
}

function pictureOf(tree: FlameNode, title: string): HTMLCanvasElement {
  const all = boxes(tree, kLeast, kMost);
  const depth = Math.max(1, ...all.map((box) => box.depth + 1));
  const canvas = document.createElement("canvas");
  canvas.width = 2 * kWidth;
  canvas.height = 2 * (depth + 2) * kRow;
  const context = canvas.getContext("2d");
  if (context === null) return canvas;
  context.scale(2, 2);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "#000";
  context.font = "14px sans-serif";
  context.fillText(title, 4, 14);
  context.font = "11px sans-serif";
  for (const box of all) {
    const [x, y, width] = [box.x * kWidth, (box.depth + 2) * kRow, box.width * kWidth];
    context.fillStyle = box.frame < 0 ? "#ccc" : colorOf(box.frame);
    context.fillRect(x, y, Math.max(width - 0.5, 0.5), kRow - 1);
    const room = Math.floor((width - 6) / 6.6);
    context.fillStyle = "#000";
    if (room >= 3) context.fillText(nameOf(box.frame).slice(0, room), x + 3, y + 13, width - 6);
  }
  return canvas;
}

type Site = ReturnType<typeof functions>[number];

// The same as the graph, for those who would rather read.
function Sites() {
  const title = t("flame.sites");
  return (
    <>
      <h3>{title}</h3>
      <Table<Site>
        id="sites"
        title={title}
        rows={sites.value}
        columns={[
          named(t("flame.function"), (site) => nameOf(site.frame)),
          counted(t("flame.total"), (site) => site.total, weightText),
          counted(t("flame.self"), (site) => site.self, weightText),
        ]}
      />
    </>
  );
}

function Choices() {
  const modes: Mode[] = ["left", "time", "sandwich"];
  return (
    <div class="choices">
      <fieldset class="segments">
        <legend>{t("flame.mode")}</legend>
        {modes.map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={mode.value === name}
            onClick={() => {
              mode.value = name;
            }}
          >
            {t(`flame.${name}`)}
          </button>
        ))}
      </fieldset>
      <label>
        {t("flame.measure")}{" "}
        <select
          id="flame-measure"
          value={measure.value}
          onChange={(e) => (measure.value = e.currentTarget.value as Measure)}
        >
          <option value="touched">{t("flame.touched")}</option>
          <option value="faults">{t("flame.all_faults")}</option>
        </select>
      </label>
      {measure.value === "faults" ? (
        <label>
          {t("curve.policy")}{" "}
          <select
            id="flame-policy"
            value={policy.value}
            onChange={(e) => (policy.value = e.currentTarget.value)}
          >
            {model.policies
              .filter((name) => name !== "opt")
              .map((name) => (
                <option key={name}>{name}</option>
              ))}
          </select>
        </label>
      ) : null}
      {mode.value === "sandwich" ? (
        <label>
          {t("flame.function")}{" "}
          <select
            id="flame-function"
            value={String(chosen.value ?? list.value[0]?.frame ?? "")}
            onChange={(e) => (chosen.value = Number(e.currentTarget.value))}
          >
            {list.value.map(({frame, total}) => (
              <option key={frame} value={String(frame)}>
                {nameOf(frame).slice(0, 60)} ({weightText(total)})
              </option>
            ))}
          </select>
        </label>
      ) : null}
    </div>
  );
}

function csvRows(): Cell[][] {
  const rows = sites.value.map(({frame, total, self}): Cell[] => [
    nameOf(frame),
    Math.round(total),
    Math.round(self),
  ]);
  return [["function", "total", "self"], ...rows];
}

export function FlameView() {
  const all = weighted.value;
  const frame = chosen.value ?? list.value[0]?.frame ?? -1;
  const title = t("flame.title");
  const place = useRef<HTMLDivElement>(null);
  const wide = useSignal(kWidth);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const watcher = new ResizeObserver(() => {
      wide.value = Math.max(1, element.clientWidth);
    });
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);
  const tree = mode.value === "time" ? timeOrder(all) : leftHeavy(all);
  const shown = mode.value === "sandwich" ? callees(all, frame) : tree;
  return (
    <section aria-labelledby="flame-title">
      <div class="row">
        <h2 id="flame-title">{title}</h2>
        <SaveButtons
          name="flame"
          title={title}
          exports={{
            csv: csvRows,
            svg: () => svgText(shown, title),
            png: () => pictureOf(shown, title),
          }}
        />
      </div>
      <Choices />
      <div ref={place} />
      {all.length === 0 ? (
        <p>{t("flame.none")}</p>
      ) : (
        <div>
          {mode.value === "sandwich" ? (
            <>
              <h3>{t("flame.callers", {name: nameOf(frame)})}</h3>
              <Graph tree={callers(all, frame)} id="flame-callers" wide={wide.value} upward />
              <h3>{t("flame.callees", {name: nameOf(frame)})}</h3>
            </>
          ) : null}
          <Graph tree={shown} id="flame-graph" wide={wide.value} />
        </div>
      )}
      <p class="told">{told.value}</p>
      {all.length === 0 ? null : <Sites />}
      <p class="quiet">{t(measure.value === "touched" ? "flame.help" : "flame.help_faults")}</p>
    </section>
  );
}
