// The quiz: questions about steps of a script, drawn by a seed. Two people with the same script and
// seed have the same questions, and a code tells what was answered, so that a teacher can check a
// score without any network.
import type {Machine} from "./machine";
import {counter, type State} from "./model";

export type QuestionKind = "outcome" | "victim" | "victims" | "frame";
export interface Question {
  step: number; // what it will do is asked
  kind: QuestionKind;
  options: string[]; // "hit", "minor", ... or numbers of frames
  right: number; // of the options
}

export const kQuestions = 10;

// Numbers in [0, n) that a seed determines (mulberry32).
export function drawer(seed: number): (n: number) => number {
  let now = seed >>> 0;
  return (n) => {
    now = (now + 0x6d2b79f5) >>> 0;
    let x = now;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % n;
  };
}

function shuffled<T>(list: T[], draw: (n: number) => number): T[] {
  const all = [...list];
  for (let i = all.length - 1; i > 0; --i) {
    const j = draw(i + 1);
    [all[i], all[j]] = [all[j] as T, all[i] as T];
  }
  return all;
}

const kOutcomes = ["hit", "minor", "major", "signal"];
const kLetter: Record<string, string> = {h: "hit", n: "minor", j: "major", s: "signal"};

// The frames whose pages the step evicts: one, or, where Linux reclaims, some dozens.
function victimsOf(after: State): number[] {
  const {evicted, left} = after.frames;
  return evicted > 0 && left.length === evicted ? left.map(([frame]) => frame) : [];
}
// The frame that a single fault of the step fills.
function filledBy(before: State, after: State): number | undefined {
  const frame = after.faults.count === 1 ? after.faults.list[0]?.frame : undefined;
  return frame !== undefined && counter(after, "resident").value > counter(before, "resident").value
    ? frame
    : undefined;
}

function frameQuestion(
  kind: QuestionKind,
  step: number,
  frame: number,
  others: number[],
  draw: (n: number) => number,
): Question | undefined {
  const wrong = shuffled(
    [...new Set(others)].filter((other) => other !== frame),
    draw,
  ).slice(0, 3);
  if (wrong.length < 2) return undefined;
  const options = [...wrong, frame].sort((a, b) => a - b).map(String);
  return {step, kind, options, right: options.indexOf(String(frame))};
}

function questionAt(machine: Machine, step: number, draw: (n: number) => number): Question {
  const letter = machine.outline.kinds[step - 1] ?? "h";
  const outcome: Question = {
    step,
    kind: "outcome",
    options: kOutcomes,
    right: kOutcomes.indexOf(kLetter[letter] ?? "hit"),
  };
  if (draw(2) === 0 || letter === "h" || letter === "s") return outcome;
  const [before, after] = [machine.state(step - 1), machine.state(step)];
  const user: number[] = [];
  for (let i = 0; i < before.frames.list.length; i += 7) {
    if (before.frames.list[i + 1] !== 2) user.push(before.frames.list[i] ?? 0);
  }
  const victims = victimsOf(after);
  const victim = victims[0];
  const asked =
    victim !== undefined
      ? frameQuestion(
          victims.length === 1 ? "victim" : "victims",
          step,
          victim,
          user.filter((frame) => !victims.includes(frame)),
          draw,
        )
      : (() => {
          const filled = filledBy(before, after);
          if (filled === undefined) return undefined;
          return frameQuestion("frame", step, filled, [...user, filled + 1, filled + 2], draw);
        })();
  return asked ?? outcome;
}

// At most kQuestions of them, in the order of their steps; fewer where the script has fewer
// accesses. Kinds of outcome take turns, as far as there are any.
export function questionsOf(machine: Machine, seed: number): Question[] {
  const draw = drawer(seed);
  const byKind = new Map<string, number[]>();
  [...machine.outline.kinds].forEach((kind, i) => {
    if (!"hnjs".includes(kind)) return;
    byKind.set(kind, [...(byKind.get(kind) ?? []), i + 1]);
  });
  const piles = [...byKind.values()].map((steps) => shuffled(steps, draw));
  const chosen: number[] = [];
  while (chosen.length < kQuestions && piles.some((pile) => pile.length > 0)) {
    for (const pile of piles) {
      const step = pile.pop();
      if (step !== undefined && chosen.length < kQuestions) chosen.push(step);
    }
  }
  return chosen.sort((a, b) => a - b).map((step) => questionAt(machine, step, draw));
}

export function scoreOf(questions: Question[], answers: number[]): number {
  return questions.filter((question, i) => answers[i] === question.right).length;
}

// FNV-1a of what was asked, so that a code fits one script and one seed only.
function mark(questions: Question[], seed: number): string {
  let hash = 0x811c9dc5;
  for (const c of `${seed}|${questions.map((q) => `${q.step}${q.kind}${q.options}`).join("|")}`) {
    hash = Math.imul(hash ^ c.charCodeAt(0), 0x01000193);
  }
  return (hash >>> 0).toString(36);
}

// "42-3021-k3x9": seed, an answer each (- for none), mark.
export function codeOf(questions: Question[], seed: number, answers: number[]): string {
  const given = questions.map((_, i) => answers[i] ?? "x").join("");
  return `${seed}-${given}-${mark(questions, seed)}`;
}

// The score that a code stands for, with this machine's script; undefined: it is no code for it.
export function checkCode(machine: Machine, code: string): {right: number; of: number} | undefined {
  const found = /^(\d{1,9})-([0-9x]*)-([0-9a-z]+)$/.exec(code.trim());
  if (found === null) return undefined;
  const seed = Number(found[1]);
  const questions = questionsOf(machine, seed);
  const given = [...(found[2] ?? "")].map((c) => (c === "x" ? -1 : Number(c)));
  if (given.length !== questions.length || mark(questions, seed) !== found[3]) return undefined;
  return {right: scoreOf(questions, given), of: questions.length};
}
