// The report of a real program as a reader has it: recorded, written by the tool, opened from a
// file offline, every control used.
import {execFileSync} from "node:child_process";
import {existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import type {Browser, Page} from "playwright-core";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {pages} from "../../src/common/numbers";
import {barriers, browserPath, openBrowser, openPage} from "./browser";

const tool = process.env.PW_TOOL ?? "";
const kMostBytes = 5 * 1024 * 1024;

async function readDownload(page: Page, name: RegExp): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", {name}).first().click(),
  ]);
  return readFileSync(await download.path(), "utf8");
}

async function settled(page: Page): Promise<void> {
  await page.waitForSelector("section[aria-busy=false] #at-ram tbody tr");
}

describe.skipIf(browserPath === undefined || !existsSync(tool))("the report page", () => {
  let browser: Browser;
  let folder: string;
  let file: string;
  let need: {slowdown_pages: number; knee_pages: number; fits_in_pages: number};
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pagewright-report-"));
    const lines = Array.from({length: 30_000}, (_, i) => `${Math.imul(i + 1, 2654435761) >>> 0}\n`);
    // Names are what a hostile recording would put into a page.
    const input = join(folder, "<img src=x onerror=alert(1)>&'\".txt");
    writeFileSync(input, lines.join(""));
    file = join(folder, "sort.html");
    const recording = join(folder, "sort.pwrec");
    const sort = ["sort", "--parallel=1", "-o", "/dev/null", input];
    const call = (...words: string[]) => execFileSync(tool, words, {stdio: "pipe"}).toString();
    call("run", "--html", file, "--what-if", "ram=50%", "-o", recording, "--", ...sort);
    need = JSON.parse(call("report", recording, "--json")).need;
    browser = await openBrowser();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, {recursive: true, force: true});
  });

  it("is one bounded file that asks for nothing and complains of nothing", async () => {
    expect(statSync(file).size).toBeLessThan(kMostBytes);
    const {page, complaints, close} = await openPage(browser, file);
    await settled(page);
    expect(complaints).toEqual([]);
    await close();
  });

  it("answers first, in figures that the command line tells, too", async () => {
    const {page, close} = await openPage(browser, file);
    await settled(page);
    const told = await page.locator(".answer").textContent();
    expect(told).toContain(`It needs ${pages(need.slowdown_pages)} for at most 5 % slowdown.`);
    expect(told).toContain(`rise steeply, is at ${pages(need.knee_pages)}.`);
    expect(told).toContain(`With ${pages(need.fits_in_pages)} every page`);
    const first = page.locator("main h2").first();
    expect(await first.textContent()).toBe("How much memory does it need?");
    await close();
  });

  it("shows names of the program as text, whatever is in them", async () => {
    const {page, close} = await openPage(browser, file);
    await settled(page);
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.locator("header .what").textContent()).toContain(
      "<img src=x onerror=alert(1)>",
    );
    await close();
  });

  it("counts again for every slider and choice", async () => {
    const {page, complaints, close} = await openPage(browser, file);
    await settled(page);
    const faults = async () =>
      page
        .locator("#at-ram tbody tr", {hasText: "lru"})
        .first()
        .locator("td")
        .first()
        .textContent();
    const number = (text: string | null) => Number((text ?? "").replaceAll(",", ""));
    const slower = async () =>
      page.locator("#at-ram tbody tr", {hasText: "lru"}).first().locator("td").last().textContent();
    const first = await faults();
    await page.locator("#ram").fill("20");
    await expect.poll(faults).not.toBe(first);
    const few = await faults();
    await page.locator("#ram").fill("200");
    await expect.poll(faults).not.toBe(few);
    expect(number(await faults())).toBeLessThan(number(few));
    const devices = await page.locator("#device option").allTextContents();
    const choose = (name: string) =>
      page.locator("#device").selectOption(String(devices.findIndex((d) => d.startsWith(name))));
    await choose("zram");
    const zram = await slower();
    await choose("hdd");
    await expect.poll(slower).not.toBe(zram);
    await page.locator("#page-size").selectOption("1");
    await settled(page);
    await page.getByLabel("fifo", {exact: true}).check();
    await page.locator("#at-ram tbody tr", {hasText: "fifo"}).waitFor();
    await page.locator("#metric").selectOption("slowdown");
    await settled(page);
    expect(complaints).toEqual([]);
    await close();
  });

  it("looks at a part of the run in all views, by mouse and by keyboard", async () => {
    const {page, complaints, close} = await openPage(browser, file);
    await settled(page);
    const whole = await page.locator(".answer").textContent();
    const plot = page.locator("section", {has: page.locator("#ws-title")}).locator(".u-over");
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    if (box === null) throw new Error("no chart");
    await page.mouse.move(box.x + box.width * 0.6, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.9, box.y + 60, {steps: 5});
    await page.mouse.up();
    await expect.poll(() => page.locator("#window-text").textContent()).toMatch(/^From reference/);
    await settled(page);
    expect(await page.locator(".answer").textContent()).not.toBe(whole);
    const text = await page.locator("#window-text").textContent();
    await page.locator("#content").focus();
    await page.keyboard.press("ArrowLeft");
    expect(await page.locator("#window-text").textContent()).not.toBe(text);
    await page.keyboard.press("+");
    await page.keyboard.press("-");
    await page.keyboard.press("a");
    await expect.poll(() => page.locator("#window-text").textContent()).toMatch(/^The whole run/);
    expect(complaints).toEqual([]);
    await close();
  });

  it("tells who touches memory in three orders and two measures", async () => {
    const {page, complaints, close} = await openPage(browser, file);
    await settled(page);
    for (const name of ["Left heavy", "Time order", "Sandwich"]) {
      await page.getByRole("button", {name}).click();
      expect(await page.locator("#flame-graph rect").count()).toBeGreaterThan(1);
    }
    await page.locator("#flame-measure").selectOption("faults");
    await page.locator("#flame-policy").selectOption("clock");
    expect(await page.locator("#flame-callers rect").count()).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
    await close();
  });

  it("saves what it shows", async () => {
    const {page, close} = await openPage(browser, file, {acceptDownloads: true});
    await settled(page);
    const csv = await readDownload(page, /^Faults by size of RAM: Save as CSV/);
    expect(csv.split("\r\n")[0]).toMatch(/^RAM,lru,lru ±,opt/);
    expect(csv.split("\r\n").length).toBeGreaterThan(10);
    const svg = await readDownload(page, /^Faults by size of RAM: Save as SVG/);
    expect(svg).toMatch(/^<svg [\s\S]*<path d="M[\s\S]*<\/svg>$/);
    const areas = await readDownload(page, /^Areas of memory: Save as CSV/);
    expect(areas).toContain("[heap]");
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

  it("shows predictions beside a measurement, if there was one", async () => {
    const truth = join(import.meta.dirname, "../../../tests/data/truth/seqloop.json");
    const checked = join(folder, "checked.html");
    const recording = join(folder, "sort.pwrec");
    const call = (...words: string[]) => execFileSync(tool, ["report", recording, ...words]);
    call("--truth", truth, "--html", checked);
    const {check} = JSON.parse(call("--truth", truth, "--json").toString());
    const {page, complaints, close} = await openPage(browser, checked);
    await settled(page);
    const rows = page.locator("#check tbody tr");
    const first = await rows.first().locator("td").allTextContents();
    const figure = check.rows[0].figures[0];
    expect(first.slice(0, 4)).toEqual([
      "no limit",
      "minor faults",
      figure.predicted.toLocaleString("en-US"),
      figure.measured.median.toLocaleString("en-US"),
    ]);
    expect(first[6]).toBe("off"); // it is another program's
    expect(await page.getByText("The recording is of another command").count()).toBe(1);
    expect(complaints).toEqual([]);
    await close();
    const without = await openPage(browser, file);
    await settled(without.page);
    expect(await without.page.locator("#check").count()).toBe(0);
    await without.close();
  });

  it("speaks Korean", async () => {
    const {page, complaints, close} = await openPage(browser, file, {locale: "ko-KR"});
    await settled(page);
    expect(await page.locator("main h2").first().textContent()).toBe("메모리가 얼마나 필요한가?");
    expect(complaints).toEqual([]);
    await close();
  });
});
