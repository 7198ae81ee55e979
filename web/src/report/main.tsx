// The report page: see a real program's memory. The parts stand in the order in which people ask.
import {coreOfPage} from "../common/core";
import {Frame, startPage} from "../common/frame";
import {dataOfPage} from "../common/payload";
import {type TextKey, t} from "../common/texts";
import {Answer} from "./answer";
import {CheckView} from "./check_view";
import {CurveView} from "./curve_view";
import {followCurves} from "./curves";
import {DiffReport, startDiff} from "./diff_view";
import {FlameView} from "./flame_view";
import {HeatView} from "./heat_view";
import "./report.css";
import {data, start} from "./state";
import {AreaView, CounterView, ForkView, MeasuredView, TlbView} from "./tables";
import {FaultView, WorkingSetView} from "./time_views";
import {WindowBar} from "./window_bar";

const kParts: [string, TextKey][] = [
  ["curve-title", "curve.title"],
  ["ws-title", "ws.title"],
  ["heat-title", "heat.title"],
  ["fault-title", "fault.title"],
  ["flame-title", "flame.title"],
  ["tlb-title", "translation.title"],
  ["fork-title", "fork.title"],
  ["areas-title", "area.title"],
  ["check-title", "check.title"],
  ["counters-title", "counter.title"],
  ["how-title", "how.title"],
];

function isThere([id]: [string, TextKey]): boolean {
  return id !== "check-title" || data.meta.report.check !== null;
}

function Report() {
  return (
    <Frame title="report.title" what={data.meta.report.recording.command.join(" ")}>
      <Answer />
      <nav class="parts" aria-label={t("report.sections")}>
        <ul>
          {kParts.filter(isThere).map(([id, key]) => (
            <li key={id}>
              <a href={`#${id}`}>{t(key)}</a>
            </li>
          ))}
        </ul>
      </nav>
      <CurveView />
      <WindowBar />
      <WorkingSetView />
      <HeatView />
      <FaultView />
      <FlameView />
      <TlbView />
      <ForkView />
      <AreaView />
      <CheckView />
      <CounterView />
      <MeasuredView />
    </Frame>
  );
}

function Empty() {
  return (
    <Frame title="report.title">
      <p>{t("report.empty")}</p>
    </Frame>
  );
}

startPage(async () => {
  const block = dataOfPage();
  if (block === undefined) return <Empty />;
  const core = await coreOfPage();
  if (startDiff(core, block)) return <DiffReport />;
  start(core, block);
  followCurves();
  return <Report />;
});
