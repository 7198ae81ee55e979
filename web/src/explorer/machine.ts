// A machine that goes through a script: moves to any step and tells its state there.
//
// Forwards the core goes on. Backwards a core is started anew and carries the steps out again: the
// state after step n depends on nothing but script, settings and n. What was told once is kept, and
// on the way back some states are told beforehand, so that going back step by step is no work.
import {type Core, CoreError} from "../common/core";
import type {Outline, State, Walk} from "./model";

const kKeptBytes = 48 << 20;
const kAhead = 24; // states told beforehand on the way back

export class Machine {
  readonly outline: Outline;
  private readonly kept = new Map<number, string>();
  private keptBytes = 0;
  private core: Core | undefined;
  private at = 0;

  // Throws a CoreError with the sentence of what is wrong with the script.
  constructor(
    private readonly first: Core,
    readonly script: string,
    readonly settings: string,
  ) {
    const core = this.begin();
    if (core.call("pw_outline", 0) === 0) throw new CoreError(core.answer());
    this.outline = JSON.parse(core.answer()) as Outline;
  }

  get last(): number {
    return this.outline.kinds.length;
  }
  private within(step: number): number {
    return Math.max(0, Math.min(step, this.last));
  }

  stateText(wanted: number): string {
    const step = this.within(wanted);
    const known = this.kept.get(step);
    if (known !== undefined) return known;
    if (this.core !== undefined && step < this.at) {
      for (let s = Math.max(0, step - kAhead); s < step; ++s) {
        if (!this.kept.has(s)) this.tell(s);
      }
    }
    return this.tell(step);
  }
  state(step: number): State {
    return JSON.parse(this.stateText(step)) as State;
  }

  // The way of an address at a step.
  walk(step: number, process: number, address: string): Walk | undefined {
    const core = this.moveTo(this.within(step));
    if (core.call("pw_walk", 0, process, BigInt(address)) === 0) return undefined;
    return JSON.parse(core.answer()) as Walk;
  }

  // What `show` of a script says at a step.
  show(step: number, what: string, process = 0, address = "0x0"): string {
    const core = this.moveTo(this.within(step));
    core.lendText(what, (at, length) =>
      core.call("pw_show", 0, at, length, process, BigInt(address)),
    );
    return core.answer();
  }

  private begin(): Core {
    const core = this.first.another();
    const opened = core.lendText(this.script, (text, length) =>
      core.lendText(this.settings, (words, size) =>
        core.call("pw_open", 0, text, length, words, size),
      ),
    );
    if (opened === 0) throw new CoreError(core.answer());
    return core;
  }

  // A core at this step; it is asked for nothing.
  private moveTo(step: number): Core {
    if (this.core === undefined || step < this.at) {
      this.core = this.begin();
      this.at = 0;
    }
    if (step !== this.at) this.ask(this.core, step);
    return this.core;
  }

  private ask(core: Core, step: number): string {
    if (core.call("pw_state", 0, step) === 0) throw new CoreError(core.answer());
    this.at = step;
    return core.answer();
  }

  private tell(step: number): string {
    if (this.core === undefined || step < this.at) {
      this.core = this.begin();
      this.at = 0;
    }
    const text = this.ask(this.core, step);
    this.kept.set(step, text);
    this.keptBytes += 2 * text.length;
    for (const [oldest, old] of this.kept) {
      if (this.keptBytes <= kKeptBytes || oldest === step) break;
      this.kept.delete(oldest);
      this.keptBytes -= 2 * old.length;
    }
    return text;
  }
}

// "line 3, column 8: there is no verb ..." taken apart; no line: the sentence alone.
export interface ScriptError {
  line?: number;
  column?: number;
  length: number;
  sentence: string;
}
export function errorOf(message: string): ScriptError {
  const found = /^line (\d+), column (\d+): ([^\n]*)/.exec(message);
  if (found === null) return {sentence: message.trim(), length: 1};
  const caret = /\n\s*(\^~*)/.exec(message);
  return {
    line: Number(found[1]),
    column: Number(found[2]),
    length: caret?.[1]?.length ?? 1,
    sentence: found[3] ?? "",
  };
}
