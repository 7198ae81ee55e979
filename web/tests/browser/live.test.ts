// The live page as a person uses it: the tool serves it, headless Chromium opens it.
//
// PW_TOOL: the program pagewright, with pages and server in it. What is not there is skipped.
import {type ChildProcess, execFileSync, spawn} from "node:child_process";
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {request} from "node:http";
import {tmpdir} from "node:os";
import {join} from "node:path";
import type {Browser, BrowserContextOptions, Page} from "playwright-core";
import {afterAll, afterEach, beforeAll, describe, expect, it} from "vitest";
import type {State} from "../../src/explorer/model";
import {barriers, browserPath, openBrowser} from "./browser";

const root = join(import.meta.dirname, "../../..");
const tool = process.env.PW_TOOL ?? join(root, "build/release/pagewright");
const script = join(root, "data/scripts/thrashing.pws");

// Whether this build of the tool can serve the page; else it says why not and ends.
function canServe(): boolean {
  if (!existsSync(tool)) return false;
  const words = ["explore", "--live", "--no-open", join(root, "no_such_script.pws")];
  try {
    execFileSync(tool, words, {stdio: "pipe"});
  } catch (error) {
    return !/HTML pages|HTTP server/.test(String((error as {stderr?: Buffer}).stderr));
  }
  return false;
}

interface Running {
  process: ChildProcess;
  url: string;
  ended: Promise<number | null>;
}
async function start(...words: string[]): Promise<Running> {
  const child = spawn(tool, ["explore", "--live", "--no-open", ...words], {stdio: "pipe"});
  const ended = new Promise<number | null>((done) => child.on("exit", (status) => done(status)));
  let said = "";
  const url = await new Promise<string>((found, failed) => {
    child.stderr?.on("data", (part) => {
      said += part;
      const address = /http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{40}\//.exec(said);
      if (address !== null) found(address[0]);
    });
    ended.then((status) => failed(new Error(`it ended with ${status}: ${said}`)));
  });
  return {process: child, url, ended};
}

const stateOf = (page: Page): Promise<State | undefined> =>
  page.evaluate(() =>
    (globalThis as unknown as {pagewright: {state(): State | undefined}}).pagewright.state(),
  );
const stepOf = async (page: Page) => (await stateOf(page))?.step ?? -1;

