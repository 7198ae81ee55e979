// The page as the reader of a run that goes on elsewhere (`pagewright explore --live`): news come
// as server-sent events, orders go back by POST. What is drawn is drawn by the same parts as ever:
// the tool tells the state in the very form in which the core in the page does.
import {batch, signal} from "@preact/signals";
import type {State, Walk} from "./model";

export type LiveMode = "waiting" | "running" | "paused" | "ended";
export type Connection = "opening" | "open" | "lost" | "over";

// step, time (ns), minor and major faults, pages in frames, free, in swap, evicted so far.
export const kSampleFields = 8;
export type Sample = number[];

export interface LiveNews {
  live: {mode: LiveMode; speed: number; thousandths: number; error: string; sample: Sample};
  pinned: {process: number; walk: Walk} | null;
  state: State;
}
// What the tool puts into the page.
export interface LiveGiven {
  live: true;
  name: string;
  script?: string;
}

export const live = signal<LiveGiven | undefined>(undefined);
export const connection = signal<Connection>("opening");
export const news = signal<LiveNews | undefined>(undefined);
export const samples = signal<Sample[]>([]);
// Steps between the last two states that the page was told.
export const stride = signal(0);

const kMostSamples = 2_048;

// One more point; of too many every other one goes. A point at the step of the last one takes its
// place.
export function withSample(all: readonly Sample[], next: Sample): Sample[] {
  const last = all.at(-1);
  const kept = last !== undefined && last[0] === next[0] ? all.slice(0, -1) : all.slice();
  kept.push(next);
  return kept.length > kMostSamples ? kept.filter((_, i) => i % 2 === 0) : kept;
}

function isSample(value: unknown): value is Sample {
  return (
    Array.isArray(value) &&
    value.length === kSampleFields &&
    value.every((each) => typeof each === "number")
  );
}

export function takeHistory(text: string): void {
  const told: unknown = JSON.parse(text);
  if (Array.isArray(told)) samples.value = told.filter(isSample);
}
export function takeNews(text: string): void {
  const told = JSON.parse(text) as LiveNews;
  batch(() => {
    const before = news.value?.state.step ?? 0;
    if (told.state.step !== before) stride.value = told.state.step - before;
    news.value = told;
    if (isSample(told.live.sample)) samples.value = withSample(samples.value, told.live.sample);
  });
}

let source: EventSource | undefined;

export function follow(given: LiveGiven): void {
  live.value = given;
  source = new EventSource("events");
  let waiting: string | undefined; // the newest news: the others are out of date
  source.addEventListener("open", () => (connection.value = "open"));
  source.addEventListener("error", () => {
    if (connection.value !== "over") connection.value = "lost";
  });
  source.addEventListener("history", (event) => takeHistory(event.data));
  source.addEventListener("state", (event) => {
    const due = waiting === undefined;
    waiting = event.data;
    if (!due) return;
    setTimeout(() => {
      const text = waiting ?? "";
      waiting = undefined;
      takeNews(text);
    }, 0);
  });
  source.addEventListener("end", () => {
    connection.value = "over";
    source?.close();
  });
}

export async function order(line: string): Promise<void> {
  try {
    await fetch("orders", {method: "POST", body: line, headers: {"Content-Type": "text/plain"}});
  } catch {
    // The events say whether the tool is still there.
  }
}
