// How soon a report page shows and answers, in headless Chromium, beside the goals:
//
//   node bench/report.mjs PAGE.html
//
// Opened from its file, offline, each time in a fresh context. First paint is what the browser
// itself tells (first-contentful-paint); the answer is drawn when the first frame with it is. A
// reaction is from an input of the RAM slider to the end of the layout with the new numbers of all
// chosen policies.
import {existsSync} from "node:fs";
import {resolve} from "node:path";
import {pathToFileURL} from "node:url";

const browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => existsSync(path),
);
const playwright = await import("playwright-core").catch(() => undefined);
if (browser === undefined || playwright === undefined) {
  console.log("page not opened: Chromium or playwright-core (npm install in web/) is missing");
  process.exit(0);
}

function line(what, value, goal) {
  const good = value <= goal ? "reached" : "NOT reached";
  const bar = goal === undefined ? "" : ` [goal ${goal}: ${good}]`;
  console.log(`${what.padEnd(36)} ${value.toFixed(1).padStart(8)} ms${bar}`);
}

const chrome = await playwright.chromium.launch({executablePath: browser});
const file = pathToFileURL(resolve(process.argv[2])).href;
const at = (values, part) =>
  values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(part * values.length))];

async function open() {
  const context = await chrome.newContext({offline: true});
  const page = await context.newPage();
  await page.addInitScript(() => {
    const look = () => {
      if (document.querySelector(".answer .big") === null) return requestAnimationFrame(look);
      // The frame that this callback comes before is the first with the answer.
      requestAnimationFrame(() => {
        globalThis.answerDrawn = performance.now();
      });
    };
    requestAnimationFrame(look);
  });
  await page.goto(file);
  await page.waitForFunction(() => globalThis.answerDrawn !== undefined);
  return page;
}

const paints = [];
const answers = [];
for (let i = 0; i < 5; ++i) {
  const page = await open();
  const [paint, answer] = await page.evaluate(() => [
    performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? globalThis.answerDrawn,
    globalThis.answerDrawn,
  ]);
  paints.push(paint);
  answers.push(answer);
  await page.context().close();
}
line("first paint, median of 5", at(paints, 0.5), 1000);
line("answer drawn, median of 5", at(answers, 0.5), 1000);

const page = await open();
await page.waitForSelector("section[aria-busy=false] #at-ram[aria-busy=false] tbody tr");
const kMoves = 40;
// Other programs' share of the processors is not in the time that the page's own thread took.
const client = await page.context().newCDPSession(page);
await client.send("Performance.enable", {timeDomain: "threadTicks"});
async function threadTime() {
  const {metrics} = await client.send("Performance.getMetrics");
  return 1000 * (metrics.find((metric) => metric.name === "TaskDuration")?.value ?? 0);
}
const before = await threadTime();
const times = await page.evaluate(async (moves) => {
  const slider = document.querySelector("#ram");
  const table = document.querySelector("#at-ram");
  const all = [];
  for (let i = 0; i < moves; ++i) {
    const caption = table.caption.textContent;
    const start = performance.now();
    slider.value = String(20 + ((i * 97) % 340));
    slider.dispatchEvent(new Event("input", {bubbles: true}));
    // The policies are counted in slices; the table is busy until all are there.
    while (table.caption.textContent === caption || table.ariaBusy === "true") {
      if (performance.now() - start > 5000) throw new Error("the slider does not answer");
      await new Promise((next) => setTimeout(next, 0));
    }
    document.body.getBoundingClientRect(); // layout
    all.push(performance.now() - start);
  }
  return all;
}, kMoves);
const each = ((await threadTime()) - before) / kMoves;
line("slider to new numbers, median of 40", at(times, 0.5), 100);
line("  95 %", at(times, 0.95), 100);
line("  the page's own thread, each", each);
await chrome.close();
