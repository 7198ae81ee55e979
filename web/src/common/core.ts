// The C++ core in the page: a WebAssembly module for wasm32-wasi, started without a WASI library.
// It asks the host for next to nothing; what it writes to stderr (a failed check) becomes the
// message of the error that is thrown.
import {gunzip, textOf} from "./payload";

type Exports = Record<string, unknown> & {
  memory: WebAssembly.Memory;
  pw_alloc(bytes: number): number;
  pw_free(at: number): void;
};

const kSuccess = 0;
const kBadDescriptor = 8;
const kNoSystemCall = 52;

export class CoreError extends Error {}

export class Core {
  private exports!: Exports;
  private written = "";

  private constructor(private readonly module: WebAssembly.Module) {}

  // `module`: the module's bytes. Throws if this browser cannot compile it.
  static async start(module: BufferSource): Promise<Core> {
    return new Core(await WebAssembly.compile(module)).begin();
  }
  // The same core anew: with fresh memory, as it was when it started.
  another(): Core {
    return new Core(this.module).begin();
  }

  private begin(): Core {
    const instance = new WebAssembly.Instance(this.module, this.imports(this.module));
    this.exports = instance.exports as Exports;
    this.call("_initialize");
    return this;
  }

  // Calls an exported function. Numbers of 64 bits are bigint.
  call<T = number>(name: string, ...values: (number | bigint)[]): T {
    const found = this.exports[name];
    if (typeof found !== "function") throw new CoreError(`the core has no function ${name}`);
    try {
      return found(...values) as T;
    } catch (error) {
      const said = this.written.trim();
      this.written = "";
      throw new CoreError(said !== "" ? said : String(error));
    }
  }

  // Views of the core's memory are void after any call that may allocate: take them anew.
  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer, at, length);
  }
  words(at: number, length: number): Uint32Array {
    return new Uint32Array(this.exports.memory.buffer, at, length);
  }
  doubles(at: number, length: number): Float64Array {
    return new Float64Array(this.exports.memory.buffer, at, length);
  }

  // Copies `bytes` into the core's memory while `use` runs.
  lend<T>(bytes: Uint8Array, use: (at: number, length: number) => T): T {
    const at = this.call("pw_alloc", Math.max(bytes.length, 1));
    this.bytes(at, bytes.length).set(bytes);
    try {
      return use(at, bytes.length);
    } finally {
      this.call("pw_free", at);
    }
  }
  lendText<T>(text: string, use: (at: number, length: number) => T): T {
    return this.lend(new TextEncoder().encode(text), use);
  }

  // What the core last said with pw::page::answer().
  answer(): string {
    const at = this.call("pw_answer");
    return textOf(this.bytes(at, this.call("pw_answer_size")).slice());
  }

  private imports(module: WebAssembly.Module): WebAssembly.Imports {
    const known: Record<string, (...values: number[]) => number> = {
      fd_write: (fd, vectors, count, written) => this.write(fd, vectors, count, written),
      proc_exit: (status) => {
        throw new CoreError(`the core ended with status ${status}`);
      },
      environ_sizes_get: (count, size) => {
        this.words(count ?? 0, 1)[0] = 0;
        this.words(size ?? 0, 1)[0] = 0;
        return kSuccess;
      },
      environ_get: () => kSuccess,
      fd_prestat_get: () => kBadDescriptor,
    };
    const all: WebAssembly.Imports = {};
    for (const {module: from, name} of WebAssembly.Module.imports(module)) {
      all[from] = {...all[from], [name]: known[name] ?? (() => kNoSystemCall)};
    }
    return all;
  }

  private write(fd = 0, vectors = 0, count = 0, written = 0): number {
    if (fd !== 1 && fd !== 2) return kBadDescriptor;
    let total = 0;
    for (let i = 0; i < count; ++i) {
      const [at = 0, length = 0] = this.words(vectors + 8 * i, 2);
      this.written += textOf(this.bytes(at, length).slice());
      total += length;
    }
    this.words(written, 1)[0] = total;
    return kSuccess;
  }
}

// The core that stands in this page.
export async function coreOfPage(): Promise<Core> {
  const text = document.getElementById("pw-core")?.textContent ?? "";
  return Core.start(await gunzip(text));
}
