// The bar that moves through time: buttons, speed, the timeline of all steps.
import {useEffect, useLayoutEffect, useMemo, useRef, useState} from "preact/hooks";
import {type Shortcut, useShortcuts} from "../common/keyboard";
import {theme} from "../common/settings";
import {t} from "../common/texts";
import {kStepColours} from "./colours";
import {isFault} from "./model";
import {
  back,
  forward,
  goTo,
  kSpeeds,
  outline,
  play,
  playing,
  reset,
  speed,
  step,
  toEnd,
  toLastFault,
  toNextFault,
  total,
} from "./store";

const kHeights: Record<string, number> = {h: 0.35, n: 0.7, j: 1, s: 1, x: 1, c: 0.45, o: 0.2};
const kRank = "ohcnjsx"; // where several steps share a column of pixels, the last of these is drawn

function faster(by: number): void {
  const at = kSpeeds.findIndex((each) => each >= speed.value);
  speed.value = kSpeeds[Math.max(0, Math.min(at + by, kSpeeds.length - 1))] ?? 5;
}

export const kShortcuts: Shortcut[] = [
  {key: "ArrowRight", text: "key.forward", run: () => forward()},
  {key: "ArrowLeft", text: "key.back", run: () => back()},
  {key: "Shift+ArrowRight", text: "key.forward10", run: () => forward(10)},
  {key: "Shift+ArrowLeft", text: "key.back10", run: () => back(10)},
  {key: "n", text: "key.fault", run: toNextFault},
  {key: "p", text: "key.last-fault", run: toLastFault},
  {key: " ", text: "key.play", run: () => play(!playing.value)},
  {key: "+", text: "key.faster", run: () => faster(1)},
  {key: "-", text: "key.slower", run: () => faster(-1)},
  {key: "Home", text: "key.reset", run: reset},
  {key: "End", text: "key.end", run: toEnd},
];

function Timeline() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(600);
  const kinds = outline.value?.kinds ?? "";
  const [at, all, scheme] = [step.value, total.value, theme.value];
  const kHeight = 44;
  useEffect(() => {
    const holder = canvas.current?.parentElement;
    if (!holder) return;
    const watch = new ResizeObserver(() => setWidth(holder.clientWidth));
    watch.observe(holder);
    return () => watch.disconnect();
  }, []);
  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    const ratio = globalThis.devicePixelRatio || 1;
    element.width = Math.round(width * ratio);
    element.height = Math.round(kHeight * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(element);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const each = width / Math.max(all, 1);
    const columns = new Map<number, string>();
    for (let i = 0; i < kinds.length; ++i) {
      const x = Math.floor(i * each);
      const kind = kinds[i] ?? "o";
      const there = columns.get(x);
      if (there === undefined || kRank.indexOf(kind) > kRank.indexOf(there)) columns.set(x, kind);
    }
    for (const [x, kind] of columns) {
      const height = (kHeights[kind] ?? 0.2) * (kHeight - 6);
      context.fillStyle = colour(kStepColours[kind] ?? "--edge");
      context.fillRect(x, kHeight - height, Math.max(1, each > 4 ? each - 1 : each), height);
    }
  }, [kinds, all, width, scheme]);
  const faults = useMemo(() => [...kinds].filter(isFault).length, [kinds]);
  return (
    <div class="timeline">
      <canvas
        ref={canvas}
        role="img"
        aria-label={t("timeline.label", {n: all, faults})}
        style={{width: "100%", height: `${kHeight}px`}}
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          goTo(Math.ceil(((event.clientX - box.left) / box.width) * all));
        }}
      />
      <div class="cursor" style={{left: `${(100 * at) / Math.max(all, 1)}%`}} />
      <input
        type="range"
        id="position"
        min={0}
        max={all}
        value={at}
        aria-label={t("timeline.position")}
        onInput={(event) => goTo(Number(event.currentTarget.value))}
      />
      <p class="legend small">
        <span>
          <i class="key" style={{background: "var(--good)"}} /> {t("timeline.hit")}
        </span>
        <span>
          <i class="key" style={{background: "var(--series-5)"}} /> {t("timeline.minor")}
        </span>
        <span>
          <i class="key" style={{background: "var(--series-2)"}} /> {t("timeline.major")}
        </span>
        <span>
          <i class="key" style={{background: "var(--series-4)"}} /> {t("timeline.signal")}
        </span>
        <span>
          <i class="key" style={{background: "var(--series-6)"}} /> {t("timeline.call")}
        </span>
      </p>
    </div>
  );
}

export function Controls() {
  useShortcuts(kShortcuts);
  const [at, all, on] = [step.value, total.value, playing.value];
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => {
      if (step.value >= total.value) playing.value = false;
      else forward();
    }, 1000 / speed.value);
    return () => clearInterval(timer);
  }, [on, speed.value]);
  return (
    <section class="controls" aria-label={t("controls.title")}>
      <div class="buttons">
        <button type="button" id="reset" disabled={at === 0} onClick={reset}>
          |◀ {t("controls.reset")}
        </button>
        <button type="button" id="back" disabled={at === 0} onClick={() => back()}>
          ◀ {t("controls.back")}
        </button>
        <button
          type="button"
          id="forward"
          class="first"
          disabled={at === all}
          onClick={() => forward()}
        >
          {t("controls.step")} ▶
        </button>
        <button type="button" id="next-fault" disabled={at === all} onClick={toNextFault}>
          {t("controls.fault")} ▶|
        </button>
        <button
          type="button"
          id="play"
          aria-pressed={on}
          disabled={all === 0}
          onClick={() => play(!on)}
        >
          {on ? `‖ ${t("controls.pause")}` : `▶▶ ${t("controls.run")}`}
        </button>
        <label class="speed">
          {t("controls.speed")}{" "}
          <select
            id="speed"
            value={String(speed.value)}
            onChange={(event) => (speed.value = Number(event.currentTarget.value))}
          >
            {kSpeeds.map((each) => (
              <option key={each} value={String(each)}>
                {t("controls.per-second", {n: each})}
              </option>
            ))}
          </select>
        </label>
        <label class="at">
          {t("controls.at")}{" "}
          <input
            type="number"
            id="at"
            min={0}
            max={all}
            value={at}
            onChange={(event) => goTo(Number(event.currentTarget.value))}
          />{" "}
          <span>{t("controls.of", {n: all})}</span>
        </label>
      </div>
      <Timeline />
    </section>
  );
}
