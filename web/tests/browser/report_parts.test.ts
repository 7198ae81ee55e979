// Parts of a run and hostile recordings in the report page, as a reader has them.
import {execFileSync, spawnSync} from "node:child_process";
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {inflateSync} from "node:zlib";
import type {Browser, Page} from "playwright-core";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {browserPath, openBrowser, openPage} from "./browser";

// A recording without any reference: deflated, in base64.
const kEmpty =
  "eNrrDAgPcnXm5WJmYGBwAGJGJiYeRgbC4HdeamFjvOWczoBwJx9vXi4msF4eFDWMSDQXA3FA9LfThskq0poV/Rdz" +
  "LVZEX9fYqv9XgZETKAOziRlqEyMWm0CAk4ANL5ghtH9b9oy5l87Mn7eD78T1z6vLwTaBTIJZxILHIkUg1iLSIhEr" +
  "vUmT+j+mXlXo5edi0VgAtkiRk5GBUdKmOLkos6DELjEntahEw1DTRh8qANEJcwkjHpewAjEfDhcwornkqIQkx+rv" +
  "gnXfIoseXL1cZwx2CasmKDCAamG2ceGJSlAS0SUyKudPar9xrYw1w2N3hB/bE2GIvx1UGRk+dGJNdLAkxcggc4EF" +
  "5hhuPI7hACa6CzgsZ0Xjb3ViylJuVnl/NLnzOkdCugTIMQkcjKZsDC0cDgzoqZiRgQs9Ia5iBqbCF1jSjTAjCyM4" +
  "OaDH81xGcNwwooc6NxMXJBzRA0iGQZuFgdFhrYLhBE4HvgXCC8IENl1I5G1h7W06onD6ioBAW6dAjEJHNPOS5p5Y" +
  "Z/aGm36PpyYcbGDcx9bACvSBq58LL9cMJlT/r+ieanSH8VYjAI/GroY=";

const tool = process.env.PW_TOOL ?? "";

async function settled(page: Page): Promise<void> {
  await page.waitForSelector("section[aria-busy=false] #at-ram[aria-busy=false] tbody tr");
}

// Cells of a column of a table, all of its rows.
async function column(page: Page, table: string, index: number): Promise<string[]> {
  const section = page.locator("section", {has: page.locator(`#${table}-title`)});
  const more = section.getByRole("button", {name: /^Show all/});
  if ((await more.count()) > 0) await more.first().click();
  return page.locator(`#${table} tbody tr td:nth-child(${index + 1})`).allTextContents();
}

const number = (text: string | undefined) => Number((text ?? "").replaceAll(",", ""));

async function counter(page: Page, name: string): Promise<number> {
  const names = await column(page, "counters", 1);
  const values = await column(page, "counters", 2);
  return number(values[names.indexOf(name)]);
}

async function total(page: Page, table: string, index: number): Promise<number> {
  return (await column(page, table, index)).reduce((sum, text) => sum + number(text), 0);
}

async function bytesOf(page: Page, name: RegExp): Promise<Buffer> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", {name}).first().click(),
  ]);
  return readFileSync(await download.path());
}

