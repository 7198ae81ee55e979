// The script: chosen from the gallery or written here. Lines can be run to; an error is marked
// where it is.
import {signal} from "@preact/signals";
import {useEffect, useRef, useState} from "preact/hooks";
import {type TextKey, t} from "../common/texts";
import {type Group, kGroups, lessonNamed} from "./lessons";
import {live} from "./live";
import {Panel} from "./panel";
import {fromTool, lesson, openLesson, problem, script, setScript, state, toLine} from "./store";

// What stands in the field; it is taken for the script a moment after the last key.
const draft = signal<string | undefined>(undefined);
const kPause = 350; // ms
const kLine = 21; // pixels of a line, as --line in the style sheet
const kMargin = 20; // lines
const kLinesInSight = 120;

export function LessonChoice() {
  const chosen = lesson.value;
  return (
    <label class="lesson">
      <span>{t("editor.lesson")}</span>
      <select
        id="lesson"
        value={chosen ?? ""}
        onChange={(event) => {
          const found = lessonNamed(event.currentTarget.value);
          if (found !== undefined) openLesson(found);
        }}
      >
        {chosen === undefined ? (
          <option value="">{fromTool.value ?? t("editor.own")}</option>
        ) : null}
        {(Object.keys(kGroups) as Group[]).map((group) => (
          <optgroup key={group} label={t(`group.${group}` as TextKey)}>
            {kGroups[group].map((name) => (
              <option key={name} value={name}>
                {name} — {t(`lesson.${name}` as TextKey)}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
    </label>
  );
}

export function Editor() {
  const text = draft.value ?? script.value;
  const lines = text.split("\n");
  const now = state.value;
  const wrong = problem.value;
  const scroller = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0); // pixels that are scrolled away
  // Of a long script only the lines in sight have numbers and bars.
  const first = Math.max(1, Math.floor(top / kLine) - kMargin);
  const inSight = Array.from(
    {length: Math.max(0, Math.min(lines.length, first + kLinesInSight) - first + 1)},
    (_, i) => first + i,
  );
  const at = (line: number) => ({top: `${(line - 1) * kLine}px`});
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const nextLine = now?.next?.line ?? 0;
  const lastLine = now?.last?.line ?? 0;
  useEffect(() => {
    draft.value = undefined;
  }, [script.value]);
  useEffect(() => {
    const box = scroller.current;
    const line = nextLine || lastLine;
    if (!box || line === 0 || draft.value !== undefined) return;
    const [place, height] = [(line - 1) * kLine, box.clientHeight];
    if (place < box.scrollTop + 20 || place > box.scrollTop + height - 60) {
      box.scrollTop = Math.max(0, place - height / 3);
    }
  }, [nextLine, lastLine]);
  const take = (value: string) => {
    draft.value = value;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      if (value !== script.value) setScript(value);
      draft.value = problem.value === undefined ? undefined : value;
    }, kPause);
  };
  return (
    <Panel name="editor" title={t("editor.title")}>
      <div class="code" ref={scroller} onScroll={(event) => setTop(event.currentTarget.scrollTop)}>
        <div class="gutter" style={{height: `${lines.length * kLine}px`}}>
          {inSight.map((line) => {
            const classes = [
              line === nextLine ? "next" : "",
              line === lastLine ? "last" : "",
              line === wrong?.line ? "wrong" : "",
            ];
            return (
              <button
                type="button"
                key={line}
                style={at(line)}
                tabIndex={line === nextLine || (nextLine === 0 && line === 1) ? 0 : -1}
                class={`line ${classes.join(" ")}`}
                aria-label={t("editor.run-to", {line})}
                title={t("editor.run-to", {line})}
                aria-current={line === nextLine ? "step" : undefined}
                disabled={live.value !== undefined}
                onClick={() => toLine(line)}
              >
                {line}
              </button>
            );
          })}
        </div>
        <div class="lines" aria-hidden="true">
          {[wrong?.line ?? 0, nextLine, lastLine].map((line, i, all) => {
            if (line === 0 || all.indexOf(line) !== i) return null;
            const kind =
              line === wrong?.line
                ? "wrong"
                : line === nextLine
                  ? "next"
                  : line === lastLine
                    ? "last"
                    : "";
            return (
              <div key={line} class={`bar ${kind}`} style={at(line)}>
                {line === wrong?.line ? (
                  <span
                    class="squiggle"
                    style={{left: `${(wrong.column ?? 1) - 1}ch`, width: `${wrong.length}ch`}}
                  />
                ) : null}
              </div>
            );
          })}
        </div>
        <textarea
          id="script"
          aria-label={t("editor.title")}
          aria-invalid={wrong !== undefined}
          aria-describedby={wrong === undefined ? undefined : "script-error"}
          spellcheck={false}
          autocapitalize="off"
          wrap="off"
          readOnly={live.value !== undefined}
          rows={lines.length}
          value={text}
          onInput={(event) => take(event.currentTarget.value)}
          onKeyDown={(event) => {
            // Back to the keys that step.
            if (event.key === "Escape") event.currentTarget.blur();
          }}
        />
      </div>
      {wrong === undefined ? null : (
        <p id="script-error" class="bad" role="alert">
          {wrong.line === undefined
            ? wrong.sentence
            : t("editor.error", {
                line: wrong.line,
                column: wrong.column ?? 0,
                what: wrong.sentence,
              })}
        </p>
      )}
    </Panel>
  );
}
