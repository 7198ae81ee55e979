import {defineConfig} from "vitest/config";

// Patient: on a busy machine a browser takes its time, and no test is about speed.
export default defineConfig({
  esbuild: {jsx: "automatic", jsxImportSource: "preact"},
  test: {
    include: ["tests/unit/**/*.test.ts", "tests/browser/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: {poll: {timeout: 30_000}},
  },
});