describe.skipIf(browserPath === undefined || !existsSync(tool))("parts of a run", () => {
  let browser: Browser;
  let folder: string;
  let file: string;
  let recording: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pagewright-parts-"));
    const input = join(folder, "lines");
    const lines = Array.from({length: 20_000}, (_, i) => `${Math.imul(i + 1, 2654435761) >>> 0}\n`);
    writeFileSync(input, lines.join(""));
    file = join(folder, "parts.html");
    recording = join(folder, "parts.pwrec");
    // Forks first, then a program that runs for long.
    const script = `(:) ; (:) ; exec sort --parallel=1 -o /dev/null '${input}'`;
    const words = ["run", "--html", file, "-o", recording, "--", "sh", "-c", script];
    execFileSync(tool, words, {stdio: "pipe"});
    browser = await openBrowser();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, {recursive: true, force: true});
  });

  it("add up to the whole in every table", async () => {
    const {page, complaints, close} = await openPage(browser, file);
    await settled(page);
    const look = async () => ({
      minor: await counter(page, "minor"),
      areas: await total(page, "areas", (await page.locator("#areas thead th").count()) - 2),
      walks: await total(page, "tlb", 1),
      copied: await total(page, "fork", 1),
      forks: await counter(page, "forks"),
    });
    const whole = await look();
    expect(whole.forks).toBe(2);
    expect(whole.copied).toBeGreaterThan(0);
    const written = await total(page, "fork-sites", 1);
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThanOrEqual(whole.copied);
    expect((await column(page, "fork-sites", 0)).some((name) => name.includes(" ← "))).toBe(true);
    const {bins} = await page.evaluate(() => ({
      bins: Number((document.querySelector("#window-to") as HTMLInputElement).max),
    }));
    const cut = Math.floor(bins / 3);
    await page.locator("#window-to").fill(String(cut));
    await settled(page);
    const early = await look();
    await page.locator("#window-all").click();
    await page.locator("#window-from").fill(String(cut));
    await settled(page);
    const late = await look();
    for (const key of ["minor", "areas", "walks", "copied", "forks"] as const) {
      expect(`${key} ${early[key] + late[key]}`).toBe(`${key} ${whole[key]}`);
    }
    expect(early.forks).toBe(2);
    expect(late.forks).toBe(0);
    expect(late.minor).toBeGreaterThan(0);
    expect(early.minor).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
    await close();
  });

  it("list the call sites that the flame graph draws", async () => {
    const {page, close} = await openPage(browser, file);
    await settled(page);
    const functions = async () => {
      const rows = page.locator("#sites tbody tr");
      const names = await rows.locator("td:first-child").allTextContents();
      return names.map((name) => name.slice(0, 12));
    };
    const whole = await functions();
    expect(whole.length).toBeGreaterThan(3);
    const drawn = await page.locator("#flame-graph title").allTextContents();
    for (const name of whole.slice(0, 3)) {
      expect(drawn.some((text) => text.startsWith(name))).toBe(true);
    }
    await page.locator("#window-from").fill("400");
    await expect.poll(functions).not.toEqual(whole);
    await close();
  });

  it("are saved in every form", async () => {
    const {page, close} = await openPage(browser, file, {acceptDownloads: true});
    await settled(page);
    const isPng = (bytes: Buffer) => bytes.subarray(1, 4).toString() === "PNG";
    for (const view of ["Faults by size of RAM", "Addresses over time", "Who touches memory"]) {
      const svg = (await bytesOf(page, new RegExp(`^${view}: Save as SVG`))).toString();
      expect(svg).toMatch(/^<svg [\s\S]*<text[\s\S]*<\/svg>$/);
      const png = await bytesOf(page, new RegExp(`^${view}: Save as PNG`));
      expect(isPng(png)).toBe(true);
      expect(png.length).toBeGreaterThan(3000);
      const csv = (await bytesOf(page, new RegExp(`^${view}: Save as CSV`))).toString();
      expect(csv.split("\r\n").length).toBeGreaterThan(5);
    }
    await close();
  });

  it("are told of what is left of a broken recording", async () => {
    const bytes = readFileSync(recording);
    const broken = join(folder, "broken.pwrec");
    const page_ = join(folder, "broken.html");
    // A stretch in the middle is gone: what stands there does not decode.
    const middle = Math.floor(bytes.length / 2);
    writeFileSync(broken, Buffer.from(bytes).fill(0x5a, middle, middle + 64));
    execFileSync(tool, ["report", broken, "--html", page_], {stdio: "pipe"});
    const {page, complaints, close} = await openPage(browser, page_);
    await settled(page);
    const how = page.locator("section", {has: page.locator("#how-title")});
    expect(await how.locator("li").count()).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
    await close();
  });

  it("are none where nothing was recorded, and the page says so in all its parts", async () => {
    const empty = join(folder, "empty.pwrec");
    const page_ = join(folder, "empty.html");
    writeFileSync(empty, inflateSync(Buffer.from(kEmpty, "base64")));
    execFileSync(tool, ["report", empty, "--html", page_], {stdio: "pipe"});
    const {page, complaints, close} = await openPage(browser, page_);
    await settled(page);
    expect(await page.locator("main h2").count()).toBeGreaterThan(10);
    expect(await page.getByText("No page was touched for the first time here.").count()).toBe(1);
    expect(await page.locator("#window-text").textContent()).toContain("0 references");
    expect(complaints).toEqual([]);
    await close();
  });

  it("are refused in one line where nothing is left", () => {
    const nothing = join(folder, "nothing.pwrec");
    const page_ = join(folder, "nothing.html");
    writeFileSync(nothing, "<html>not a recording</html>");
    const done = spawnSync(tool, ["report", nothing, "--html", page_], {encoding: "utf8"});
    expect(done.status).toBe(2);
    expect(done.stdout).toBe("");
    expect(done.stderr.trim().split("\n").length).toBe(1);
    expect(existsSync(page_)).toBe(false);
  });
});
