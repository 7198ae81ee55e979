// What may be wider than its place: it scrolls, by keyboard too.
import type {ComponentChildren} from "preact";

export function Scroll({label, children}: {label: string; children: ComponentChildren}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: no field set, and no landmark
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a place that scrolls must be reached by keys
    <div class="scroll" role="group" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
