// A part of the screen with its heading. Where two machines are shown, `side` tells their parts
// apart for those who hear the page.
import type {ComponentChildren} from "preact";
import {t} from "../common/texts";

export type Side = 1 | 2 | undefined;

export function Panel({
  name,
  title,
  side,
  children,
}: {
  name: string; // of its kind: "frames"
  title: string;
  side?: Side;
  children: ComponentChildren;
}) {
  const id = `${name}-title${side ?? ""}`;
  return (
    <section class={`panel ${name}`} aria-labelledby={id}>
      <h2 id={id}>
        {title}
        {side === undefined ? null : (
          <span class="hidden-text"> {t(side === 1 ? "compare.first" : "compare.second")}</span>
        )}
      </h2>
      {children}
    </section>
  );
}
