// What the reader chose for this page: language and theme. Kept in the browser's storage where that
// is allowed, else only as long as the page is open.
import {effect, signal} from "@preact/signals";

export type Language = "en" | "ko";
export type Theme = "light" | "dark";

function stored(key: string): string | null {
  try {
    return localStorage.getItem(`pagewright.${key}`);
  } catch {
    return null;
  }
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(`pagewright.${key}`, value);
  } catch {
    // A page opened from a file may have no storage.
  }
}

function firstLanguage(): Language {
  const kept = stored("language") ?? globalThis.navigator?.language ?? "en";
  return kept.startsWith("ko") ? "ko" : "en";
}

function firstTheme(): Theme {
  const kept = stored("theme");
  if (kept === "light" || kept === "dark") return kept;
  const dark = globalThis.matchMedia?.("(prefers-color-scheme: dark)").matches ?? false;
  return dark ? "dark" : "light";
}

export const language = signal<Language>(firstLanguage());
export const theme = signal<Theme>(firstTheme());

export function chooseLanguage(next: Language): void {
  language.value = next;
  store("language", next);
}

export function chooseTheme(next: Theme): void {
  theme.value = next;
  store("theme", next);
}

// Keeps <html lang data-theme> in step. Call once.
export function applySettings(): void {
  effect(() => {
    document.documentElement.lang = language.value;
    document.documentElement.dataset.theme = theme.value;
  });
}
