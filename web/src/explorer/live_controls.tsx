// What a run that is followed obeys: pause, go on, step, to the next fault, speed; and its course
// so far as charts.
import {useMemo} from "preact/hooks";
import {Chart, type Line} from "../common/chart";
import {type Shortcut, useShortcuts} from "../common/keyboard";
import {count} from "../common/numbers";
import {type TextKey, t} from "../common/texts";
import {connection, live, news, order, samples} from "./live";

const kSpeeds = [1, 3, 10, 30, 100, 300, 1_000, 10_000, 100_000, 1_000_000, 0] as const;

const mode = () => news.value?.live.mode ?? "waiting";
const over = () => mode() === "ended" || connection.value === "over";

function toggle(): void {
  if (!over()) order(mode() === "paused" ? "go" : "pause");
}
function setSpeed(by: number): void {
  const now = news.value?.live.speed ?? 0;
  const found = kSpeeds.findIndex((each) => each >= now);
  const at = now === 0 || found < 0 ? kSpeeds.length - 1 : found;
  order(`speed ${kSpeeds[Math.max(0, Math.min(at + by, kSpeeds.length - 1))] ?? 0}`);
}

const kShortcuts: Shortcut[] = [
  {key: " ", text: "key.live-pause", run: toggle},
  {key: "ArrowRight", text: "key.live-step", run: () => order("step 1")},
  {key: "Shift+ArrowRight", text: "key.live-step100", run: () => order("step 100")},
  {key: "n", text: "key.fault", run: () => order("fault")},
  {key: "+", text: "key.faster", run: () => setSpeed(1)},
  {key: "-", text: "key.slower", run: () => setSpeed(-1)},
];

function Speed() {
  const now = news.value?.live.speed ?? 0;
  const known = (kSpeeds as readonly number[]).includes(now);
  const speeds: number[] = known ? [...kSpeeds] : [now, ...kSpeeds];
  return (
    <label class="speed">
      {t("controls.speed")}{" "}
      <select
        id="speed"
        value={String(now)}
        onChange={(event) => order(`speed ${event.currentTarget.value}`)}
      >
        {speeds.map((each) => (
          <option key={each} value={String(each)}>
            {each === 0 ? t("live.no-limit") : t("controls.per-second", {n: count(each)})}
          </option>
        ))}
      </select>
    </label>
  );
}

function saying(): TextKey {
  if (connection.value === "over") return "live.over";
  if (connection.value === "lost") return "live.lost";
  return `live.${mode()}`;
}

export function LiveControls() {
  useShortcuts(kShortcuts);
  const now = news.value;
  const ended = over();
  const paused = mode() === "paused";
  const part = now?.live.thousandths ?? 0;
  return (
    <section class="controls live" aria-label={t("live.title")}>
      <div class="buttons">
        <button
          type="button"
          id="live-pause"
          aria-pressed={paused}
          disabled={ended}
          onClick={toggle}
        >
          {paused ? `▶▶ ${t("live.go")}` : `‖ ${t("controls.pause")}`}
        </button>
        <button
          type="button"
          id="live-step"
          class="first"
          disabled={ended}
          onClick={() => order("step 1")}
        >
          {t("controls.step")} ▶
        </button>
        <button type="button" id="live-step100" disabled={ended} onClick={() => order("step 100")}>
          +100 ▶
        </button>
        <button type="button" id="live-fault" disabled={ended} onClick={() => order("fault")}>
          {t("controls.fault")} ▶|
        </button>
        <Speed />
        <span id="live-step-number">
          {t("controls.at")} <b>{count(now?.state.step ?? 0)}</b>
          {part > 0 ? ` · ${(part / 10).toFixed(1)} %` : ""}
        </span>
        <span id="live-mode" class={`mode ${ended ? "ended" : mode()}`} role="status">
          {t(saying())}
        </span>
      </div>
      {now?.live.error ? (
        <p class="bad" role="alert">
          {t("live.error", {what: now.live.error})}
        </p>
      ) : null}
    </section>
  );
}

// Columns of a sample.
const kStep = 0;
const kFaults: [number, TextKey, string][] = [
  [2, "live.minor", "--series-5"],
  [3, "live.major", "--series-2"],
  [7, "live.evicted", "--series-4"],
];
const kPages: [number, TextKey, string][] = [
  [4, "live.resident", "--series-1"],
  [6, "live.swapped", "--series-5"],
];

function Course({name, title, of}: {name: string; title: TextKey; of: typeof kFaults}) {
  const all = samples.value;
  const x = useMemo(() => all.map((sample) => sample[kStep] ?? 0), [all]);
  const lines: Line[] = of.map(([column, label, color]) => ({
    label: t(label),
    color,
    values: all.map((sample) => sample[column] ?? 0),
  }));
  const last = lines.map((line) => `${line.label} ${count(line.values.at(-1) ?? 0)}`).join(", ");
  return (
    <div class="course">
      <h2>{t(title)}</h2>
      <Chart
        name={`${live.value?.name ?? "live"}-${name}`}
        title={t(title)}
        summary={last}
        x={x}
        lines={lines}
        xText={(value) => count(Math.round(value))}
        yText={(value) => count(Math.round(value))}
        xLabel={t("live.steps")}
        yLabel=""
        height={180}
      />
    </div>
  );
}

export function LiveCharts() {
  if (samples.value.length < 2) return null;
  return (
    <section class="panel courses" aria-label={t("live.course")}>
      <Course name="faults" title="live.faults" of={kFaults} />
      <Course name="pages" title="live.pages" of={kPages} />
    </section>
  );
}
