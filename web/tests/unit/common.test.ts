import {afterEach, describe, expect, it} from "vitest";
import {nameOf} from "../../src/common/keyboard";
import {bytes, count, hex, percent, short, time, times} from "../../src/common/numbers";
import {base64Of, bytesOf, gunzip} from "../../src/common/payload";
import {language} from "../../src/common/settings";
import {kCatalogue, type TextKey, t, textIn} from "../../src/common/texts";

afterEach(() => {
  language.value = "en";
});

describe("numbers", () => {
  it("are told in powers of 1024 for bytes", () => {
    expect([0, 1023, 1024, 1536, 412 * 1024 ** 2, 3.5 * 1024 ** 3].map((n) => bytes(n))).toEqual([
      "0 B",
      "1,023 B",
      "1 KiB",
      "1.5 KiB",
      "412 MiB",
      "3.5 GiB",
    ]);
  });
  it("are told with three digits where they are long", () => {
    expect([0, 9999, 10_000, 1_234_567, 999_999].map(short)).toEqual([
      "0",
      "9,999",
      "10 k",
      "1.23 M",
      "1 M",
    ]);
    expect([5, 1500, 2.5e6, 3e9, 1.2e11].map(time)).toEqual([
      "5 ns",
      "1.5 µs",
      "2.5 ms",
      "3 s",
      "2 min",
    ]);
    expect([0.5, 0.0123, 0.00012].map(percent)).toEqual(["50 %", "1.23 %", "0.012 %"]);
    expect([1, 1.256, 123.4].map(times)).toEqual(["1×", "1.26×", "123×"]);
  });
  it("keep every digit where they are exact", () => {
    expect(count(18446744073709551615n)).toBe("18,446,744,073,709,551,615");
    expect(hex(0x7ffe_0000_1000n)).toBe("0x7ffe00001000");
  });
});

describe("texts", () => {
  const keys = Object.keys(kCatalogue) as TextKey[];
  it("are there in both languages with the same values in them", () => {
    for (const key of keys) {
      const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();
      const {en, ko} = kCatalogue[key];
      expect(en.trim(), key).not.toBe("");
      expect(ko.trim(), key).not.toBe("");
      expect(names(ko), key).toEqual(names(en));
    }
  });
  it("follow the language and take values", () => {
    expect(t("unit.pages", {n: 3})).toBe("3 pages");
    language.value = "ko";
    expect(t("unit.pages", {n: 3})).toBe("3페이지");
    expect(textIn("en", "unit.pages", {m: 3})).toBe("{n} pages");
  });
});

describe("payloads", () => {
  it("come out as they went in", async () => {
    const all = Uint8Array.from({length: 40_000}, (_, i) => (i * 7919) & 0xff);
    const same = (bytes: Uint8Array) => Buffer.compare(bytes, all) === 0;
    expect(same(bytesOf(base64Of(all)))).toBe(true);
    const packed = new Blob([all]).stream().pipeThrough(new CompressionStream("gzip"));
    const base64 = base64Of(new Uint8Array(await new Response(packed).arrayBuffer()));
    expect(same(new Uint8Array(await gunzip(base64)))).toBe(true);
  });
});

describe("keys", () => {
  it("are named with Shift only where no letter tells", () => {
    expect(nameOf({key: "?", shiftKey: true})).toBe("?");
    expect(nameOf({key: "ArrowLeft", shiftKey: true})).toBe("Shift+ArrowLeft");
    expect(nameOf({key: "n", shiftKey: false})).toBe("n");
  });
});
