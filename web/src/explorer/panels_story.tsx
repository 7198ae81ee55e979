// What the last step did, in sentences; and why a fault happened, in five steps.
import {count} from "../common/numbers";
import {type TextKey, t} from "../common/texts";
import {live, stride} from "./live";
import {counter, type Fault, type State, translationOf} from "./model";
import {Panel} from "./panel";
import {Scroll} from "./scroll";
import {goTo} from "./store";

const kKinds: Record<string, TextKey> = {
  spurious: "fault.spurious",
  "zero-page": "fault.zero-page",
  fresh: "fault.fresh",
  map: "fault.map",
  "copy-on-write": "fault.copy-on-write",
  "swap-in": "fault.swap-in",
  "map-object": "fault.map-object",
  "copy-object": "fault.copy-object",
  "read-file": "fault.read-file",
  "fresh-shared": "fault.fresh-shared",
  "beyond-end": "fault.beyond-end",
  "huge-zero": "fault.huge-zero",
  "huge-page": "fault.huge-page",
  "huge-reuse": "fault.huge-reuse",
};

function kindsOf(fault: Fault): string[] {
  return fault.steps.filter(([name]) => name === "frame").map(([, detail]) => String(detail));
}

// The five steps of a fault as sentences.
export function fiveSteps(fault: Fault, state: State): {title: TextKey; says: string[]}[] {
  const kinds = kindsOf(fault);
  const page = `0x${((BigInt(fault.address) >> 12n) << 12n).toString(16)}`;
  const trap = t("why.trap", {
    process: fault.process,
    access: t(`access.${fault.access}`),
    address: fault.address,
  });
  const area = !fault.area
    ? t(fault.begin === undefined ? "why.no-area" : "why.area-denied")
    : fault.begin === undefined
      ? t("why.area-gone")
      : t("why.area", {
          range: `${fault.begin}–${fault.end ?? ""}`,
          rights: fault.rights ?? "",
        });
  const refused = fault.area && kinds.length === 0;
  const look = kinds.map((kind) => t(kKinds[kind] ?? "fault.spurious"));
  const victims = state.frames.left.map(([frame, , old]) => t("why.victim", {frame, page: old}));
  const bringing = [
    ...(state.frames.evicted > 0 ? victims.slice(0, 3) : []),
    t(fault.major ? "why.device" : "why.no-device"),
  ];
  const steps: {title: TextKey; says: string[]}[] = [
    {title: "why.1", says: [trap]},
    {title: "why.2", says: refused ? [area, t("why.refused")] : [area]},
  ];
  if (kinds.length === 0) return steps;
  steps.push({title: "why.3", says: look});
  if (!fault.resolved) return steps;
  steps.push({title: "why.4", says: bringing});
  const frame = fault.frame === undefined ? "" : String(fault.frame);
  // Of several steps told together: what was mapped may be gone again.
  const installed = frame === "" ? [] : [t("why.install", {page, frame})];
  steps.push({title: "why.5", says: [...installed, t("why.restart")]});
  return steps;
}

function FaultStory({fault, state, open}: {fault: Fault; state: State; open: boolean}) {
  const kind = t(fault.major ? "story.major" : fault.resolved ? "story.minor" : "story.signal");
  return (
    <details class="fault" open={open}>
      <summary>{t("story.fault", {kind, address: fault.address, process: fault.process})}</summary>
      <ol class="why">
        {fiveSteps(fault, state).map((each) => (
          <li key={each.title}>
            <b>{t(each.title)}</b>
            {each.says.map((sentence, i) => (
              // Sentences of a step have no other name than their place.
              <p key={`${i}`}>{sentence}</p>
            ))}
          </li>
        ))}
      </ol>
    </details>
  );
}

// The names in a step's text with what they stand for: "i = 7".
export function namesIn(text: string, variables: [string, string][]): string {
  const words = new Set(text.replace(/"[^"]*"/g, "").match(/[A-Za-z_]\w*/g) ?? []);
  return variables
    .filter(([name]) => words.has(name))
    .map(([name, value]) => `${name} = ${value.length <= 6 ? Number(value) : value}`)
    .join(", ");
}

function translationText(state: State): string | undefined {
  const how = translationOf(state);
  if (how === "none" || how === "fault") return undefined;
  return t(`story.${how}`, {
    n: counter(state, "walk_references").change,
    l1: counter(state, "tlb_l1_hits").change,
    l2: counter(state, "tlb_l2_hits").change,
    walks: counter(state, "tlb_walks").change,
  });
}

export function StoryPanel({state}: {state: State}) {
  const {last, next} = state;
  const faults = state.faults;
  const kMost = 6;
  const following = live.value !== undefined;
  const said = translationText(state);
  const names = last === null ? "" : namesIn(last.text, state.variables);
  return (
    <Panel name="story" title={t("story.title")}>
      <div aria-live="polite">
        {last === null ? (
          <p class="quiet">{t("story.begin")}</p>
        ) : (
          <>
            {following && stride.value > 1 ? (
              <p class="quiet">{t("live.stride", {n: count(stride.value)})}</p>
            ) : null}
            <p class="did">
              {last.line > 0 ? (
                <span class="quiet">{t("story.line", {line: last.line})} </span>
              ) : null}
              <code>{last.text}</code>
            </p>
            {names === "" ? null : (
              <p class="small">
                <code>{names}</code>
              </p>
            )}
            {last.gave !== undefined && last.kind === "do" ? (
              <p>
                {t("story.gave")} <code>{last.gave}</code>
              </p>
            ) : null}
            {last.signal ? (
              <p class="bad">{t("story.signal-is", {signal: last.gave ?? ""})}</p>
            ) : null}
            {last.failed ? <p class="bad">{t("story.failed")}</p> : null}
            {last.kind === "expect" && !last.failed ? <p class="good">{t("story.holds")}</p> : null}
            {said === undefined ? null : <p>{said}</p>}
            {state.frames.evicted > 0 ? (
              <p>{t("story.evicted", {n: count(state.frames.evicted)})}</p>
            ) : null}
          </>
        )}
      </div>
      {faults.count > 0 ? (
        <>
          <h3>{t("story.why")}</h3>
          {following ? null : (
            <p class="links">
              <button type="button" onClick={() => goTo(state.step - 1)}>
                {t("story.before")}
              </button>
              <button type="button" disabled>
                {t("story.after")}
              </button>
            </p>
          )}
        </>
      ) : null}
      {faults.list.slice(0, kMost).map((fault, i) => (
        <FaultStory
          key={`${state.step}-${fault.address}-${i}`}
          fault={fault}
          state={state}
          open={i === 0}
        />
      ))}
      {faults.count > kMost ? (
        <p class="quiet">{t("story.more", {n: count(faults.count - kMost)})}</p>
      ) : null}
      {last?.output === undefined ? null : (
        <Scroll label={t("show.text")}>
          <pre class="show-text">{last.output}</pre>
        </Scroll>
      )}
      {state.stopped === null ? null : <p class="bad">{state.stopped}</p>}
      {next === null && following ? null : next === null ? (
        <p class="quiet">{t("story.end", {checks: state.report[0], failed: state.report[1]})}</p>
      ) : (
        <p class="next">
          <span class="quiet">{t("story.next", {line: next.line})}</span> <code>{next.text}</code>
        </p>
      )}
    </Panel>
  );
}
