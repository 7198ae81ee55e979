// What both pages share, in a browser: they open offline, with the core running in them; theme,
// language, keyboard help.
import {join} from "node:path";
import type {Browser} from "playwright-core";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {barriers, browserPath, openBrowser, openPage, pagesFolder} from "./browser";

describe.skipIf(browserPath === undefined).each(["report", "explorer"])("the page %s", (name) => {
  const file = join(pagesFolder, `${name}.html`);
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser.close();
  });

  it("opens from a file, offline, without a complaint or a request", async () => {
    const {page, complaints, close} = await openPage(browser, file);
    await page.getByRole("heading", {level: 1}).filter({hasText: "Pagewright"}).waitFor();
    await page.locator("main#content").waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it("changes theme and language, and keeps them", async () => {
    const {page, close} = await openPage(browser, file, {colorScheme: "light"});
    await page.locator("#theme").click();
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe("dark");
    await page.locator("#language").click();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe("ko");
    await page.reload();
    await page.locator("#theme").waitFor();
    const html = page.locator("html");
    expect(await html.getAttribute("data-theme")).toBe("dark");
    expect(await html.getAttribute("lang")).toBe("ko");
    await close();
  });

  it("shows its keys on ? and closes the list on Escape", async () => {
    const {page, close} = await openPage(browser, file);
    await page.locator("#help").waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({state: "hidden"});
    await close();
  });

  it.each(["light", "dark"] as const)("has no barriers in %s", async (colorScheme) => {
    const {page, close} = await openPage(browser, file, {colorScheme});
    await page.locator("main#content").waitFor();
    expect(await barriers(page)).toEqual([]);
    await close();
  });
});
