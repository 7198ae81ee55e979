// The replacement policy's lists as they are: queues in order, hands, names of pages that are gone.

import {t} from "../common/texts";
import type {PolicyList, State} from "./model";
import {Panel, type Side} from "./panel";

const kMost = 96;

function List({list}: {list: PolicyList}) {
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
            title={t(list.ghosts ? "policy.ghost" : "policy.page", {page})}
          >
            {i === list.hand ? <span class="hand-mark">☞</span> : null}
            {page}
          </span>
        ))}
        {list.size > kMost ? (
          <span class="quiet small">{t("policy.more", {n: list.size - kMost})}</span>
        ) : null}
      </span>
    </li>
  );
}

export function PolicyPanel({state, side}: {state: State; side?: Side}) {
  const policy = state.policy;
  if (policy === undefined) return null;
  return (
    <Panel name="policy" title={t("policy.title", {name: policy.name})} side={side}>
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
    </Panel>
  );
}
