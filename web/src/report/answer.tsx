// The answer first: how much memory this program needs.
import {computed, signal} from "@preact/signals";
import * as numbers from "../common/numbers";
import {t} from "../common/texts";
import {
  baseNs,
  data,
  faultNs,
  isWhole,
  model,
  pageBytes,
  percent,
  sizeSlot,
  window_,
} from "./state";

const answer = computed(() => {
  const window = window_.value;
  const slot = sizeSlot.value;
  const bytes = (pages: number) => pages * pageBytes();
  const known = model.knownFrom(slot, window);
  const within = model.within(slot, percent.value, baseNs.value, faultNs.value, window);
  return {
    within: bytes(within),
    least: within <= known,
    knee: bytes(model.knee(slot, window)),
    fits: bytes(model.fitsIn(slot, window)),
  };
});

const kPercents = [0.1, 1, 5, 10, 25, 100];
const percentChoices = signal(kPercents);

export function Answer() {
  const {within, least, knee, fits} = answer.value;
  const choices = percentChoices.value.includes(percent.value)
    ? percentChoices.value
    : [...percentChoices.value, percent.value].sort((a, b) => a - b);
  const {meta} = data;
  return (
    <section class="answer" aria-labelledby="answer-title">
      <h2 id="answer-title">{t("answer.title")}</h2>
      <p class="big">
        {t(least ? "answer.needs_least" : "answer.needs", {
          size: numbers.bytes(within),
          percent: numbers.percent(percent.value / 100),
        })}
      </p>
      <p>
        {t("answer.cliff", {size: numbers.bytes(knee)})}{" "}
        {t("answer.fits", {size: numbers.bytes(fits)})}
      </p>
      <p class="choices">
        <label>
          {t("answer.percent")}{" "}
          <select
            id="percent"
            value={String(percent.value)}
            onChange={(e) => (percent.value = Number(e.currentTarget.value))}
          >
            {choices.map((value) => (
              <option key={value} value={String(value)}>
                {numbers.percent(value / 100)}
              </option>
            ))}
          </select>
        </label>
        <span class="quiet">
          {t("answer.of", {
            references: numbers.short(meta.references),
            pages: numbers.count(meta.pages),
            size: numbers.pages(meta.pages),
          })}{" "}
          {isWhole.value ? "" : t("answer.window")}
        </span>
      </p>
      {meta.report.notes.length > 0 ? (
        <ul class="notes">
          {meta.report.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      ) : null}
    </section>
  );
}
