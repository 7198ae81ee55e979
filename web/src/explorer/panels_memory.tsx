// TLBs, frames, swap slots, page cache, counters.
import {signal} from "@preact/signals";
import {bytes, count, time} from "../common/numbers";
import {t} from "../common/texts";
import type {FrameMode} from "./address";
import {ageClass, kAges, ownerColour} from "./colours";
import {type Square, SquareField, withGaps} from "./grid";
import {
  addressOfPage,
  type CacheObject,
  counter,
  type Frame,
  FrameKind,
  framesOf,
  kFrameBits,
  kTlbFields,
  pageOf,
  pagesInSwap,
  type State,
  slotsOf,
  type TlbArray,
  type TlbSlot,
} from "./model";
import {Panel, type Side} from "./panel";
import {Scroll} from "./scroll";
import {frameMode, setFrameMode} from "./store";

function short(page: number): string {
  const digits = page.toString(16);
  return digits.length > 6 ? `…${digits.slice(-5)}` : digits;
}

const kRights = ["W", "U", "X", "D"];
function rightsText(rights: number): string {
  return kRights.map((letter, i) => (rights & (1 << i) ? letter : "-")).join("");
}

function Slot({
  slot,
  state,
  spaces,
}: {
  slot: TlbSlot;
  state: State;
  spaces: Record<string, string>;
}) {
  const [, , space, page, frame, rights, , change, wasSpace, wasPage] = slot;
  const access = state.access;
  const current =
    access?.now === true &&
    state.processes[0] !== undefined &&
    state.processes.find((p) => p.index === access.process)?.space === space &&
    Number(pageOf(access.address)) === page;
  const name = spaces[space] ?? `#${space}`;
  const what = ["", "tlb.filled", "tlb.replaced", "tlb.gone"][change] as
    | ""
    | "tlb.filled"
    | "tlb.replaced"
    | "tlb.gone";
  const says = t("tlb.slot", {name, page: addressOfPage(page), frame, rights: rightsText(rights)});
  const hit = current && change === 0;
  const more =
    what === ""
      ? hit
        ? t("tlb.hit")
        : ""
      : t(what, {
          was: `${spaces[wasSpace ?? -1] ?? wasSpace ?? ""} ${addressOfPage(wasPage ?? 0)}`,
        });
  return (
    <span
      class={`slot change-${change} ${current && change !== 3 ? "current" : ""}`}
      title={`${says} ${more}`}
    >
      <b>{name.slice(0, 3)}</b> {short(page)}
      <small>{change === 3 ? "✕" : `→${frame}`}</small>
      {more === "" ? null : <span class="hidden-text">{more}</span>}
    </span>
  );
}

const kMostSets = 12; // in which something changed
const kOtherSets = 4;
const openSets = signal<ReadonlySet<string>>(new Set()); // arrays of which all sets are shown

// The sets that have entries, and those of them that matter in this step.
function setsOf(array: TlbArray, page: number): {all: number[]; matter: Set<number>} {
  const all: number[] = [];
  const matter = new Set<number>();
  const {slots} = array;
  for (let i = 0; i < slots.length; i += kTlbFields) {
    const set = slots[i] ?? 0;
    if (all.at(-1) !== set) all.push(set); // they come in order
    if (slots[i + 3] === page || (slots[i + 7] ?? 0) > 0) matter.add(set);
  }
  return {all, matter};
}

