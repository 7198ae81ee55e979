// Bytes that stand in the page as text: base64 of gzip (the core) or of zstd (data of the tool).
import {decompress} from "fzstd";

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; ++i) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export function base64Of(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

export async function gunzip(base64: string): Promise<ArrayBuffer> {
  const packed = new Blob([bytesOf(base64)]).stream();
  return new Response(packed.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

export function unzstd(base64: string): Uint8Array {
  return decompress(bytesOf(base64));
}

// What the tool put into the page; nothing in a page as it was built.
export function dataOfPage(): Uint8Array | undefined {
  const text = document.getElementById("pw-data")?.textContent?.trim() ?? "";
  return text === "" || text.startsWith("@") ? undefined : unzstd(text);
}
