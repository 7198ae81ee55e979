// Builds the pages: node build.mjs --core FOLDER --out FOLDER [PAGE...]
//
// Each page (report, explorer) becomes one HTML file that loads nothing from anywhere: style sheet,
// code and the C++ core (FOLDER/PAGE.wasm, gzip, base64) stand in it. Its content security policy
// allows the page's own scripts, by their hashes, and no connection.
import {createHash} from "node:crypto";
import {existsSync, mkdirSync, readFileSync, writeFileSync} from "node:fs";
import {dirname, join, resolve} from "node:path";
import {fileURLToPath} from "node:url";
import {parseArgs} from "node:util";
import {gzipSync} from "node:zlib";
import {build} from "vite";

const root = dirname(fileURLToPath(import.meta.url));
const kPages = ["report", "explorer"];

function policy(scripts) {
  const hashes = scripts.map((text) => {
    return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  });
  return [
    "default-src 'none'",
    `script-src ${hashes.join(" ")} 'wasm-unsafe-eval'`,
    "style-src 'unsafe-inline'",
    "img-src data: blob:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

async function bundle(page) {
  const result = await build({
    root,
    configFile: false,
    logLevel: "warn",
    esbuild: {jsx: "automatic", jsxImportSource: "preact", legalComments: "none"},
    build: {
      write: false,
      target: "es2022",
      cssCodeSplit: false,
      modulePreload: false,
      assetsInlineLimit: 1 << 30,
      rollupOptions: {input: join(root, "src", page, "main.tsx")},
    },
  });
  const outputs = (Array.isArray(result) ? result[0] : result).output;
  const code = outputs.filter((o) => o.type === "chunk");
  if (code.length !== 1) throw new Error(`${page}: ${code.length} chunks, expected one`);
  const styles = outputs.filter((o) => o.type === "asset" && o.fileName.endsWith(".css"));
  return {
    script: code[0].code.trim().replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--"),
    style: styles.map((o) => String(o.source).trim()).join("\n"),
  };
}

function coreText(folder, page) {
  const file = join(folder, `${page}.wasm`);
  if (!existsSync(file)) throw new Error(`${file} is missing: cmake --build it first`);
  return gzipSync(readFileSync(file), {level: 9}).toString("base64");
}

// The frame of a page: html/PAGE.html with marks for what is put in.
function assemble(page, {script, style}, core) {
  const parts = {POLICY: policy([script]), STYLE: style, CORE: core, SCRIPT: script};
  const frame = readFileSync(join(root, "html", `${page}.html`), "utf8");
  return frame.replace(/@(POLICY|STYLE|CORE|SCRIPT)@/g, (_, name) => parts[name]);
}

const {values, positionals} = parseArgs({
  options: {core: {type: "string"}, out: {type: "string"}},
  allowPositionals: true,
});
if (!values.core || !values.out) {
  console.error("usage: node build.mjs --core FOLDER --out FOLDER [PAGE...]");
  process.exit(2);
}
const out = resolve(values.out);
mkdirSync(out, {recursive: true});
for (const page of positionals.length > 0 ? positionals : kPages) {
  const html = assemble(page, await bundle(page), coreText(resolve(values.core), page));
  writeFileSync(join(out, `${page}.html`), html);
  console.error(`${page}.html: ${Math.round(html.length / 1024)} KiB`);
}
