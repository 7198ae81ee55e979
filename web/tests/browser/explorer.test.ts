// The explorer as a person uses it: in headless Chromium, from a file, offline.
import {join} from "node:path";
import type {Browser, Page} from "playwright-core";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {barriers, browserPath, type Opened, openBrowser, openPage, pagesFolder} from "./browser";

interface Hook {
  step(): number;
  state(): unknown;
}
const file = join(pagesFolder, "explorer.html");
const stateOf = (page: Page) =>
  page.evaluate(() =>
    JSON.stringify((globalThis as unknown as {pagewright: Hook}).pagewright.state()),
  );
const stepOf = (page: Page) =>
  page.evaluate(() => (globalThis as unknown as {pagewright: Hook}).pagewright.step());

describe.skipIf(browserPath === undefined)("the explorer", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser.close();
  });
  const open = async (fragment = "", options = {}): Promise<Opened> => {
    const opened = await openPage(browser, file, {fragment, ...options});
    await opened.page.locator("#forward").or(opened.page.locator("#quiz")).first().waitFor();
    return opened;
  };

  it("steps, goes back, resets and finds faults with its buttons", async () => {
    const {page, complaints, close} = await open("#l=demand_paging");
    expect(await stepOf(page)).toBe(0);
    await page.locator("#forward").click();
    await page.locator("#forward").click();
    expect(await stepOf(page)).toBe(2);
    await page.locator("#back").click();
    expect(await stepOf(page)).toBe(1);
    await page.locator("#next-fault").click();
    await page.getByText("Why this fault?").waitFor();
    const fault = await stepOf(page);
    expect(await page.locator(".why li").count()).toBe(5);
    await page.getByRole("button", {name: "State before"}).click();
    expect(await stepOf(page)).toBe(fault - 1);
    await page.locator("#reset").click();
    expect(await stepOf(page)).toBe(0);
    await page.locator("#at").fill("7");
    await page.locator("#at").press("Enter");
    expect(await stepOf(page)).toBe(7);
    expect(complaints).toEqual([]);
    await close();
  });

  it("is the same after 200 steps forward and 200 back", async () => {
    const {page, close} = await open("#l=thrashing&n=40");
    // An attribute that went and came back stands last in its element.
    const screen = async () =>
      (await page.locator(".screen").innerHTML()).replaceAll(' aria-current="step"', "");
    await page.waitForTimeout(500); // parts are drawn one after the other
    const [before, html] = [await stateOf(page), await screen()];
    for (let i = 0; i < 200; ++i) await page.keyboard.press("ArrowRight");
    expect(await stepOf(page)).toBe(240);
    expect(await stateOf(page)).not.toBe(before);
    for (let i = 0; i < 200; ++i) await page.keyboard.press("ArrowLeft");
    expect(await stepOf(page)).toBe(40);
    expect(await stateOf(page)).toBe(before);
    await expect.poll(screen, {timeout: 10_000}).toBe(html);
    await close();
  });

  it("runs, pauses and runs to a line", async () => {
    const {page, close} = await open("#l=tlb_reach");
    await page.locator("#speed").selectOption("100");
    await page.locator("#play").click();
    await page.waitForFunction(
      () => (globalThis as unknown as {pagewright: Hook}).pagewright.step() > 5,
    );
    await page.keyboard.press(" ");
    const paused = await stepOf(page);
    await page.locator("#reset").click();
    await page.getByRole("button", {name: "Run to line 13"}).click();
    const at = await stepOf(page);
    expect(at).toBeGreaterThan(100);
    expect(paused).toBeGreaterThan(5);
    expect(await page.locator('.gutter [aria-current="step"]').textContent()).toBe("14");
    await close();
  });

  it("obeys the keyboard alone", async () => {
    const {page, close} = await open("#l=copy_on_write");
    await page.keyboard.press("Shift+ArrowRight");
    expect(await stepOf(page)).toBe(10);
    await page.keyboard.press("n");
    expect(await stepOf(page)).toBe(14);
    await page.keyboard.press("p");
    expect(await stepOf(page)).toBe(7);
    await page.keyboard.press("End");
    expect(await stepOf(page)).toBe(26);
    await page.keyboard.press("Home");
    expect(await stepOf(page)).toBe(0);
    await page.keyboard.press("End");
    // A field of squares: arrow keys choose, Enter shows the walk.
    const field = page.locator(".maps [role=application]").first();
    await field.focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    expect(await page.locator(".maps .said").first().textContent()).toMatch(/^0x[0-9a-f]+: /);
    await page.getByRole("button", {name: "Follow the accesses again"}).waitFor();
    expect(await stepOf(page)).toBe(26);
    await close();
  });

  it("takes a script, marks its errors and keeps the last good machine", async () => {
    const {page, complaints, close} = await open("#l=zero_page&n=3");
    await page.locator("#script").fill("process A\nA: q = mnap 0 4P\n");
    const error = page.locator("#script-error");
    await error.waitFor();
    expect(await error.textContent()).toContain("there is no verb 'mnap'; did you mean 'mmap'?");
    expect(await page.locator(".gutter .wrong").textContent()).toBe("2");
    expect(await stepOf(page)).toBe(3);
    await page.locator("#script").fill("process A\nA: q = mmap 0 4P rw private|anonymous\n");
    await error.waitFor({state: "hidden"});
    await page.locator("#forward").click();
    await page.locator("#forward").click();
    await page.locator(".area .name").getByText("q").waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it("has its whole state in its address", async () => {
    const first = await open();
    await first.page.locator("#script").fill("process A\nq = mmap 0 4P rw private|anonymous\n");
    await first.page.locator("#script-error").waitFor({state: "hidden"});
    await first.page.waitForFunction(() => location.hash.includes("s="));
    await first.page.locator("#forward").click();
    await first.page.locator("#compare").selectOption("levels=5");
    await first.page.getByRole("radio", {name: "dirty"}).first().check();
    await first.page.waitForFunction(() => /n=1&c=levels.*&f=dirty/.test(location.hash));
    const address = await first.page.evaluate(() => location.hash);
    const state = await stateOf(first.page);
    await first.close();
    const second = await open(address);
    expect(await stateOf(second.page)).toBe(state);
    await second.page.locator("#second").waitFor();
    expect(await second.page.getByRole("radio", {name: "dirty"}).first().isChecked()).toBe(true);
    await second.close();
  });

  it("shows text of a script as text", async () => {
    const {page, complaints, close} = await open();
    const hostile = 'process A\nopen "<img src=x onerror=alert(1)>" rdwr|creat\n';
    await page.locator("#script").fill(hostile);
    await page.waitForFunction(() => location.hash.includes("s="));
    await page.keyboard.press("Escape");
    await page.locator("#forward").click();
    await page.locator("#forward").click();
    await page.getByText("<img src=x onerror=alert(1)>").first().waitFor();
    expect(await page.locator("main img").count()).toBe(0);
    expect(complaints).toEqual([]);
    await close();
  });

  it("compares two machines", async () => {
    const {page, close} = await open("#l=belady_three_frames&n=20");
    await page.locator("#compare").selectOption("frames=4");
    const verdict = await page.locator("#compare-verdict").textContent();
    expect(verdict).toMatch(/\d+ minor, \d+ major; .* \d+ minor, \d+ major/);
    expect(await page.locator("#second .frames").count()).toBe(1);
    await page.locator("#compare").selectOption("own");
    await page.locator("#compare-own").fill("policy=nonsense");
    await page.locator("#compare-own").press("Enter");
    await page.getByRole("alert").getByText("nonsense").waitFor();
    await page.locator("#compare").selectOption("");
    await page.locator("#second").waitFor({state: "detached"});
    await close();
  });

  it("asks ten questions, scores them and checks the code", async () => {
    const {page, close} = await open("#l=thrashing&q=4711");
    for (let i = 0; i < 10; ++i) {
      await page.locator(".option").first().click();
      await page.locator(".option.right").waitFor();
      await page.getByRole("button", {name: "Next question"}).click();
    }
    const score = (await page.locator("#quiz-score").textContent()) ?? "";
    const code = (await page.locator("#quiz-own-code").textContent()) ?? "";
    await page.getByText("Check a code").click();
    await page.locator("#quiz-code").fill(code);
    await page.locator(".quiz details p").getByText(score).waitFor();
    await close();
  });

  it("shows generations, and says what became of a page that is away", async () => {
    const {page, complaints, close} = await open("#l=mglru_generations&n=4838");
    await page.getByRole("heading", {name: "Generations of Linux (MGLRU)"}).waitFor();
    const names = await page.locator(".policy .list-name").allTextContents();
    expect(names.filter((name) => /^anonymous, generation \d+/.test(name)).length).toBeGreaterThan(
      1,
    );
    expect(names.filter((name) => name.includes("oldest")).length).toBe(2); // of each kind
    expect(names.filter((name) => name.includes("youngest")).length).toBe(2);
    expect(await page.locator("#mglru-tiers tbody tr").count()).toBe(4);
    const titles = await page
      .locator(".list-page")
      .evaluateAll((pages) => pages.map((each) => each.getAttribute("title") ?? ""));
    expect(titles.some((title) => title.includes("tier 3"))).toBe(true);
    // The first page of the scan: swapped out long ago.
    const field = page.locator(".maps [role=application]").first();
    await field.focus();
    await page.keyboard.press("ArrowRight");
    await page
      .getByText(/left generation \d+/)
      .first()
      .waitFor();
    await page.locator("#compare").selectOption("model=linux");
    await page.locator("#second").getByRole("heading", {name: "Lists of Linux"}).waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it("tells events one by one, and leads to their steps", async () => {
    const {page, complaints, close} = await open("#l=belady_three_frames&n=10");
    const log = page.locator(".panel.log");
    const lines = () => log.locator("li").allTextContents();
    const all = await lines();
    expect(
      all.some((line) => /Evicted from frame \d+: page 0x[0-9a-f]+ of A, dirty/.test(line)),
    ).toBe(true);
    expect(all.some((line) => line.includes("Written to swap slot"))).toBe(true);
    expect(await log.locator("li.now").count()).toBeGreaterThan(1);
    await log.getByRole("checkbox", {name: "evictions"}).uncheck();
    expect((await lines()).some((line) => line.includes("Evicted"))).toBe(false);
    expect((await lines()).length).toBeLessThan(all.length);
    await log.getByRole("button", {name: "Go to step 4"}).first().click();
    expect(await stepOf(page)).toBe(4);
    await page.goto(page.url().replace(/#.*/, "#l=shootdowns&n=0"));
    await expect.poll(() => stepOf(page)).toBe(0); // before that, keys are the old script's
    await page.keyboard.press("End");
    await log
      .getByText(/TLB shootdown by CPU \d+/)
      .first()
      .waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it("opens the address asked for, though the last one is saved in that moment", async () => {
    const {page, complaints, close} = await open("#l=belady_three_frames&n=10");
    await page.evaluate(() => {
      location.hash = "#l=shootdowns&n=3";
      history.replaceState(null, "", "#l=belady_three_frames&n=10");
    });
    await expect.poll(() => stepOf(page)).toBe(3);
    await expect.poll(() => page.url()).toContain("#l=shootdowns&n=3");
    expect(complaints).toEqual([]);
    await close();
  });

  it("speaks Korean", async () => {
    const {page, close} = await open("#l=copy_on_write&n=14", {locale: "ko-KR"});
    await page.getByText("왜 폴트가 났나?").waitFor();
    expect(await page.locator("html").getAttribute("lang")).toBe("ko");
    const left = await page.locator(".screen").textContent();
    expect(left).not.toMatch(/Why this fault|Frames of RAM|Address spaces/);
    await close();
  });

  const kSizes = {desk: {width: 1440, height: 900}, phone: {width: 390, height: 844}};
  it.each([
    ["light", "desk"],
    ["dark", "desk"],
    ["light", "phone"],
    ["dark", "phone"],
  ] as const)("has no barriers in %s at a %s", async (colorScheme, size) => {
    const options = {colorScheme, viewport: kSizes[size]};
    for (const address of [
      "#l=copy_on_write&n=14",
      "#l=thrashing&n=400&c=policy%3Darc",
      "#q=5",
      "#l=mglru_generations&n=2600",
    ]) {
      const {page, close} = await open(address, options);
      expect(await barriers(page)).toEqual([]);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide).toBeLessThanOrEqual(kSizes[size].width);
      await close();
    }
  });
});
