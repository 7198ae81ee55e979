#!/usr/bin/env bash
# Proves that the core builds and links for the browser, whole, and, where Node.js is installed,
# that it does the same there as on the host.
#   core_in_wasm.sh BUILD_FOLDER PROGRAM_OF_THE_HOST
# Exit status 77: skipped, clang for wasm32 is not installed.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$1
on_host=$2

if [[ ! -d /usr/include/wasm32-wasi ]] || ! compgen -G '/usr/bin/wasm-ld*' >/dev/null; then
  echo "skipped: no clang for wasm32-wasi (packages wasi-libc, lld, libc++-14-dev-wasm32)"
  exit 77
fi
[[ -e "$build/build.ninja" ]] || (cd "$top" && cmake --preset wasm -B "$build")
ninja -C "$build"

expected=$("$on_host")
echo "host: $expected"
if ! command -v node >/dev/null; then
  echo "built and linked for wasm32; not run there, since Node.js is not installed"
  exit 0
fi
wasi=(--no-warnings --experimental-wasi-unstable-preview1)
found=$(node "${wasi[@]}" - "$build/pw_core_wasm.wasm" <<'SCRIPT'
const { readFileSync } = require('fs');
const { WASI } = require('wasi');
const wasi = new WASI({ version: 'preview1' });
WebAssembly.instantiate(readFileSync(process.argv[2]), { wasi_snapshot_preview1: wasi.wasiImport })
  .then(({ instance }) => { process.exitCode = wasi.start(instance) ?? 0; })
  .catch((error) => { console.error(error); process.exitCode = 1; });
SCRIPT
)
echo "wasm: $found"
[[ "$found" == "$expected" ]]
