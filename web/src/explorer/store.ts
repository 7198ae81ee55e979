// What is open and where the reader is: signals that the parts of the page draw from, and the
// actions that change them.
import {batch, computed, effect, signal} from "@preact/signals";
import type {Core} from "../common/core";
import {addressFor, type FrameMode, type PageState, stateIn} from "./address";
import {type Lesson, lessonNamed, lessonWith, textOfLesson} from "./lessons";
import {follow, type LiveGiven, live, news, order} from "./live";
import {errorOf, Machine, type ScriptError} from "./machine";
import {findStep, isFault, type Outline, type State, type Walk} from "./model";

export const kFirstLesson: Lesson = "copy_on_write";
export const kSpeeds = [1, 2, 5, 10, 30, 100] as const;

let core: Core | undefined;

export const script = signal("");
export const problem = signal<ScriptError | undefined>(undefined);
export const machine = signal<Machine | undefined>(undefined);
export const step = signal(0);
export const playing = signal(false);
export const speed = signal<number>(5);
// The second machine: its settings, and itself. Undefined: there is one machine only.
export const compare = signal<string | undefined>(undefined);
export const second = signal<Machine | undefined>(undefined);
export const compareProblem = signal<string | undefined>(undefined);
// The page whose walk is shown instead of the last access's: "PROCESS:ADDRESS".
export const pinned = signal<string | undefined>(undefined);
export const quizSeed = signal<number | undefined>(undefined);
export const frameMode = signal<FrameMode>("owner");
// What the quiz hides: the state is shown, what the next step will do is not.
export const fromTool = signal<string | undefined>(undefined); // name of what the tool put in

export const lesson = computed(() => lessonWith(script.value));
export const outline = computed<Outline | undefined>(() => machine.value?.outline);
export const total = computed(() => machine.value?.last ?? 0);
export const state = computed<State | undefined>(() =>
  live.value === undefined ? machine.value?.state(step.value) : news.value?.state,
);
export const secondState = computed<State | undefined>(() => second.value?.state(step.value));

export const walk = computed<{process: number; walk: Walk} | undefined>(() => {
  if (live.value !== undefined) return liveWalk();
  const [now, pin, from] = [state.value, pinned.value, machine.value];
  if (now === undefined || from === undefined) return undefined;
  if (pin !== undefined) {
    const [process, address] = pin.split(":") as [string, string];
    const found = from.walk(step.value, Number(process), address);
    if (found !== undefined) return {process: Number(process), walk: found};
  }
  return now.access === null ? undefined : {process: now.access.process, walk: now.access.walk};
});

function liveWalk(): {process: number; walk: Walk} | undefined {
  const told = news.value;
  if (pinned.value !== undefined && told?.pinned) return told.pinned;
  const access = told?.state.access ?? null;
  return access === null ? undefined : {process: access.process, walk: access.walk};
}

// From now on the page shows a run of the tool's.
export function startLive(given: LiveGiven): void {
  script.value = given.script ?? "";
  follow(given);
  let told: string | undefined;
  effect(() => {
    const pin = pinned.value;
    if (pin !== told) order(pin === undefined ? "unpin" : `pin ${pin}`);
    told = pin;
  });
}

export function useCore(made: Core): void {
  core = made;
}

// Settings of the two machines: "policy=lru", of the second alone, or "policy=fifo | policy=lru".
export function settingsIn(compared: string | undefined): [first: string, second: string] {
  const parts = (compared ?? "").split("|").map((part) => part.trim());
  return parts.length === 1 ? ["", parts[0] ?? ""] : [parts[0] ?? "", parts.slice(1).join(" ")];
}

function makeSecond(): void {
  second.value = undefined;
  compareProblem.value = undefined;
  if (core === undefined || compare.value === undefined || machine.value === undefined) return;
  try {
    second.value = new Machine(core, script.value, settingsIn(compare.value)[1]);
  } catch (error) {
    compareProblem.value = errorOf(error instanceof Error ? error.message : String(error)).sentence;
  }
}

