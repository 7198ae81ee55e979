// The replacement policy's lists as they are: queues in order, hands, names of pages that are gone;
// of Linux its active and inactive lists, or its generations, and what it knows of pages away.

import {count} from "../common/numbers";
import {type TextKey, t} from "../common/texts";
import {
  type Generations,
  kListMarks,
  kTierShift,
  kYoungerShift,
  type LinuxGroup,
  type PolicyList,
  type State,
} from "./model";
import {Panel, type Side} from "./panel";
import {Scroll} from "./scroll";

const kMost = 96;
const kMostTold = 256; // by the core

const kLetters = {accessed: "A", referenced: "R", workingset: "W", writing: "P"} as const;
type Mark = keyof typeof kLetters;
function marksOf(marks: number): Mark[] {
  return (Object.keys(kLetters) as Mark[]).filter((mark) => marks & kListMarks[mark]);
}
// Of a page in a generation.
const tierOf = (marks: number) => (marks >> kTierShift) & 3;
const youngerBy = (marks: number) => (marks >> kYoungerShift) & 3;

function Marks({marks}: {marks: number}) {
  if (marks === 0) return null;
  return (
    <sup>
      {marksOf(marks).map((mark) => kLetters[mark])}
      {tierOf(marks) > 0 ? tierOf(marks) : ""}
      {youngerBy(marks) > 0 ? `↑${youngerBy(marks)}` : ""}
    </sup>
  );
}

function titleOf(list: PolicyList, i: number): string {
  const page = list.pages[i] ?? "";
  const marks = list.marks?.[i] ?? 0;
  const words = [
    t(list.ghosts ? "policy.ghost" : "policy.page", {page}),
    ...marksOf(marks).map((mark) => t(`linux.${mark}`)),
  ];
  if (tierOf(marks) > 0) words.push(t("mglru.tier", {n: tierOf(marks)}));
  if (youngerBy(marks) > 0) {
    words.push(t("mglru.younger", {n: (list.generation ?? 0) + youngerBy(marks)}));
  }
  return words.join("; ");
}

// Of each kind of page and tier: how many came back of those that were evicted or spared.
function Tiers({generations}: {generations: Generations}) {
  const kinds = [t("linux.anon"), t("linux.file")];
  return (
    <Scroll label={t("mglru.tiers")}>
      <table class="linux-refaults" id="mglru-tiers">
        <thead>
          <tr>
            <th scope="col">{t("mglru.tiers")}</th>
            {kinds.map((kind) => (
              <th scope="col" class="number" key={kind}>
                {kind}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[0, 1, 2, 3].map((tier) => (
            <tr key={tier}>
              <th scope="row">{t(`mglru.tier-${tier as 0 | 1 | 2 | 3}`)}</th>
              {generations.kinds.map((kind, i) => {
                const [back, all] = kind.tiers[tier] ?? [0, 0];
                const says = t("mglru.came-back", {back: count(back), all: count(all)});
                return (
                  <td class="number" key={kinds[i]}>
                    {says}
                    {tier > kind.last ? ` · ${t("mglru.spared")}` : ""}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function groupRows(group: LinuxGroup): [TextKey, [number, number]][] {
  const shadows = group.generations ? "mglru.shadows" : "linux.shadows";
  const activated = group.generations ? "mglru.activated" : "linux.activated";
  const rows: [TextKey, [number, number]][] = [
    [shadows, group.shadows],
    ["linux.refaults", group.refaults],
    [activated, group.activated],
  ];
  if (group.room !== undefined) rows.push(["linux.room", group.room]);
  return rows;
}

// What the kernel knows beside its lists: the group, and pages that are away.
function Group({group}: {group: LinuxGroup}) {
  const kinds = [t("linux.anon"), t("linux.file")];
  const {generations} = group;
  const heading =
    generations === undefined
      ? t("linux.age", {n: count(group.age ?? 0)})
      : t("mglru.walks", {n: count(generations.walks)});
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
      {generations === undefined ? null : (
        <p id="mglru-found">
          {t("mglru.found", {
            promoted: count(generations.promoted),
            neighbours: count(generations.neighbours),
          })}
        </p>
      )}
      <table class="linux-refaults">
        <thead>
          <tr>
            <th scope="col">{heading}</th>
            {kinds.map((kind) => (
              <th scope="col" class="number" key={kind}>
                {kind}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {groupRows(group).map(([name, values]) => (
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
      {generations === undefined ? null : <Tiers generations={generations} />}
      <p class="legend small">{t("linux.legend")}</p>
      {generations === undefined ? null : <p class="legend small">{t("mglru.legend")}</p>}
    </>
  );
}

// "anon · generation 4", and whether it is the oldest or the youngest.
function ListName({list, generations}: {list: PolicyList; generations: Generations | undefined}) {
  if (list.generation === undefined || generations === undefined) return <>{list.name}</>;
  const kind = list.name === "file" ? 1 : 0;
  return (
    <>
      {t("mglru.list", {kind: t(kind === 1 ? "linux.file" : "linux.anon"), n: list.generation})}
      {list.generation === generations.oldest[kind] ? (
        <span class="quiet small"> {t("mglru.oldest")}</span>
      ) : null}
      {list.generation === generations.youngest ? (
        <span class="quiet small"> {t("mglru.youngest")}</span>
      ) : null}
    </>
  );
}

function List({list, generations}: {list: PolicyList; generations: Generations | undefined}) {
  // Sizes are in pages; of a list that is told whole its entries count (a huge page is one).
  const whole = list.pages.length < kMostTold;
  const more = (whole ? list.pages.length : list.size) - kMost;
  return (
    <li
      class={`policy-list ${list.ghosts ? "ghosts" : ""} ${
        list.generation === undefined ? "" : "generation"
      }`}
    >
      <span class="list-name">
        <ListName list={list} generations={generations} />{" "}
        <span class="quiet small">{list.size}</span>
      </span>
      <span class="list-pages">
        {list.pages.length === 0 ? <span class="quiet small">{t("policy.empty")}</span> : null}
        {list.pages.slice(0, kMost).map((page, i) => (
          <span
            key={`${page}`}
            class={`list-page ${i === list.hand ? "hand" : ""}`}
            title={titleOf(list, i)}
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

function titleOfPanel(group: LinuxGroup | undefined, name: string): string {
  if (group === undefined) return t("policy.title", {name});
  return t(group.generations ? "mglru.title" : "linux.title");
}

export function PolicyPanel({state, side}: {state: State; side?: Side}) {
  const policy = state.policy;
  if (policy === undefined) return null;
  const {group} = policy;
  const generations = group?.generations;
  return (
    <Panel name="policy" title={titleOfPanel(group, policy.name)} side={side}>
      <p class="quiet small">{t(generations ? "mglru.order" : "policy.order")}</p>
      {policy.parts.map((part) => (
        <div key={part.owner}>
          {policy.parts.length > 1 ? <h3>{part.owner}</h3> : null}
          {part.lists.length === 0 ? (
            <p class="quiet">{t("policy.none")}</p>
          ) : (
            <ul class="lists">
              {part.lists.map((list) => (
                <List
                  key={`${list.name}${list.generation ?? ""}`}
                  list={list}
                  generations={generations}
                />
              ))}
            </ul>
          )}
        </div>
      ))}
      {group === undefined ? null : <Group group={group} />}
    </Panel>
  );
}
