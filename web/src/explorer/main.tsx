// The explorer page.
import {coreOfPage} from "../common/core";
import {startPage} from "../common/frame";
import {dataOfPage, textOf} from "../common/payload";
import {Explorer} from "./app";
import type {LiveGiven} from "./live";
import {fromTool, machine, openAddress, setScript, startLive, state, step, useCore} from "./store";

// What `pagewright explore SCRIPT` puts into the page.
interface Given {
  live?: undefined;
  name: string;
  script: string;
}

startPage(async () => {
  const data = dataOfPage();
  const given = data === undefined ? undefined : (JSON.parse(textOf(data)) as Given | LiveGiven);
  if (given?.live) {
    fromTool.value = given.name;
    startLive(given);
    Object.assign(globalThis, {pagewright: {state: () => state.value}});
    return <Explorer />;
  }
  const core = await coreOfPage();
  useCore(core);
  if (given !== undefined && !/[#&][ls]=/.test(location.hash)) {
    fromTool.value = given.name;
    setScript(given.script);
  }
  await openAddress(location.hash);
  // The address asked for, not the one that is there by now: it may have been saved meanwhile.
  window.addEventListener("hashchange", (event) => openAddress(new URL(event.newURL).hash));
  // For tests and for lecturers' own scripts: what is shown, as text.
  Object.assign(globalThis, {
    pagewright: {
      step: () => step.value,
      state: () => state.value,
      text: (at: number) => machine.value?.stateText(at),
      show: (at: number, what: string, process?: number, address?: string) =>
        machine.value?.show(at, what, process, address),
      // References a second that the core makes.
      bulk: (n: number) => {
        const other = core.another();
        const start = performance.now();
        return (other.call("pw_bulk", n) * 1000) / (performance.now() - start);
      },
    },
  });
  return <Explorer />;
});
