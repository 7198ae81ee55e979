// Every sentence of the pages in every language. A text is a key of the catalogue; {name} in it is
// replaced by the value of that name.
import {commonTexts} from "../texts/common";
import {explorerTexts} from "../texts/explorer";
import {reportTexts} from "../texts/report";
import {type Language, language} from "./settings";

export type Text = Record<Language, string>;
export const kCatalogue = {...commonTexts, ...reportTexts, ...explorerTexts};
export type TextKey = keyof typeof kCatalogue;
export type TextValues = Record<string, string | number>;

export function textIn(wanted: Language, key: TextKey, values: TextValues = {}): string {
  const text: Text = kCatalogue[key];
  return text[wanted].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

// In the reader's language; a component that calls it is drawn again when the language changes.
export function t(key: TextKey, values?: TextValues): string {
  return textIn(language.value, key, values);
}