function TlbSets({array, state}: {array: TlbArray; state: State}) {
  const name = `${array.cpu} ${array.unit} ${array.size}`;
  const page = state.access?.now ? Number(pageOf(state.access.address)) : -1;
  const {all, matter} = setsOf(array, page);
  // Those in which something changed, or that hold the page at hand, and some others.
  const others = all.filter((set) => !matter.has(set)).slice(0, kOtherSets);
  const chosen = new Set([...[...matter].slice(0, kMostSets), ...others]);
  const rest = all.filter((set) => !chosen.has(set));
  const shown = slotsOf(array, chosen);
  const hidden = openSets.value.has(name) ? slotsOf(array, new Set(rest)) : [];
  const row = (set: number, slots: TlbSlot[]) => (
    <div class="set" key={set}>
      {array.sets > 1 ? <span class="quiet small set-name">{t("tlb.set", {set})}</span> : null}
      {slots
        .filter((slot) => slot[0] === set)
        .map((slot) => (
          <Slot key={slot[1]} slot={slot} state={state} spaces={state.tlb.spaces} />
        ))}
    </div>
  );
  return (
    <div class="tlb-array">
      <h3>
        {array.unit} {array.size}{" "}
        <span class="quiet small">
          {t("tlb.shape", {
            sets: array.sets,
            ways: array.ways,
            used: array.used,
          })}
        </span>
      </h3>
      {all.filter((set) => chosen.has(set)).map((set) => row(set, shown))}
      {rest.length > 0 ? (
        <details
          open={openSets.value.has(name)}
          onToggle={(event) => {
            const open = new Set(openSets.value);
            if (event.currentTarget.open) open.add(name);
            else open.delete(name);
            openSets.value = open;
          }}
        >
          <summary class="small">{t("tlb.more", {n: rest.length})}</summary>
          {openSets.value.has(name) ? rest.map((set) => row(set, hidden)) : null}
        </details>
      ) : null}
    </div>
  );
}

// What the step did to all arrays: [nothing, filled, replaced, dropped].
export function tlbChanges(arrays: TlbArray[]): [number, number, number, number] {
  const changes: [number, number, number, number] = [0, 0, 0, 0];
  for (const {slots} of arrays) {
    for (let i = 0; i < slots.length; i += kTlbFields) {
      ++changes[(slots[i + 7] ?? 0) as 0 | 1 | 2 | 3];
    }
  }
  return changes;
}

export function TlbPanel({state, side}: {state: State; side?: Side}) {
  const used = state.tlb.arrays.filter((array) => array.slots.length > 0);
  const cpus = [...new Set(used.map((array) => array.cpu))];
  const [, filled, replaced, gone] = tlbChanges(state.tlb.arrays);
  return (
    <Panel name="tlb" title={t("tlb.title")} side={side}>
      <p class="quiet small" id={`tlb-step${side ?? ""}`}>
        {t("tlb.step", {
          l1: count(counter(state, "tlb_l1_hits").change),
          l2: count(counter(state, "tlb_l2_hits").change),
          walks: count(counter(state, "tlb_walks").change),
          filled: count(filled + replaced),
          replaced: count(replaced),
          gone: count(gone),
        })}
      </p>
      {used.length === 0 ? (
        <p class="quiet">{t("tlb.empty")}</p>
      ) : (
        <p class="legend small">{t("tlb.legend")}</p>
      )}
      {cpus.map((cpu) => (
        <div key={cpu}>
          {cpus.length > 1 ? <h3>CPU {cpu}</h3> : null}
          {used
            .filter((array) => array.cpu === cpu)
            .map((array) => (
              <TlbSets key={`${array.unit}${array.size}`} array={array} state={state} />
            ))}
        </div>
      ))}
    </Panel>
  );
}

// Letters and colour of an owner of private pages.
interface OwnerLook {
  text: string;
  fill: string;
}
function ownerLooks(state: State): OwnerLook[] {
  return state.frames.owners.map((owner) => {
    const names = owner.split(", ");
    const process = state.processes.find((p) => names.includes(p.name));
    return {text: names.join("").slice(0, 3), fill: ownerColour(process?.index ?? 0)};
  });
}

