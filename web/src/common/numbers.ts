// Numbers as people read them, in the reader's language. Bytes in powers of 1024, as the command
// line tells them.
import {language} from "./settings";

const kBytes = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

function locale(): string {
  return language.value === "ko" ? "ko-KR" : "en-US";
}

function digits(value: number, most: number): string {
  return value.toLocaleString(locale(), {maximumFractionDigits: most});
}

// Three leading digits: 1.23, 12.3, 123.
function three(value: number): string {
  const size = Math.abs(value);
  return digits(value, size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : 2);
}

export function count(value: number | bigint): string {
  return value.toLocaleString(locale());
}

// 1,234 as it is, 1,234,567 as 1.23 M.
export function short(value: number): string {
  const units = ["", " k", " M", " G", " T", " P", " E"];
  if (Math.abs(value) < 10_000) return digits(value, Number.isInteger(value) ? 0 : 2);
  let unit = 0;
  while (Math.abs(value) >= 999.5 && unit + 1 < units.length) {
    value /= 1000;
    ++unit;
  }
  return `${three(value)}${units[unit]}`;
}

export function bytes(value: number): string {
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit + 1 < kBytes.length) {
    value /= 1024;
    ++unit;
  }
  return `${three(value)} ${kBytes[unit]}`;
}

export function pages(value: number, pageSize = 4096): string {
  return bytes(value * pageSize);
}

export function time(ns: number): string {
  const units: [number, string][] = [
    [60e9, "min"],
    [1e9, "s"],
    [1e6, "ms"],
    [1e3, "µs"],
  ];
  for (const [size, name] of units) {
    if (Math.abs(ns) >= size) return `${three(ns / size)} ${name}`;
  }
  return `${three(ns)} ns`;
}

export function percent(part: number): string {
  const value = part * 100;
  const most = Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return `${digits(value, most)} %`;
}

export function times(value: number): string {
  return `${value >= 1e4 ? short(value) : digits(value, value >= 100 ? 0 : 2)}×`;
}

export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}
