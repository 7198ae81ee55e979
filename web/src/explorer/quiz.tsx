// The quiz as the reader sees it: the machine before a step, and what will happen is asked.
import {computed, effect, signal} from "@preact/signals";
import {type TextKey, t} from "../common/texts";
import {Panel} from "./panel";
import {checkCode, codeOf, type Question, questionsOf, scoreOf} from "./quiz_questions";
import {goTo, machine, quizSeed, saveAddress} from "./store";

const answers = signal<number[]>([]);
const place = signal(0);
export const revealed = signal(false);
const code = signal("");

export const questions = computed<Question[]>(() => {
  const [made, seed] = [machine.value, quizSeed.value];
  return made === undefined || seed === undefined ? [] : questionsOf(made, seed);
});

function begin(seed: number | undefined): void {
  quizSeed.value = seed;
  answers.value = [];
  place.value = 0;
  revealed.value = false;
  saveAddress();
}

// A question shows the machine before its step; the answer, after it.
effect(() => {
  const question = questions.value[place.value];
  if (question === undefined || machine.value === undefined) return;
  goTo(question.step - (revealed.value ? 0 : 1));
});

export function QuizSwitch() {
  const on = quizSeed.value !== undefined;
  return (
    <button
      type="button"
      id="quiz"
      aria-pressed={on}
      onClick={() => begin(on ? undefined : Math.floor(Math.random() * 9000) + 1000)}
    >
      {t(on ? "quiz.end" : "quiz.begin")}
    </button>
  );
}

function optionText(question: Question, option: string): string {
  return question.kind === "outcome"
    ? t(`quiz.${option}` as TextKey)
    : t("quiz.option-frame", {frame: option});
}

function Asked({question}: {question: Question}) {
  const given = answers.value[place.value];
  const next = machine.value?.state(question.step).last;
  const right = given === question.right;
  return (
    <>
      <p class="did">
        <code>{next?.text ?? ""}</code>
      </p>
      <fieldset>
        <legend>{t(`quiz.ask-${question.kind}`)}</legend>
        {question.options.map((option, i) => (
          <button
            type="button"
            key={option}
            class={`option ${revealed.value && i === question.right ? "right" : ""}`}
            aria-pressed={given === i}
            disabled={revealed.value}
            onClick={() => {
              const all = [...answers.value];
              all[place.value] = i;
              answers.value = all;
              revealed.value = true;
            }}
          >
            {optionText(question, option)}
          </button>
        ))}
      </fieldset>
      <div aria-live="polite">
        {revealed.value ? (
          <p class={right ? "good" : "bad"}>
            {t(right ? "quiz.right" : "quiz.wrong", {
              answer: optionText(question, question.options[question.right] ?? ""),
            })}
          </p>
        ) : null}
      </div>
      {revealed.value ? (
        <button
          type="button"
          class="first"
          onClick={() => {
            revealed.value = false;
            place.value += 1;
          }}
        >
          {t("quiz.next")}
        </button>
      ) : null}
    </>
  );
}

function CheckCode() {
  const made = machine.value;
  const found = made === undefined || code.value === "" ? undefined : checkCode(made, code.value);
  return (
    <details>
      <summary>{t("quiz.check")}</summary>
      <label>
        {t("quiz.code")}{" "}
        <input
          type="text"
          id="quiz-code"
          spellcheck={false}
          value={code.value}
          onInput={(event) => (code.value = event.currentTarget.value)}
        />
      </label>
      {code.value === "" ? null : (
        <p aria-live="polite">
          {found === undefined
            ? t("quiz.no-code")
            : t("quiz.score", {right: found.right, of: found.of})}
        </p>
      )}
    </details>
  );
}

export function Quiz() {
  const all = questions.value;
  const seed = quizSeed.value ?? 0;
  const question = all[place.value];
  return (
    <Panel name="quiz" title={t("quiz.title")}>
      {all.length === 0 ? <p>{t("quiz.none")}</p> : null}
      {question === undefined ? null : (
        <p class="quiet">
          {t("quiz.place", {
            n: place.value + 1,
            of: all.length,
            right: scoreOf(all, answers.value),
            seed,
          })}
        </p>
      )}
      {question === undefined ? (
        <>
          {all.length > 0 ? (
            <p class="verdict" id="quiz-score">
              {t("quiz.score", {right: scoreOf(all, answers.value), of: all.length})}
            </p>
          ) : null}
          {all.length > 0 ? (
            <p>
              {t("quiz.your-code")}{" "}
              <code id="quiz-own-code">{codeOf(all, seed, answers.value)}</code>
            </p>
          ) : null}
          <button type="button" onClick={() => begin(seed)}>
            {t("quiz.again")}
          </button>
          <button type="button" onClick={() => begin(seed + 1)}>
            {t("quiz.new")}
          </button>
        </>
      ) : (
        <Asked question={question} />
      )}
      <CheckCode />
    </Panel>
  );
}
