// Processes with their areas and pages; the walk of an address.
import {count, hex} from "../common/numbers";
import {t} from "../common/texts";
import {ownerColour} from "./colours";
import {type Square, SquareField, withGaps} from "./grid";
import {
  type Area,
  addressOf,
  Cell,
  cellsOf,
  type Generations,
  kCellBits,
  kMostGenerations,
  namesIn,
  type PageCell,
  type Process,
  pageOf,
  type State,
  type Walk,
  type WalkEntry,
} from "./model";
import {Panel} from "./panel";
import {Scroll} from "./scroll";
import {pinned, saveAddress} from "./store";

function areaName(area: Area): string {
  if (area.name !== "") return area.name;
  return area.role === 2 ? "[stack]" : "";
}

// Of a page that is away, in the Linux model: its refault distance, or its generation, told as 1
// more.
function refaultText(cell: PageCell, generations: Generations | undefined): string {
  if (cell.bits === 0) return "";
  const n = cell.bits - 1;
  if (generations === undefined) return `; ${t("linux.distance", {n: count(n)})}`;
  const known = generations.youngest - n < kMostGenerations;
  return `; ${t(known ? "mglru.left" : "mglru.left-long-ago", {n})}`;
}

function describeCell(begin: string, cell: PageCell, generations: Generations | undefined): string {
  const at = addressOf(begin, cell.page);
  const bits = [
    cell.bits & kCellBits.writable ? t("bit.writable") : t("bit.readonly"),
    cell.bits & kCellBits.accessed ? t("bit.accessed") : "",
    cell.bits & kCellBits.dirty ? t("bit.dirty") : "",
    cell.bits & kCellBits.large ? t("bit.large") : "",
  ].filter((word) => word !== "");
  const words = bits.join(", ");
  switch (cell.cell) {
    case Cell.Mapped:
      return t("cell.mapped", {at, frame: cell.where, bits: words});
    case Cell.Zero:
      return t("cell.zero", {at});
    case Cell.Resident:
      return t("cell.resident", {at, frame: cell.where});
    case Cell.Swapped:
      return t("cell.swapped", {at, slot: cell.where}) + refaultText(cell, generations);
    case Cell.Shadow:
      return t("cell.shadow", {at}) + refaultText(cell, generations);
    default:
      return t("cell.untouched", {at});
  }
}

function squareOf(cell: PageCell, colour: string, now: boolean): Square {
  const key = cell.page;
  const mark = now ? ("now" as const) : undefined;
  switch (cell.cell) {
    case Cell.Mapped: {
      const dot = (cell.bits & kCellBits.dirty) !== 0;
      return {key, mark, fill: colour, text: String(cell.where), dot};
    }
    case Cell.Zero:
      return {key, mark, fill: colour, look: "outline", text: "0"};
    case Cell.Resident:
      return {key, mark, fill: colour, look: "hatched"};
    case Cell.Swapped:
      return {key, mark, fill: "--series-5", look: "outline", text: "S"};
    case Cell.Shadow:
      return {key, mark, fill: "--quiet", look: "dotted", text: "F"};
    default:
      return {key, mark, fill: "", look: "outline"};
  }
}

function AreaRow({state, process, area}: {state: State; process: Process; area: Area}) {
  const cells = cellsOf(area);
  const access = state.access;
  const first = pageOf(area.begin);
  const here = access !== null && access.process === process.index;
  const at = here ? Number(pageOf(access.address) - first) : -1;
  const nowPage = at < area.pages ? at : -1;
  const colour = ownerColour(process.index);
  const squares = withGaps(
    cells,
    (cell) => cell.page,
    area.pages,
    {
      empty: (page) => ({
        key: page,
        fill: "",
        look: "outline" as const,
        mark: page === nowPage ? ("now" as const) : undefined,
      }),
      square: (cell) => squareOf(cell, colour, cell.page === nowPage),
      gap: (page, count) => ({key: page, fill: "", gap: String(count)}),
    },
    16,
  );
  const names = namesIn(state.variables, area.begin, area.end);
  return (
    <li class="area">
      <div class="area-line">
        <code class="range">
          {area.begin.slice(2)}–{area.end.slice(2)}
        </code>{" "}
        <code class="rights">{area.rights}</code> <span class="quiet">{areaName(area)}</span>{" "}
        {names.slice(0, 4).map((name) => (
          <code class="name" key={name}>
            {name}
          </code>
        ))}
        <span class="quiet pages">
          {t(cells.length === 0 ? "map.untouched" : "unit.pages", {n: count(area.pages)})}
        </span>
      </div>
      {cells.length === 0 && nowPage < 0 ? null : (
        <SquareField
          squares={squares}
          label={t("map.area", {
            process: process.name,
            range: `${area.begin}-${area.end}`,
            n: area.pages,
            used: cells.length,
          })}
          describe={(square) =>
            square.gap !== undefined
              ? t("cell.gap", {at: addressOf(area.begin, square.key), n: square.gap})
              : describeCell(
                  area.begin,
                  cells.find((cell) => cell.page === square.key) ?? {
                    page: square.key,
                    cell: Cell.Untouched,
                    where: 0,
                    bits: 0,
                  },
                  state.policy?.group?.generations,
                )
          }
          onPick={(square) => {
            pinned.value = `${process.index}:${addressOf(area.begin, square.key)}`;
            saveAddress();
          }}
        />
      )}
    </li>
  );
}

