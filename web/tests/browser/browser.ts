// A page in headless Chromium as a reader has it: opened from a file, without any network. Where
// there is no Chromium these tests are skipped and say so.
import {existsSync} from "node:fs";
import {pathToFileURL} from "node:url";
import axe from "axe-core";
import {type Browser, type BrowserContextOptions, chromium, type Page} from "playwright-core";

const kPlaces = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export const browserPath = process.env.PW_CHROMIUM ?? kPlaces.find((path) => existsSync(path));
// The folder with the built pages.
export const pagesFolder = process.env.PW_PAGES ?? "dist";

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({executablePath: browserPath});
}

export interface Opened {
  page: Page;
  complaints: string[]; // errors of the page, messages of the console, requests that were made
  close(): Promise<void>;
}

export async function openPage(
  browser: Browser,
  file: string,
  options: BrowserContextOptions & {fragment?: string} = {},
): Promise<Opened> {
  const {fragment, ...contextOptions} = options;
  const context = await browser.newContext({locale: "en-US", ...contextOptions});
  await context.setOffline(true);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("request", (request) => {
    if (!/^(file|data|blob):/.test(request.url())) complaints.push(`request: ${request.url()}`);
  });
  await page.goto(pathToFileURL(file).href + (fragment ?? ""));
  return {page, complaints, close: () => context.close()};
}

// What axe-core finds wrong for people who do not see or do not use a mouse.
export async function barriers(page: Page): Promise<string[]> {
  // The page's own policy forbids foreign scripts; the tester's are let in beside it.
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const run = (globalThis as unknown as {axe: typeof axe}).axe;
    return (await run.run(document)).violations.map((v) => {
      return `${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`;
    });
  });
  return found;
}
