// The event log: what happened last, one by one: faults, pages that left or were written to swap,
// changes of address spaces, shootdowns. The last event stands first.

import {signal} from "@preact/signals";
import {count} from "../common/numbers";
import {t} from "../common/texts";
import {live} from "./live";
import type {LogKind, MemoryEvent, State} from "./model";
import {Panel} from "./panel";
import {Scroll} from "./scroll";
import {goTo} from "./store";

const kShown = 24; // before all are asked for
const kGroups = {
  faults: ["minor", "major"],
  evictions: ["evicted", "swap-write"],
  switches: ["switch"],
  shootdowns: ["shootdown"],
} as const satisfies Record<string, readonly LogKind[]>;
type Group = keyof typeof kGroups;

const hiddenGroups = signal<ReadonlySet<Group>>(new Set());
const all = signal(false);

const kWholeSpace = 2 ** 31; // pages: an address space, or all of it that can be unmapped

// What the event says, in a sentence.
export function eventText(event: MemoryEvent): string {
  const who = event.who === "" ? t("log.gone") : event.who;
  switch (event.kind) {
    case "minor":
    case "major":
      return t(event.kind === "major" ? "log.major" : "log.minor", {
        who,
        access: t(`access.${event.access}`),
        address: event.address,
      });
    case "evicted": {
      const page = t(event.file ? "log.page-of-file" : "log.page", {who, page: event.page});
      const how = t(event.dirty ? "log.dirty" : "log.clean");
      return t(`log.to-${event.to}`, {page, how, frame: event.frame, slot: event.slot ?? ""});
    }
    case "swap-write":
      return t("log.swap-write", {
        page: t(event.file ? "log.page-of-file" : "log.page", {who, page: event.page}),
        frame: event.frame,
        slot: event.slot ?? "",
      });
    case "switch":
      return event.before === ""
        ? t("log.begins", {cpu: event.cpu, who})
        : t("log.switch", {cpu: event.cpu, who, before: event.before});
    case "shootdown":
      return t(event.pages >= kWholeSpace ? "log.shootdown-all" : "log.shootdown", {
        who,
        cpu: event.cpu,
        cpus: event.cpus,
        address: event.address,
        n: count(event.pages),
        reason: t(`log.reason-${event.reason}`),
      });
  }
}

function groupOf(kind: LogKind): Group {
  return (Object.keys(kGroups) as Group[]).find((group) =>
    (kGroups[group] as readonly LogKind[]).includes(kind),
  ) as Group;
}

function Filter() {
  return (
    <fieldset class="modes">
      <legend class="hidden-text">{t("log.filter")}</legend>
      {(Object.keys(kGroups) as Group[]).map((group) => (
        <label key={group}>
          <input
            type="checkbox"
            checked={!hiddenGroups.value.has(group)}
            onChange={(change) => {
              const hidden = new Set(hiddenGroups.value);
              if (change.currentTarget.checked) hidden.delete(group);
              else hidden.add(group);
              hiddenGroups.value = hidden;
            }}
          />
          {t(`log.group-${group}`)}
        </label>
      ))}
    </fieldset>
  );
}

const showAll = () => {
  all.value = !all.value;
};

export function LogPanel({state}: {state: State}) {
  const {list, count: inStep} = state.events;
  const shown = list.filter((event) => !hiddenGroups.value.has(groupOf(event.kind))).reverse();
  const lines = all.value ? shown : shown.slice(0, kShown);
  return (
    <Panel name="log" title={t("log.title")}>
      <p class="quiet small">{t("log.about", {n: count(inStep), kept: list.length})}</p>
      <Filter />
      {lines.length === 0 ? <p class="quiet">{t("log.none")}</p> : null}
      <Scroll label={t("log.title")}>
        <ol class="log-lines" reversed>
          {lines.map((event, i) => (
            // Events have no other name than their place behind the last.
            <li key={`${i}`} class={`log-${event.kind} ${event.step === state.step ? "now" : ""}`}>
              {live.value === undefined ? (
                <button
                  type="button"
                  class="plain"
                  aria-label={t("log.to-step", {n: event.step})}
                  onClick={() => goTo(event.step)}
                >
                  {event.step}
                </button>
              ) : (
                <span class="quiet">{event.step}</span>
              )}{" "}
              {eventText(event)}
            </li>
          ))}
        </ol>
      </Scroll>
      {shown.length > kShown ? (
        <label>
          <input type="checkbox" checked={all.value} onChange={showAll} />{" "}
          {t("log.all", {n: shown.length})}
        </label>
      ) : null}
    </Panel>
  );
}
