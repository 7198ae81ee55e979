// Texts of both pages.
export const commonTexts = {
  "theme.dark": {en: "Dark", ko: "어둡게"},
  "theme.light": {en: "Light", ko: "밝게"},
  "theme.change": {en: "Change to the other theme", ko: "다른 테마로 바꾸기"},
  "language.change": {en: "한국어로 보기", ko: "Show in English"},
  "help.title": {en: "Keyboard", ko: "키보드"},
  "help.open": {en: "Keyboard help", ko: "키보드 도움말"},
  "help.close": {en: "Close", ko: "닫기"},
  "help.key": {en: "Key", ko: "키"},
  "help.does": {en: "What it does", ko: "하는 일"},
  "page.skip": {en: "Skip to the content", ko: "본문으로 건너뛰기"},
  "export.csv": {en: "Save as CSV", ko: "CSV 파일로 저장"},
  "export.svg": {en: "Save as SVG", ko: "SVG 파일로 저장"},
  "export.png": {en: "Save as PNG", ko: "PNG 파일로 저장"},
  "error.title": {en: "This page cannot be shown", ko: "이 페이지를 표시할 수 없습니다"},
  "unit.pages": {en: "{n} pages", ko: "{n}페이지"},
  "unit.references": {en: "{n} references", ko: "참조 {n}회"},
};
