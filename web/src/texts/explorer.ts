// Texts of the explorer page.
export const explorerTexts = {
  "explorer.title": {en: "Explorer", ko: "탐색기"},
};
