// Keys of a page and the list of them that "?" opens. A key is written as KeyboardEvent.key says
// it, with "Shift+" before keys that have no letter of their own for that.
import {signal} from "@preact/signals";
import {useEffect, useRef} from "preact/hooks";
import {type TextKey, t} from "./texts";

export interface Shortcut {
  key: string; // "n", "Shift+ArrowLeft", "?"
  text: TextKey; // what it does
  run: () => void;
}

export const shortcuts = signal<Shortcut[]>([]);
export const helpOpen = signal(false);

export function nameOf(event: Pick<KeyboardEvent, "key" | "shiftKey">): string {
  return event.shiftKey && event.key.length > 1 ? `Shift+${event.key}` : event.key;
}

// Keys that the focused element needs itself stay its own.
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

function hear(event: KeyboardEvent): void {
  if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
  if (helpOpen.value) return;
  const name = nameOf(event);
  if (name === "?") {
    helpOpen.value = true;
    event.preventDefault();
    return;
  }
  const found = shortcuts.value.find((shortcut) => shortcut.key === name);
  if (found === undefined) return;
  event.preventDefault();
  found.run();
}

// Adds keys while a component is shown.
export function useShortcuts(list: Shortcut[]): void {
  useEffect(() => {
    shortcuts.value = [...shortcuts.value, ...list];
    return () => {
      shortcuts.value = shortcuts.value.filter((shortcut) => !list.includes(shortcut));
    };
  }, []);
}

export function listenToKeys(): void {
  document.addEventListener("keydown", hear);
}

const kNames: Record<string, string> = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  " ": "Space",
};

function Key({name}: {name: string}) {
  const parts = name === "+" ? ["+"] : name.split("+");
  return (
    <>
      {parts.map((part, i) => (
        <>
          {i > 0 ? "+" : ""}
          <kbd>{kNames[part] ?? part}</kbd>
        </>
      ))}
    </>
  );
}

export function KeyboardHelp() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = helpOpen.value;
  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.showModal();
    if (!open) dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} aria-labelledby="help-title" onClose={() => (helpOpen.value = false)}>
      <h2 id="help-title">{t("help.title")}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("help.key")}</th>
            <th scope="col">{t("help.does")}</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <td>
              <kbd>?</kbd>
            </td>
            <td>{t("help.open")}</td>
          </tr>
          {shortcuts.value.map((shortcut) => (
            <tr key={shortcut.key}>
              <td>
                <Key name={shortcut.key} />
              </td>
              <td>{t(shortcut.text)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <button type="button" onClick={() => (helpOpen.value = false)}>
        {t("help.close")}
      </button>
    </dialog>
  );
}
