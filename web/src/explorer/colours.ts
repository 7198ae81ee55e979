// Which colour of the theme stands for whom. Colours are never alone: letters, patterns and words
// say the same.
export function ownerColour(number: number): string {
  return `--series-${[1, 2, 3, 4, 8, 6, 5, 7][number % 8]}`;
}

// How long ago a frame was used, from now to long ago, in five steps.
export const kAges = ["--age-1", "--age-2", "--age-3", "--age-4", "--age-5"] as const;
export function ageClass(used: number, now: number): number {
  if (used === 0) return 4;
  const ago = now - used;
  return ago <= 1 ? 0 : ago <= 8 ? 1 : ago <= 64 ? 2 : 3;
}

export const kStepColours: Record<string, string> = {
  h: "--good",
  n: "--series-5",
  j: "--series-2",
  s: "--series-4",
  x: "--series-4",
  c: "--series-6",
  o: "--edge",
};
