// Two machines side by side: the same script, other settings.
import {useState} from "preact/hooks";
import {type TextKey, t} from "../common/texts";
import {CountersPanel, FramesPanel, SwapPanel, TlbPanel} from "./panels_memory";
import {PolicyPanel} from "./panels_policy";
import {
  compare,
  compareProblem,
  outline,
  second,
  secondState,
  setCompare,
  settingsIn,
  state,
} from "./store";

interface Choice {
  settings: string;
  text: TextKey;
}
const kPairs: Choice[] = [
  {settings: "policy=fifo | policy=lru", text: "compare.fifo-lru"},
  {settings: "policy=clock | policy=arc", text: "compare.clock-arc"},
  {settings: "model=linux thp=never | model=linux thp=always", text: "compare.page-sizes"},
  {settings: "pcid=off | pcid=on", text: "compare.pcids"},
  {
    settings: "model=policy policy=clock frames=256 | model=linux group-limit=1M",
    text: "compare.models",
  },
  {
    settings: "model=linux group-limit=1M | model=linux-mglru group-limit=1M",
    text: "compare.lists-generations",
  },
];
const kChoices: Choice[] = [
  {settings: "policy=fifo", text: "compare.fifo"},
  {settings: "policy=lru", text: "compare.lru"},
  {settings: "policy=clock", text: "compare.clock"},
  {settings: "policy=second-chance", text: "compare.second-chance"},
  {settings: "policy=2q", text: "compare.2q"},
  {settings: "policy=arc", text: "compare.arc"},
  {settings: "policy=linux-lists", text: "compare.linux"},
  {settings: "model=linux group-limit=1M", text: "compare.model-linux"},
  {settings: "model=linux", text: "compare.lists"},
  {settings: "model=linux-mglru", text: "compare.generations"},
  {settings: "model=policy", text: "compare.model-policy"},
  {settings: "thp=always", text: "compare.thp"},
  {settings: "pcid=off", text: "compare.pcid-off"},
  {settings: "pcid=on", text: "compare.pcid-on"},
  {settings: "tlb=l1d=1x4,l2=none", text: "compare.small-tlb"},
  {settings: "levels=5", text: "compare.levels"},
  {settings: "frames=4", text: "compare.frames"},
  {settings: "fault-around=1 readahead=1 swap-readahead=1", text: "compare.no-readahead"},
];

export function CompareChoice() {
  const settings = compare.value;
  const [own, setOwn] = useState(settings ?? "");
  const known = [...kChoices, ...kPairs].some((choice) => choice.settings === settings);
  return (
    <>
      <label>
        {t("compare.title")}{" "}
        <select
          id="compare"
          value={settings === undefined ? "" : known ? settings : "own"}
          onChange={(event) => {
            const {value} = event.currentTarget;
            setCompare(value === "" ? undefined : value === "own" ? own : value);
          }}
        >
          <option value="">{t("compare.none")}</option>
          <optgroup label={t("compare.others")}>
            {kChoices.map((choice) => (
              <option key={choice.settings} value={choice.settings}>
                {t(choice.text)}
              </option>
            ))}
          </optgroup>
          <optgroup label={t("compare.pairs")}>
            {kPairs.map((choice) => (
              <option key={choice.settings} value={choice.settings}>
                {t(choice.text)}
              </option>
            ))}
          </optgroup>
          <option value="own">{t("compare.own")}</option>
        </select>
      </label>
      {settings !== undefined && !known ? (
        <label>
          {t("compare.settings")}{" "}
          <input
            id="compare-own"
            type="text"
            spellcheck={false}
            value={own}
            onInput={(event) => setOwn(event.currentTarget.value)}
            onChange={(event) => setCompare(event.currentTarget.value)}
          />
        </label>
      ) : null}
      {compareProblem.value === undefined ? null : (
        <span class="bad" role="alert">
          {compareProblem.value}
        </span>
      )}
    </>
  );
}

function faultsIn(kinds: string): {minor: number; major: number} {
  const n = (letter: string) => [...kinds].filter((kind) => kind === letter).length;
  return {minor: n("n"), major: n("j")};
}

export function CompareView() {
  const [one, two] = [state.value, secondState.value];
  const other = second.value;
  if (one === undefined || two === undefined || other === undefined) return null;
  const first = faultsIn(outline.value?.kinds ?? "");
  const next = faultsIn(other.outline.kinds);
  const [settings] = settingsIn(compare.value);
  return (
    <>
      <p class="panel verdict" id="compare-verdict">
        {t("compare.verdict", {
          minor1: first.minor,
          major1: first.major,
          minor2: next.minor,
          major2: next.major,
        })}
      </p>
      <div class="sides">
        <div class="side">
          <h2>
            {settings === "" ? (
              t("compare.one")
            ) : (
              <>
                {t("compare.two")} <code>{settings}</code>
              </>
            )}
          </h2>
          <FramesPanel state={one} side={1} />
          <PolicyPanel state={one} side={1} />
          <TlbPanel state={one} side={1} />
          <SwapPanel state={one} side={1} />
        </div>
        <div class="side" id="second">
          <h2>
            {t("compare.two")} <code>{other.settings}</code>
          </h2>
          <FramesPanel state={two} side={2} />
          <PolicyPanel state={two} side={2} />
          <TlbPanel state={two} side={2} />
          <SwapPanel state={two} side={2} />
        </div>
      </div>
      <CountersPanel state={one} other={two} />
    </>
  );
}
