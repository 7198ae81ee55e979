// The catalogue of texts is put together from several: none may take another's key.
import {expect, it} from "vitest";
import {kCatalogue} from "../../src/common/texts";
import {commonTexts} from "../../src/texts/common";
import {explorerTexts} from "../../src/texts/explorer";
import {reportTexts} from "../../src/texts/report";

it("has each text once", () => {
  const keys = [commonTexts, explorerTexts, reportTexts].flatMap((texts) => Object.keys(texts));
  expect(keys.filter((key, i) => keys.indexOf(key) !== i)).toEqual([]);
  expect(Object.keys(kCatalogue).length).toBe(keys.length);
});
