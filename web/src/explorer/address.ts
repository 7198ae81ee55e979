// The page's whole state in the part of its address behind '#', so that a link shows the same.
//
//   #l=copy_on_write&n=12           lesson of the gallery, step
//   #s=...&n=12&c=policy%3Dlru      a script of one's own, and the settings of a second machine
import {base64Of, bytesOf, textOf} from "../common/payload";

export type FrameMode = "owner" | "age" | "dirty";
export interface PageState {
  lesson?: string;
  script?: string;
  step?: number;
  compare?: string; // settings of the second machine
  quiz?: number; // seed
  walk?: string; // "0:0x7ffff000": process and address whose walk is shown
  frames?: FrameMode; // by what frames are coloured, unless it is the owner
}

async function through(bytes: Uint8Array<ArrayBuffer>, stream: GenericTransformStream) {
  const out = new Blob([bytes]).stream().pipeThrough(stream as ReadableWritablePair);
  return new Uint8Array(await new Response(out).arrayBuffer());
}

export async function pack(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const packed = await through(bytes, new CompressionStream("deflate"));
  return base64Of(packed).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export async function unpack(text: string): Promise<string> {
  const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
  const padded = base64 + "=".repeat((4 - (base64.length % 4)) % 4);
  return textOf(await through(bytesOf(padded), new DecompressionStream("deflate")));
}

export async function addressFor(state: PageState): Promise<string> {
  const words = new URLSearchParams();
  if (state.lesson !== undefined) words.set("l", state.lesson);
  else if (state.script !== undefined) words.set("s", await pack(state.script));
  if (state.step) words.set("n", String(state.step));
  if (state.compare !== undefined) words.set("c", state.compare);
  if (state.quiz !== undefined) words.set("q", String(state.quiz));
  if (state.walk !== undefined) words.set("w", state.walk);
  if (state.frames !== undefined) words.set("f", state.frames);
  return `#${words}`;
}

function numberIn(text: string | null): number | undefined {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

// Whatever is wrong in the address is left out.
export async function stateIn(address: string): Promise<PageState> {
  const words = new URLSearchParams(address.replace(/^#/, ""));
  const state: PageState = {};
  const lesson = words.get("l");
  if (lesson !== null && /^\w+$/.test(lesson)) state.lesson = lesson;
  const script = words.get("s");
  if (script !== null && state.lesson === undefined) {
    try {
      state.script = await unpack(script);
    } catch {
      // A link that was cut off.
    }
  }
  const step = numberIn(words.get("n"));
  if (step !== undefined) state.step = step;
  const compare = words.get("c");
  if (compare !== null) state.compare = compare;
  const quiz = numberIn(words.get("q"));
  if (quiz !== undefined) state.quiz = quiz;
  const walk = words.get("w");
  if (walk !== null && /^\d+:0x[0-9a-f]{1,16}$/.test(walk)) state.walk = walk;
  const frames = words.get("f");
  if (frames === "age" || frames === "dirty") state.frames = frames;
  return state;
}