export function ProcessMaps({state}: {state: State}) {
  return (
    <Panel name="maps" title={t("map.title")}>
      {state.processes.length === 0 ? <p class="quiet">{t("map.none")}</p> : null}
      {state.processes.map((process) => (
        <div class="process" key={process.index}>
          <h3>
            <span class="swatch" style={{background: `var(${ownerColour(process.index)})`}} />
            {t("map.process", {name: process.name})}{" "}
            <span class="quiet small">
              {process.running
                ? t("map.about", {
                    pid: process.pid,
                    cpu: process.cpu,
                    root: process.root ?? 0,
                    minor: process.minor ?? 0,
                    major: process.major ?? 0,
                  })
                : t("map.ended")}
            </span>
          </h3>
          <ul class="areas">
            {(process.areas ?? []).map((area) => (
              <AreaRow key={area.begin} state={state} process={process} area={area} />
            ))}
            {process.hidden === undefined ? null : (
              <li class="quiet">{t("map.hidden", {n: count(process.hidden)})}</li>
            )}
          </ul>
        </div>
      ))}
    </Panel>
  );
}

const kLevels = ["", "PTE", "PMD", "PUD", "P4D", "PGD"];
function levelName(level: number, levels: number): string {
  return level === levels ? "PGD" : (kLevels[level] ?? "");
}

const kBits = ["P", "W", "U", "A", "D", "L", "G", "N"] as const;

function Bits({entry}: {entry: WalkEntry}) {
  const was = BigInt(entry.was);
  const now = BigInt(entry.raw);
  const place = {P: 0n, W: 1n, U: 2n, A: 5n, D: 6n, L: 7n, G: 8n, N: 63n};
  return (
    <span class="bits">
      {kBits.map((bit, i) => {
        const set = entry.bits[i] !== "-";
        const changed = ((was ^ now) >> place[bit]) & 1n;
        return (
          <abbr
            key={bit}
            title={t(`entry.${bit}`)}
            class={`bit ${set ? "set" : "clear"} ${changed ? "changed" : ""}`}
          >
            {set ? bit : "·"}
          </abbr>
        );
      })}
    </span>
  );
}

function AddressParts({walk}: {walk: Walk}) {
  const address = BigInt(walk.address);
  const parts = [];
  for (let level = walk.levels; level >= 1; --level) {
    const shift = 12n + 9n * BigInt(level - 1);
    parts.push({name: levelName(level, walk.levels), value: Number((address >> shift) & 511n)});
  }
  return (
    <div class="address-parts" role="img" aria-label={t("walk.parts", {at: walk.address})}>
      {parts.map((part) => (
        <span class="part" key={part.name}>
          <small>{part.name}</small>
          <code>{part.value}</code>
          <small class="mono binary">{part.value.toString(2).padStart(9, "0")}</small>
        </span>
      ))}
      <span class="part offset">
        <small>{t("walk.offset")}</small>
        <code>{hex(Number(address & 4095n))}</code>
        <small class="mono binary">
          {Number(address & 4095n)
            .toString(2)
            .padStart(12, "0")}
        </small>
      </span>
    </div>
  );
}

function verdict(walk: Walk): string {
  const last = walk.entries.at(-1);
  if (!walk.canonical || last === undefined) return t("walk.noncanonical");
  if (!last.present) return t("walk.absent", {level: levelName(last.level, walk.levels)});
  if (last.zero) return t("walk.zero", {frame: last.frame});
  return t("walk.frame", {frame: last.frame});
}

export function WalkPanel({
  walk,
  name,
  isPinned,
}: {
  walk: Walk | undefined;
  name: string;
  isPinned: boolean;
}) {
  return (
    <Panel name="walk" title={t("walk.title")}>
      {walk === undefined ? (
        <p class="quiet">{t("walk.none")}</p>
      ) : (
        <>
          <p class="walk-head">
            <span>
              {name}: <code>{walk.address}</code>
            </span>
            {isPinned ? (
              <button
                type="button"
                onClick={() => {
                  pinned.value = undefined;
                  saveAddress();
                }}
              >
                {t("walk.unpin")}
              </button>
            ) : null}
          </p>
          <AddressParts walk={walk} />
          <Scroll label={t("walk.title")}>
            <table class="entries">
              <thead>
                <tr>
                  <th scope="col">{t("walk.level")}</th>
                  <th scope="col">{t("walk.table")}</th>
                  <th scope="col">{t("walk.entry")}</th>
                  <th scope="col">{t("walk.bits")}</th>
                  <th scope="col">{t("walk.to")}</th>
                </tr>
              </thead>
              <tbody>
                {walk.entries.map((entry) => (
                  <tr key={entry.level} class={entry.was !== entry.raw ? "changed" : ""}>
                    <th scope="row">{levelName(entry.level, walk.levels)}</th>
                    <td>{t("walk.place", {frame: entry.table, index: entry.index})}</td>
                    <td>
                      <code class="entry-raw" title={t("walk.was", {raw: entry.was})}>
                        {entry.raw.slice(2).padStart(16, "0")}
                      </code>
                    </td>
                    <td>
                      <Bits entry={entry} />
                    </td>
                    <td>
                      {!entry.present
                        ? "—"
                        : entry.zero
                          ? t("walk.to-zero")
                          : t(entry.leaf ? "walk.to-page" : "walk.to-table", {frame: entry.frame})}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
          <p class="verdict">{verdict(walk)}</p>
          <details>
            <summary>{t("walk.text")}</summary>
            <Scroll label={t("show.text")}>
              <pre class="show-text">{walk.text}</pre>
            </Scroll>
          </details>
        </>
      )}
    </Panel>
  );
}