// Takes a text for the script. One with an error in it is marked; the machine of the last good one
// stays.
export function setScript(text: string, at = 0): void {
  if (core === undefined) return;
  playing.value = false;
  batch(() => {
    script.value = text;
    try {
      const made = new Machine(core as Core, text, settingsIn(compare.value)[0]);
      problem.value = undefined;
      pinned.value = undefined;
      machine.value = made;
      step.value = Math.min(at, made.last);
    } catch (error) {
      problem.value = errorOf(error instanceof Error ? error.message : String(error));
    }
    if (problem.value === undefined) makeSecond();
  });
  saveAddress();
}

function remakeFirst(): void {
  if (core === undefined || machine.value === undefined) return;
  try {
    machine.value = new Machine(core, script.value, settingsIn(compare.value)[0]);
    step.value = Math.min(step.value, machine.value.last);
  } catch (error) {
    compareProblem.value = errorOf(error instanceof Error ? error.message : String(error)).sentence;
  }
}

export function setCompare(settings: string | undefined): void {
  batch(() => {
    const before = settingsIn(compare.value)[0];
    compare.value = settings;
    if (settingsIn(settings)[0] !== before) remakeFirst();
    makeSecond();
  });
  saveAddress();
}

export function openLesson(name: Lesson): void {
  setScript(textOfLesson(name));
}

export function goTo(wanted: number): void {
  const next = Math.max(0, Math.min(Math.round(wanted), total.value));
  if (next === step.value) return;
  step.value = next;
  saveAddress();
}
export const reset = () => goTo(0);
export const back = (n = 1) => goTo(step.value - n);
export const forward = (n = 1) => goTo(step.value + n);
export const toEnd = () => goTo(total.value);

export function toNextFault(): void {
  if (outline.value === undefined) return;
  goTo(findStep(outline.value, step.value + 1, isFault) ?? total.value);
}
export function toLastFault(): void {
  if (outline.value === undefined) return;
  for (let i = step.value - 1; i > 0; --i) {
    if (isFault(outline.value.kinds[i - 1] ?? "")) {
      goTo(i);
      return;
    }
  }
  goTo(0);
}
// Before the next time that the line is carried out; from the start, if it is not any more. For a
// line without steps the next one that has some.
export function toLine(wanted: number): void {
  if (outline.value === undefined) return;
  const line = Math.min(...outline.value.lines.filter((each) => each >= wanted));
  const is = (_: string, of: number) => of === line;
  const found = findStep(outline.value, step.value + 2, is) ?? findStep(outline.value, 1, is);
  if (found !== undefined) goTo(found - 1);
}

export function play(on: boolean): void {
  if (on && step.value >= total.value) step.value = 0;
  playing.value = on && total.value > 0;
}

export function setFrameMode(mode: FrameMode): void {
  frameMode.value = mode;
  saveAddress();
}

// --- the address

let saving: ReturnType<typeof setTimeout> | undefined;
let saves = 0;

function saveNoMore(): number {
  clearTimeout(saving);
  return ++saves;
}

export function pageState(): PageState {
  const out: PageState = {step: step.value};
  if (lesson.value !== undefined) out.lesson = lesson.value;
  else out.script = script.value;
  if (compare.value !== undefined) out.compare = compare.value;
  if (quizSeed.value !== undefined) out.quiz = quizSeed.value;
  if (pinned.value !== undefined) out.walk = pinned.value;
  if (frameMode.value !== "owner") out.frames = frameMode.value;
  return out;
}

export function saveAddress(): void {
  if (live.value !== undefined) return;
  const mine = saveNoMore();
  saving = setTimeout(async () => {
    const address = await addressFor(pageState());
    if (mine === saves) history.replaceState(null, "", address);
  }, 150);
}

export async function openAddress(hash: string): Promise<void> {
  saveNoMore();
  const wanted = await stateIn(hash);
  const named = wanted.lesson === undefined ? undefined : lessonNamed(wanted.lesson);
  const text = named !== undefined ? textOfLesson(named) : wanted.script;
  compare.value = wanted.compare;
  if (text !== undefined || machine.value === undefined) {
    setScript(text ?? textOfLesson(kFirstLesson), wanted.step);
  } else {
    goTo(wanted.step ?? 0);
  }
  if (machine.value === undefined) openLesson(kFirstLesson);
  pinned.value = wanted.walk;
  quizSeed.value = wanted.quiz;
  frameMode.value = wanted.frames ?? "owner";
}
