// The replacement policy's lists as they are: queues in order, hands, names of pages that are gone.

import {count} from "../common/numbers";
import {type TextKey, t} from "../common/texts";
import {kListMarks, type LinuxGroup, type PolicyList, type State} from "./model";
import {Panel, type Side} from "./panel";

const kMost = 96;
const kMostTold = 256; // by the core

const kLetters = {accessed: "A", referenced: "R", workingset: "W", writing: "P"} as const;
type Mark = keyof typeof kLetters;
function marksOf(marks: number): Mark[] {
  return (Object.keys(kLetters) as Mark[]).filter((mark) => marks & kListMarks[mark]);
}

function Marks({marks}: {marks: number}) {
  if (marks === 0) return null;
  return <sup>{marksOf(marks).map((mark) => kLetters[mark])}</sup>;
}

// What the kernel knows beside its lists: the group, and pages that are away.
function Group({group}: {group: LinuxGroup}) {
  const kinds = [t("linux.anon"), t("linux.file")];
  const rows: [TextKey, [number, number]][] = [
    ["linux.shadows", group.shadows],
    ["linux.refaults", group.refaults],
    ["linux.activated", group.activated],
    ["linux.room", group.room],
  ];
  return (
    <>
      <p id="linux-group">
        {t(group.limit === 0 ? "linux.no-limit" : "linux.limit", {
          used: count(group.used),
          limit: count(group.limit),
          peak: count(group.peak),
          swappiness: group.swappiness,
        })}
      </p>
      <table class="linux-refaults">
        <thead>
          <tr>
            <th scope="col">{t("linux.age", {n: count(group.age)})}</th>
            {kinds.map((kind) => (
              <th scope="col" class="number" key={kind}>
                {kind}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, values]) => (
            <tr key={name}>
              <th scope="row">{t(name)}</th>
              {values.map((value, i) => (
                <td class="number" key={kinds[i]}>
                  {count(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="legend small">{t("linux.legend")}</p>
    </>
  );
}

function List({list}: {list: PolicyList}) {
  // Sizes are in pages; of a list that is told whole its entries count (a huge page is one).
  const whole = list.pages.length < kMostTold;
  const more = (whole ? list.pages.length : list.size) - kMost;
  return (
    <li class={`policy-list ${list.ghosts ? "ghosts" : ""}`}>
      <span class="list-name">
        {list.name} <span class="quiet small">{list.size}</span>
      </span>
      <span class="list-pages">
        {list.pages.length === 0 ? <span class="quiet small">{t("policy.empty")}</span> : null}
        {list.pages.slice(0, kMost).map((page, i) => (
          <span
            key={`${page}`}
            class={`list-page ${i === list.hand ? "hand" : ""}`}
            title={[
              t(list.ghosts ? "policy.ghost" : "policy.page", {page}),
              ...marksOf(list.marks?.[i] ?? 0).map((mark) => t(`linux.${mark}`)),
            ].join("; ")}
          >
            {i === list.hand ? <span class="hand-mark">☞</span> : null}
            {page}
            <Marks marks={list.marks?.[i] ?? 0} />
          </span>
        ))}
        {more > 0 ? <span class="quiet small">{t("policy.more", {n: more})}</span> : null}
      </span>
    </li>
  );
}

export function PolicyPanel({state, side}: {state: State; side?: Side}) {
  const policy = state.policy;
  if (policy === undefined) return null;
  const {group} = policy;
  const title = group ? t("linux.title") : t("policy.title", {name: policy.name});
  return (
    <Panel name="policy" title={title} side={side}>
      <p class="quiet small">{t("policy.order")}</p>
      {policy.parts.map((part) => (
        <div key={part.owner}>
          {policy.parts.length > 1 ? <h3>{part.owner}</h3> : null}
          {part.lists.length === 0 ? (
            <p class="quiet">{t("policy.none")}</p>
          ) : (
            <ul class="lists">
              {part.lists.map((list) => (
                <List key={list.name} list={list} />
              ))}
            </ul>
          )}
        </div>
      ))}
      {group === undefined ? null : <Group group={group} />}
    </Panel>
  );
}
