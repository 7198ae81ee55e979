// The comparison of two recordings as a reader has it: written by the tool, opened from a file
// offline, every control used.
import {execFileSync} from "node:child_process";
import {existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import type {Browser, Page} from "playwright-core";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {count, pages} from "../../src/common/numbers";
import {barriers, browserPath, openBrowser, openPage} from "./browser";

const tool = process.env.PW_TOOL ?? "";
const kMostBytes = 5 * 1024 * 1024;

interface Figure {
  key: string;
  a: number;
  b: number;
}

async function settled(page: Page): Promise<void> {
  await page.waitForSelector("#figures tbody tr");
  await expect.poll(() => page.locator("#at-ram").textContent()).toMatch(/A [\d,]+, B [\d,]+/);
}

describe.skipIf(browserPath === undefined || !existsSync(tool))("the comparison page", () => {
  let browser: Browser;
  let folder: string;
  let file: string;
  let figures: Figure[];
  const of = (key: string) => figures.find((one) => one.key === key) ?? {key, a: -1, b: -1};
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pagewright-diff-"));
    const call = (...words: string[]) => execFileSync(tool, words, {stdio: "pipe"}).toString();
    const recorded = (name: string, lines: number) => {
      const input = join(folder, `<img src=x onerror=alert(1)>${name}.txt`);
      const numbers = Array.from({length: lines}, (_, i) => Math.imul(i + 1, 2654435761) >>> 0);
      writeFileSync(input, numbers.join("\n"));
      const recording = join(folder, `${name}.pwrec`);
      const sort = ["sort", "--parallel=1", "-o", "/dev/null", input];
      call("record", "-o", recording, "--", ...sort);
      return recording;
    };
    const a = recorded("small", 10_000);
    const b = recorded("large", 30_000);
    file = join(folder, "diff.html");
    call("diff", a, b, "--html", file);
    figures = JSON.parse(call("diff", a, b, "--json")).figures;
    browser = await openBrowser();
  }, 240_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, {recursive: true, force: true});
  });

  it("answers first, in figures that the command line tells, too", async () => {
    expect(statSync(file).size).toBeLessThan(kMostBytes);
    const {page, complaints, close} = await openPage(browser, file);
    await settled(page);
    const told = await page.locator(".answer").textContent();
    const needs = of("slowdown_pages");
    expect(needs.b).toBeGreaterThan(needs.a);
    expect(told).toContain(`B needs ${pages(needs.b - needs.a)} more than A`);
    expect(told).toContain(`Page faults: ${count(of("faults").a)}, then ${count(of("faults").b)}`);
    expect(await page.locator("img").count()).toBe(0);
    expect(complaints).toEqual([]);
    await close();
  });

  it("counts both again for every slider and choice", async () => {
    const {page, complaints, close} = await openPage(browser, file);
    await settled(page);
    const told = () => page.locator("#at-ram").textContent();
    await page.locator("#ram").fill("400");
    const last = await told();
    const touched = of("first_touches");
    expect(last).toContain(`A ${count(touched.a)}, B ${count(touched.b)}`);
    await page.locator("#ram").fill("0");
    await expect.poll(told).not.toBe(last);
    const lru = await told();
    await page.locator("#policy").selectOption("fifo");
    await expect.poll(told).not.toBe(lru);
    expect(await told()).toMatch(/A [\d,]+.*, B [\d,]+/);
    // So small a memory has fewer large pages than the recordings' filter.
    await page.locator("#page-size").selectOption("1");
    await expect.poll(told).toContain("A not known, B not known");
    expect(complaints).toEqual([]);
    await close();
  });

  it("shows where bytes came and went", async () => {
    const {page, complaints, close} = await openPage(browser, file, {acceptDownloads: true});
    await settled(page);
    const colours = async () =>
      page
        .locator("#flame-graph rect")
        .evaluateAll((all) => all.map((r) => r.getAttribute("fill")));
    expect((await colours()).some((fill) => fill?.startsWith("hsl(8 "))).toBe(true);
    await page.locator("#flame-by").selectOption("a");
    expect((await colours()).length).toBeGreaterThan(1);
    expect(await page.locator("#areas tbody").textContent()).toContain("[heap]");
    expect(await page.locator("#sites tbody tr").count()).toBeGreaterThan(1);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", {name: /^Figures side by side: Save as CSV/}).click(),
    ]);
    const csv = readFileSync(await download.path(), "utf8");
    expect(csv).toContain(`page faults,${of("faults").a},${of("faults").b},`);
    expect(complaints).toEqual([]);
    await close();
  });

  it.each(["light", "dark"] as const)(
    "has no barriers in %s, nor on a phone",
    async (colorScheme) => {
      const {page, close} = await openPage(browser, file, {colorScheme});
      await settled(page);
      expect(await barriers(page)).toEqual([]);
      await page.setViewportSize({width: 390, height: 800});
      await page.waitForTimeout(300);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide).toBeLessThanOrEqual(390);
      await close();
    },
  );

  it("speaks Korean", async () => {
    const {page, complaints, close} = await openPage(browser, file, {locale: "ko-KR"});
    await page.waitForSelector("#figures tbody tr");
    expect(await page.locator("main h2").first().textContent()).toBe("무엇이 달라졌는가?");
    expect(complaints).toEqual([]);
    await close();
  });
});
