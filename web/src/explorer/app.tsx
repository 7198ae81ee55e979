// The explorer on one screen: script and story at the left, the machine at the right, time above.
import {Frame} from "../common/frame";
import {t} from "../common/texts";
import {CompareChoice, CompareView} from "./compare";
import {Controls} from "./controls";
import {Editor, LessonChoice} from "./editor";
import {live} from "./live";
import {LiveCharts, LiveControls} from "./live_controls";
import {LogPanel} from "./panels_log";
import {ProcessMaps, WalkPanel} from "./panels_map";
import {CachePanel, CountersPanel, FramesPanel, SwapPanel, TlbPanel} from "./panels_memory";
import {PolicyPanel} from "./panels_policy";
import {StoryPanel} from "./panels_story";
import {Quiz, QuizSwitch, revealed} from "./quiz";
import {fromTool, lesson, pinned, quizSeed, script, second, state, walk} from "./store";
import "./explorer.css";

export function Explorer() {
  const now = state.value;
  const shown = walk.value;
  const two = second.value !== undefined;
  const following = live.value !== undefined;
  const quiz = quizSeed.value !== undefined;
  const name = now?.processes.find((p) => p.index === shown?.process)?.name ?? "";
  return (
    <Frame title="explorer.title" what={lesson.value ?? fromTool.value ?? t("editor.own")}>
      {following ? (
        <>
          <LiveControls />
          <LiveCharts />
        </>
      ) : (
        <div class="choices">
          <LessonChoice />
          <CompareChoice />
          <QuizSwitch />
        </div>
      )}
      {quiz || following ? null : <Controls />}
      {now === undefined ? null : (
        <div class={`screen ${two ? "two" : ""}`}>
          <div class="column left">
            {quiz ? <Quiz /> : null}
            {following && script.value === "" ? null : <Editor />}
            {quiz && !revealed.value ? null : (
              <>
                <StoryPanel state={now} />
                <LogPanel state={now} />
              </>
            )}
          </div>
          <div class="column middle">
            <ProcessMaps state={now} />
            <WalkPanel walk={shown?.walk} name={name} isPinned={pinned.value !== undefined} />
            <CachePanel state={now} />
          </div>
          <div class="column right">
            {two ? (
              <CompareView />
            ) : (
              <>
                <FramesPanel state={now} />
                <PolicyPanel state={now} />
                <TlbPanel state={now} />
                <SwapPanel state={now} />
                <CountersPanel state={now} />
              </>
            )}
          </div>
        </div>
      )}
    </Frame>
  );
}
