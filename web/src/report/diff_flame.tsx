// A differential flame graph (Gregg 2014): as wide as one side's bytes, red where B touches more,
// blue where it touches less.
import {signal} from "@preact/signals";
import {useMemo} from "preact/hooks";
import * as numbers from "../common/numbers";
import {type Cell, SaveButtons} from "../common/save";
import {escapeXml} from "../common/svg";
import {t} from "../common/texts";
import {type Both, type DiffBox, diffBoxes, shift, treeOf} from "./diff_data";
import {Section} from "./tables";

const kRow = 18;
const kWidth = 1200;
const kLeast = 0.0012;
const kMost = 2500;
const kDeepest = 48;

const by = signal<"a" | "b">("b");
const told = signal("");

// Light enough to read black text on.
function colorOf(box: DiffBox): string {
  const part = shift(box);
  const light = Math.round(93 - 33 * Math.min(1, Math.abs(part)));
  if (part === 0) return "hsl(0 0% 93%)";
  return part > 0 ? `hsl(8 85% ${light}%)` : `hsl(215 80% ${light}%)`;
}

function boxText(box: DiffBox): string {
  const change = box.b - box.a;
  const sign = change > 0 ? "+" : change < 0 ? "−" : "±";
  const [a, b, d] = [box.a, box.b, Math.abs(change)].map((pages) => numbers.pages(pages));
  return `${box.name}: A ${a}, B ${b} (${sign}${d})`;
}

function shortName(box: DiffBox): string {
  const room = Math.floor((box.width * kWidth - 6) / 6.6);
  if (room < 3) return "";
  return box.name.length <= room ? box.name : `${box.name.slice(0, Math.max(0, room - 1))}…`;
}

function svgText(all: DiffBox[], title: string): string {
  const depth = Math.max(1, ...all.map((box) => box.depth + 1));
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${kWidth}" height="${(depth + 2) * kRow}" ` +
      `font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="4" y="14" font-size="14">${escapeXml(title)}</text>`,
  ];
  for (const box of all) {
    const [x, y] = [box.x * kWidth, (box.depth + 2) * kRow];
    out.push(
      `<g><title>${escapeXml(boxText(box))}</title>` +
        `<rect x="${x.toFixed(1)}" y="${y}" width="${(box.width * kWidth).toFixed(1)}" ` +
        `height="${kRow - 1}" fill="${colorOf(box)}"/>` +
        `<text x="${(x + 3).toFixed(1)}" y="${y + 13}">${escapeXml(shortName(box))}</text></g>`,
    );
  }
  out.push("</svg>");
  return out.join("\n");
}

function csvRows(all: DiffBox[]): Cell[][] {
  const rows = all.map((box): Cell[] => [box.depth, box.name, box.a, box.b, box.b - box.a]);
  return [["depth", "function", "pages A", "pages B", "difference"], ...rows];
}

export function DiffFlame({both}: {both: Both}) {
  const tree = useMemo(() => treeOf(both, "(all)"), [both]);
  const all = diffBoxes(tree, by.value, kLeast, kMost).filter((box) => box.depth < kDeepest);
  const height = Math.max(1, ...all.map((box) => box.depth + 1)) * kRow;
  const title = t("diff.flame");
  return (
    <Section id="flame" title={title}>
      <SaveButtons
        name="flame-difference"
        title={title}
        exports={{csv: () => csvRows(all), svg: () => svgText(all, title)}}
      />
      <p>
        <label>
          {t("flame.measure")}{" "}
          <select
            id="flame-by"
            value={by.value}
            onChange={(e) => (by.value = e.currentTarget.value as "a" | "b")}
          >
            <option value="b">{t("diff.width_b")}</option>
            <option value="a">{t("diff.width_a")}</option>
          </select>
        </label>
      </p>
      <svg
        id="flame-graph"
        class="flame"
        viewBox={`0 0 ${kWidth} ${height}`}
        style={{height: `${height}px`}}
        preserveAspectRatio="none"
        role="img"
        aria-label={all.slice(0, 8).map(boxText).join("; ")}
      >
        {all.map((box, i) => (
          // biome-ignore lint/a11y/noStaticElementInteractions: the tables below say the same
          <g
            key={`${i}:${box.name}`}
            onMouseMove={() => {
              told.value = boxText(box);
            }}
          >
            <rect
              x={box.x * kWidth}
              y={box.depth * kRow}
              width={Math.max(box.width * kWidth - 0.5, 0.5)}
              height={kRow - 1}
              fill={colorOf(box)}
            >
              <title>{boxText(box)}</title>
            </rect>
            <text x={box.x * kWidth + 3} y={box.depth * kRow + 13}>
              {shortName(box)}
            </text>
          </g>
        ))}
      </svg>
      <p class="told">{told.value}</p>
      <p class="quiet">{t("diff.flame_help")}</p>
    </Section>
  );
}
