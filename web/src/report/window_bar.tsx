// Which part of the run is looked at: told, moved and reset here; dragging in any chart over time
// chooses it, too.

import {useShortcuts} from "../common/keyboard";
import * as numbers from "../common/numbers";
import {t} from "../common/texts";
import {
  data,
  isWhole,
  moveWindow,
  referenceOf,
  scaleWindow,
  selectAll,
  selectWindow,
  window_,
} from "./state";

export function WindowBar() {
  useShortcuts([
    {key: "ArrowLeft", text: "window.left", run: () => moveWindow(-0.25)},
    {key: "ArrowRight", text: "window.right", run: () => moveWindow(0.25)},
    {key: "+", text: "window.in", run: () => scaleWindow(0.5)},
    {key: "-", text: "window.out", run: () => scaleWindow(2)},
    {key: "a", text: "window.all", run: selectAll},
  ]);
  const {begin, end} = window_.value;
  const {bins} = data.meta;
  const text = (bin: number) => numbers.short(referenceOf(bin));
  return (
    <section class="window" aria-labelledby="window-title">
      <h2 id="window-title">{t("window.title")}</h2>
      <p id="window-text" role="status">
        {isWhole.value
          ? t("window.whole", {references: numbers.count(data.meta.references)})
          : t("window.part", {from: text(begin), to: text(end)})}
      </p>
      <div class="window-controls">
        <label>
          {t("window.from")}
          <input
            id="window-from"
            type="range"
            min={0}
            max={bins - 1}
            value={begin}
            aria-valuetext={text(begin)}
            onInput={(e) => {
              const next = Number(e.currentTarget.value);
              selectWindow(next, Math.max(end, next + 1));
            }}
          />
        </label>
        <label>
          {t("window.to")}
          <input
            id="window-to"
            type="range"
            min={1}
            max={bins}
            value={end}
            aria-valuetext={text(end)}
            onInput={(e) => {
              const next = Number(e.currentTarget.value);
              selectWindow(Math.min(begin, next - 1), next);
            }}
          />
        </label>
        <button type="button" id="window-all" disabled={isWhole.value} onClick={selectAll}>
          {t("window.all")}
        </button>
      </div>
      <p class="quiet">{t("window.help")}</p>
    </section>
  );
}