function frameSquare(frame: Frame, looks: OwnerLook[], step: number, mode: FrameMode): Square {
  const mark = frame.bits & kFrameBits.fresh ? ("new" as const) : undefined;
  const dot = (frame.bits & kFrameBits.dirty) !== 0;
  if (frame.kind === FrameKind.Table) {
    return {key: frame.frame, fill: "--series-7", look: "hatched", text: "T"};
  }
  const anonymous = frame.kind === FrameKind.Anon;
  const look = looks[frame.owner];
  const key = frame.frame;
  const text = anonymous ? (look?.text ?? "") : "F";
  if (mode === "age") {
    return {key, mark, dot, text, fill: kAges[ageClass(frame.used, step)] ?? ""};
  }
  if (mode === "dirty") {
    const [fill, letter] = dot ? ["--bad", "D"] : ["--good", ""];
    return {key, mark, fill, look: dot ? "solid" : "outline", text: letter};
  }
  const fill = anonymous ? (look?.fill ?? "") : "--series-6";
  return {key, mark, dot, text, fill, look: anonymous ? "solid" : "hatched"};
}

function describeFrame(frame: Frame, state: State): string {
  if (frame.kind === FrameKind.Table) {
    return t("frame.table", {frame: frame.frame, n: frame.mapped});
  }
  const owner = state.frames.owners[frame.owner] ?? "";
  const words = [
    frame.bits & kFrameBits.accessed ? t("bit.accessed") : "",
    frame.bits & kFrameBits.dirty ? t("bit.dirty") : t("bit.clean"),
    frame.bits & kFrameBits.locked ? t("bit.locked") : "",
    frame.used > 0 ? t("frame.used", {n: state.step - frame.used}) : t("frame.unused"),
  ].filter((word) => word !== "");
  const values = {
    frame: frame.frame,
    owner,
    page: `0x${(BigInt(frame.page) * 4096n).toString(16)}`,
    n: frame.mapped,
    words: words.join(", "),
  };
  return t(frame.kind === FrameKind.Anon ? "frame.anon" : "frame.file", values);
}

export function FramesPanel({state, side}: {state: State; side?: Side}) {
  const frames = framesOf(state.frames);
  const mode = frameMode.value;
  const looks = ownerLooks(state);
  const squares = withGaps(
    frames,
    (frame) => frame.frame,
    state.frames.total,
    {
      empty: (n) => ({key: n, fill: "", look: "outline" as const}),
      square: (frame) => frameSquare(frame, looks, state.step, mode),
      gap: (n, many) => ({key: n, fill: "", gap: String(many)}),
    },
    6,
  );
  const {total, free, tables, user} = state.frames;
  const summary = t("frames.summary", {
    total: count(total),
    free: count(free),
    tables: count(tables),
    user: count(user),
  });
  return (
    <Panel name="frames" title={t("frames.title")} side={side}>
      <fieldset class="modes">
        <legend class="hidden-text">{t("frames.colour")}</legend>
        {(["owner", "age", "dirty"] as const).map((each) => (
          <label key={each}>
            <input
              type="radio"
              name={`frame-mode${side ?? ""}`}
              checked={mode === each}
              onChange={() => setFrameMode(each)}
            />
            {t(`frames.${each}`)}
          </label>
        ))}
      </fieldset>
      <SquareField
        squares={squares}
        label={`${t("frames.title")}. ${summary}`}
        describe={(square) => {
          if (square.gap !== undefined) return t("frame.gap", {frame: square.key, n: square.gap});
          const frame = frames.find((each) => each.frame === square.key);
          return frame === undefined
            ? t("frame.free", {frame: square.key})
            : describeFrame(frame, state);
        }}
      />
      <p class="quiet small">{summary}</p>
      <p class="legend small">{t(`legend.${mode}`)}</p>
    </Panel>
  );
}