describe.skipIf(browserPath === undefined || !canServe())("a run that is followed", () => {
  let browser: Browser;
  const running: Running[] = [];
  const folder = mkdtempSync(join(tmpdir(), "pw-live-"));
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterEach(async () => {
    for (const each of running.splice(0)) {
      each.process.kill("SIGKILL");
      await each.ended;
    }
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, {recursive: true});
  });
  const begin = async (...words: string[]) => {
    const started = await start(...words);
    running.push(started);
    return started;
  };
  const open = async (url: string, options: BrowserContextOptions = {}) => {
    const context = await browser.newContext({locale: "en-US", ...options});
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("request", (asked) => {
      if (!asked.url().startsWith(url)) complaints.push(`request: ${asked.url()}`);
    });
    await page.goto(url);
    await page.locator(".maps").waitFor();
    return {page, complaints, close: () => context.close()};
  };

  it("moves by itself, pauses, steps and goes on to its end", async () => {
    const {url, process: child, ended} = await begin("--speed", "30", script);
    const {page, complaints, close} = await open(url);
    const first = await stepOf(page);
    await expect.poll(() => stepOf(page)).toBeGreaterThan(first + 3);
    await page.locator("#live-pause").click();
    await expect.poll(() => page.locator("#live-mode").textContent()).toBe("paused");
    const paused = await stepOf(page);
    const counters = (await stateOf(page))?.counters;
    await page.waitForTimeout(300);
    expect(await stepOf(page)).toBe(paused);
    expect((await stateOf(page))?.counters).toEqual(counters);
    await page.locator("#live-step").click();
    await expect.poll(() => stepOf(page)).toBe(paused + 1);
    await page.keyboard.press("Shift+ArrowRight");
    await expect.poll(() => stepOf(page)).toBe(paused + 101);
    await page.locator("#live-fault").click();
    await expect.poll(() => stepOf(page)).toBeGreaterThan(paused + 101);
    expect((await stateOf(page))?.faults.count).toBeGreaterThan(0);
    await page.getByText("Why this fault?").waitFor();
    await page.locator("#speed").selectOption("0");
    await page.keyboard.press(" ");
    await page.getByText("The run has ended; this is its last state.").waitFor();
    expect(await page.locator("#live-step").isDisabled()).toBe(true);
    expect(await page.locator(".courses canvas").count()).toBe(2);
    // The tool ends; the page keeps what it knows and says so.
    const last = JSON.stringify(await stateOf(page));
    child.kill("SIGINT");
    expect(await ended).toBe(0);
    await page.getByText("pagewright has ended").waitFor();
    expect(JSON.stringify(await stateOf(page))).toBe(last);
    expect(complaints).toEqual([]);
    await close();
  });

  it("tells what the script comes to on the command line", async () => {
    const {url} = await begin("--speed", "0", script);
    const {page, close} = await open(url);
    await page.getByText("The run has ended").waitFor();
    // What the page shows, as checks behind the same script.
    const counters = (await stateOf(page))?.counters ?? [];
    expect(counters.find(([name]) => name === "references")?.[1]).toBeGreaterThan(0);
    const checks = counters.map(([name, value]) => `expect machine ${name} = ${value}`).join("\n");
    const file = join(folder, "checked.pws");
    writeFileSync(file, `${readFileSync(script, "utf8")}\n${checks}\n`);
    const said = execFileSync(tool, ["script", file], {encoding: "utf8"});
    expect(said).toMatch(/all as expected/);
    await close();
  });

  it("shows the walk of a page that is chosen, at each state", async () => {
    const {url} = await begin("--paused", script);
    const {page, close} = await open(url);
    await expect.poll(() => page.locator("#live-mode").textContent()).toBe("paused");
    await page.locator("#live-step100").click();
    await expect.poll(() => stepOf(page)).toBe(100);
    const field = page.locator(".maps [role=application]").first();
    await field.focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.getByRole("button", {name: "Follow the accesses again"}).waitFor();
    const said = (await page.locator(".maps .said").first().textContent()) ?? "";
    await expect.poll(() => page.locator(".walk-head code").textContent()).toBe(said.split(":")[0]);
    expect(said).toMatch(/^0x/);
    await close();
  });

  it("is for nobody else", async () => {
    const {url} = await begin("--paused", script);
    const answer = (address: string, headers: Record<string, string>) =>
      new Promise<number | undefined>((done, failed) => {
        const asked = request(address, {headers}, (response) => {
          response.resume();
          done(response.statusCode);
        });
        asked.on("error", failed);
        asked.end();
      });
    const {host, pathname, port} = new URL(url);
    expect(await answer(url, {})).toBe(200);
    expect(await answer(`http://${host}/`, {})).toBe(403);
    expect(await answer(`http://${host}/${"0".repeat(40)}/`, {})).toBe(403);
    expect(await answer(url, {host: `evil.example:${port}`})).toBe(403);
    expect(await answer(url, {origin: "https://evil.example"})).toBe(403);
    // A page from elsewhere, in the same browser, even if it knows the address.
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto("data:text/html,<title>elsewhere</title>");
    const got = await page.evaluate(async (address) => {
      try {
        return (await fetch(address)).status;
      } catch {
        return "blocked";
      }
    }, url);
    expect(got).toBe("blocked");
    expect(pathname.length).toBe(42);
    await context.close();
  });

  it("has no barriers, in both languages and themes, on a phone too", async () => {
    const {url} = await begin("--speed", "0", script);
    const {page, complaints, close} = await open(url, {viewport: {width: 390, height: 844}});
    await page.getByText("The run has ended").waitFor();
    expect(await barriers(page)).toEqual([]);
    await page.locator("#language").click();
    await page.locator("#theme").click();
    await page.getByText("실행이 끝났습니다").waitFor();
    expect(await barriers(page)).toEqual([]);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide).toBeLessThanOrEqual(390);
    expect(complaints).toEqual([]);
    await close();
  });
});
