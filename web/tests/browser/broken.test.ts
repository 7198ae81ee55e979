// Pages with data that is none: they say so, and nothing of it is run.
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import type {Browser} from "playwright-core";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {browserPath, openBrowser, openPage, pagesFolder} from "./browser";
import {zstdCompress} from "./zstd";

const kMark = "@PAGEWRIGHT_DATA@";

function block(meta: object): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(meta));
  const bytes = new Uint8Array(Math.ceil((4 + text.length) / 8) * 8);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  return bytes;
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

describe.skipIf(browserPath === undefined)("a report page with broken data", () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pagewright-broken-"));
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, {recursive: true, force: true});
  });

  it.each([
    ["text that is no base64", "<b>!!!</b>"],
    ["bytes that are no zstd frame", base64(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))],
    ["another version", base64(zstdCompress(block({schema: "pagewright.page/9"})))],
    ["a length beyond the end", base64(zstdCompress(Uint8Array.of(255, 255, 255, 255, 0)))],
    ["nothing but the version", base64(zstdCompress(block({schema: "pagewright.page/1"})))],
  ])("%s", async (_, data) => {
    const html = readFileSync(join(pagesFolder, "report.html"), "utf8");
    expect(html.split(kMark).length).toBe(2);
    const file = join(folder, "page.html");
    writeFileSync(file, html.replace(kMark, data));
    const {page, complaints, close} = await openPage(browser, file);
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("heading", {level: 1}).textContent()).toBe(
      "This page cannot be shown",
    );
    expect(complaints).toEqual([]);
    await close();
  });
});