export function SwapPanel({state, side}: {state: State; side?: Side}) {
  const {total, used, slots} = state.swap;
  if (total === 0) return null;
  const list: {slot: number; held: number}[] = [];
  for (let i = 0; i + 1 < slots.length; i += 2) {
    list.push({slot: slots[i] ?? 0, held: slots[i + 1] ?? 0});
  }
  const held = new Map(list.map((each) => [each.slot, each.held]));
  const pages = pagesInSwap(state);
  const describe = (slot: number) => {
    const whose = pages.get(slot) ?? [];
    const says = t("swap.slot", {slot, n: held.get(slot) ?? 0});
    return whose.length === 0 ? says : `${says}: ${whose.join(", ")}`;
  };
  return (
    <Panel name="swap" title={t("swap.title")} side={side}>
      <p class="quiet small">{t("swap.summary", {used: count(used), total: count(total)})}</p>
      {list.length > 0 ? (
        <SquareField
          squares={list.map(({slot}) => ({key: slot, fill: "--series-5", text: String(slot)}))}
          label={t("swap.summary", {used: count(used), total: count(total)})}
          describe={(square) => describe(square.key)}
        />
      ) : null}
    </Panel>
  );
}

function CacheRow({object}: {object: CacheObject}) {
  const squares: Square[] = [];
  const words = new Map<number, string>();
  for (let i = 0; i + 2 < object.pages.length; i += 3) {
    const [page, where, how] = object.pages.slice(i, i + 3) as [number, number, number];
    squares.push({
      key: page,
      fill: how === 2 ? "--series-5" : "--series-6",
      look: how === 2 ? "outline" : "solid",
      text: how === 2 ? "S" : String(where),
      dot: how === 1,
    });
    words.set(page, t(`cache.page-${how as 0 | 1 | 2}`, {page, where}));
  }
  const name = object.name === "" ? t("cache.shared") : object.name;
  return (
    <li class="area">
      <div class="area-line">
        <code>{name}</code>{" "}
        <span class="quiet">
          {t("cache.about", {bytes: bytes(object.bytes), n: squares.length, areas: object.areas})}
        </span>
      </div>
      {squares.length > 0 ? (
        <SquareField
          squares={squares}
          label={t("cache.label", {name, n: squares.length})}
          describe={(square) => words.get(square.key) ?? ""}
        />
      ) : null}
    </li>
  );
}

export function CachePanel({state}: {state: State}) {
  if (state.cache.length === 0) return null;
  return (
    <Panel name="cache" title={t("cache.title")}>
      <ul class="areas">
        {state.cache.map((object, i) => (
          <CacheRow key={`${object.name}${i}`} object={object} />
        ))}
      </ul>
    </Panel>
  );
}

const allCounters = signal(false);

export function CountersPanel({state, other}: {state: State; other?: State | undefined}) {
  const rows = state.counters.filter(
    ([name, value]) =>
      allCounters.value || value > 0 || (other?.counters.find((c) => c[0] === name)?.[1] ?? 0) > 0,
  );
  return (
    <Panel name="counters" title={t("counters.title")}>
      <p class="quiet small">{t("counters.time", {time: time(state.time_ns)})}</p>
      <Scroll label={t("counters.title")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("counters.name")}</th>
              <th scope="col" class="number">
                {t("counters.value")}
              </th>
              <th scope="col" class="number">
                {t("counters.step")}
              </th>
              {other === undefined ? null : (
                <th scope="col" class="number">
                  {t("counters.other")}
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {rows.map(([name, value, change]) => {
              const there = other?.counters.find((c) => c[0] === name)?.[1];
              return (
                <tr key={name} class={change > 0 ? "changed" : ""}>
                  <th scope="row">
                    <code>{name}</code>
                  </th>
                  <td class="number">{count(value)}</td>
                  <td class="number">{change > 0 ? `+${count(change)}` : ""}</td>
                  {other === undefined ? null : (
                    <td class={`number ${there !== value ? "differs" : ""}`}>
                      {count(there ?? 0)}
                    </td>
                  )}
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
      <label>
        <input
          type="checkbox"
          checked={allCounters.value}
          onChange={() => (allCounters.value = !allCounters.value)}
        />{" "}
        {t("counters.all")}
      </label>
    </Panel>
  );
}
