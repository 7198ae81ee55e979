import {defineConfig} from "vitest/config";

export default defineConfig({
  esbuild: {jsx: "automatic", jsxImportSource: "preact"},
  test: {include: ["tests/unit/**/*.test.ts", "tests/browser/**/*.test.ts"], testTimeout: 60_000},
});
