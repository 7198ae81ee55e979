// How long a step of the explorer takes in headless Chromium, and how fast its core is:
//
//   node bench/explorer.mjs [FOLDER of explorer.html]
//
// A step is from the key to the next frame drawn. The script fills 4,096 frames first.
import {existsSync} from "node:fs";
import {join, resolve} from "node:path";
import {pathToFileURL} from "node:url";
import {deflateRawSync} from "node:zlib";
import {chromium} from "playwright-core";

const kFrames = 4096;
const folder = resolve(process.argv[2] ?? "dist");
const browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => existsSync(path),
);
const script = `machine ram=32M swap=32M frames=${kFrames} min-free=0 policy=lru
process A
p = mmap 0 ${kFrames + 64}P rw private|anonymous
for i = 0..${kFrames - 1} { store p+i*1P "x" }
repeat 2 { for i = 0..${kFrames + 63} { load p+i*1P 1 } }
`;
const packed = deflateRawSync(Buffer.from(script)).toString("base64url");

const chrome = await chromium.launch({executablePath: browser});
const context = await chrome.newContext({offline: true});
const page = await context.newPage();
await page.goto(
  `${pathToFileURL(join(folder, "explorer.html")).href}#s=${packed}&n=${kFrames + 2}`,
);
await page.locator("#forward").waitFor();

// Milliseconds of each of `n` presses of a key, the median and the 95th percentile.
async function press(key, n) {
  const times = await page.evaluate(
    async ([name, count]) => {
      const all = [];
      for (let i = 0; i < count; ++i) {
        const start = performance.now();
        document.dispatchEvent(new KeyboardEvent("keydown", {key: name, bubbles: true}));
        await new Promise((done) => setTimeout(done, 0));
        document.body.getBoundingClientRect(); // layout
        all.push(performance.now() - start);
      }
      return all;
    },
    [key, n],
  );
  times.sort((a, b) => a - b);
  const at = (part) =>
    times[Math.min(times.length - 1, Math.floor(part * times.length))].toFixed(1);
  console.log(`${key}: median ${at(0.5)} ms, 95 % ${at(0.95)} ms (${n} steps, ${kFrames} frames)`);
}

// Other programs' share of the processors is not in the time that the page's own thread took.
const client = await page.context().newCDPSession(page);
await client.send("Performance.enable", {timeDomain: "threadTicks"});
async function threadTime() {
  const {metrics} = await client.send("Performance.getMetrics");
  const of = (name) => 1000 * (metrics.find((metric) => metric.name === name)?.value ?? 0);
  return {all: of("TaskDuration"), script: of("ScriptDuration"), layout: of("LayoutDuration")};
}

for (const key of ["ArrowRight", "ArrowLeft"]) {
  const kSteps = 100;
  const before = await threadTime();
  await press(key, kSteps);
  const after = await threadTime();
  const each = (name) => ((after[name] - before[name]) / kSteps).toFixed(1);
  console.log(
    `  the page's thread: ${each("all")} ms a step, ${each("script")} in scripts, ` +
      `${each("layout")} in layout`,
  );
}
const rate = await page.evaluate(() => globalThis.pagewright.bulk(10_000_000));
console.log(`references: ${(rate / 1e6).toFixed(1)} M/s`);
await chrome.close();
