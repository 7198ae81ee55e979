// A field of small squares, one for each page or frame, on a canvas: thousands of them are drawn
// in a frame's time. A square is picked by mouse or by arrow keys; what it is is then said in words
// below, which screen readers hear.
import {useEffect, useLayoutEffect, useRef, useState} from "preact/hooks";
import {theme} from "../common/settings";

export interface Square {
  key: number; // what it stands for
  fill: string; // a variable of the theme: "--series-1"; "": empty
  look?: "solid" | "hatched" | "outline" | "dotted";
  text?: string; // a letter or two, where there is room
  mark?: "new" | "now" | undefined; // a frame round it
  dot?: boolean; // dirty
  gap?: string; // it stands for many of which there is nothing to say
}

// The theme's colours, asked for once: asking makes the browser work out all styles.
const known = new Map<string, string>();
function colour(name: string): string {
  const key = `${document.documentElement.dataset.theme} ${name}`;
  let value = known.get(key);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    known.set(key, value);
  }
  return value;
}

function sizeFor(count: number): number {
  if (count <= 96) return 26;
  if (count <= 400) return 19;
  return count <= 1200 ? 13 : count <= 3000 ? 9 : 7;
}

function drawSquare(
  context: CanvasRenderingContext2D,
  square: Square,
  [x, y, size]: [number, number, number],
): void {
  const inner = size - (size > 10 ? 3 : 1);
  context.lineWidth = 1;
  if (square.gap !== undefined) {
    context.fillStyle = colour("--quiet");
    context.font = `${Math.max(8, size * 0.55)}px sans-serif`;
    context.fillText("⋯", x + inner / 2, y + inner / 2 + 1);
    return;
  }
  const fill = square.fill === "" ? colour("--edge") : colour(square.fill);
  const look = square.look ?? "solid";
  context.fillStyle = fill;
  context.strokeStyle = fill;
  if (look === "solid" && square.fill !== "") {
    context.fillRect(x, y, inner, inner);
  } else {
    if (look === "dotted") context.setLineDash([2, 2]);
    context.strokeRect(x + 0.5, y + 0.5, inner - 1, inner - 1);
    context.setLineDash([]);
  }
  if (look === "hatched") {
    context.save();
    context.beginPath();
    context.rect(x, y, inner, inner);
    context.clip();
    context.beginPath();
    for (let at = -inner; at < inner; at += 4) {
      context.moveTo(x + at, y + inner);
      context.lineTo(x + at + inner, y);
    }
    context.stroke();
    context.restore();
  }
  if (square.dot && size > 8) {
    const corner = Math.max(4, inner * 0.36);
    context.fillStyle = colour(look === "solid" && square.fill !== "" ? "--ground" : "--ink");
    context.beginPath();
    context.moveTo(x + inner - corner, y);
    context.lineTo(x + inner, y);
    context.lineTo(x + inner, y + corner);
    context.fill();
  }
  if (square.text && size >= (square.text.length > 1 ? 19 : 13)) {
    context.font = `600 ${Math.round(size * (square.text.length > 2 ? 0.36 : 0.5))}px sans-serif`;
    context.fillStyle = colour(look === "solid" && square.fill !== "" ? "--ground" : "--ink");
    context.fillText(square.text, x + inner / 2, y + inner / 2 + 1);
  }
  if (square.mark !== undefined) {
    context.strokeStyle = colour(square.mark === "new" ? "--bad" : "--ink");
    context.lineWidth = size > 10 ? 2.5 : 1.5;
    context.strokeRect(x - 0.5, y - 0.5, inner + 1, inner + 1);
  }
}

function sameSquare(a: Square, b: Square): boolean {
  return (
    a.key === b.key &&
    a.fill === b.fill &&
    a.look === b.look &&
    a.text === b.text &&
    a.mark === b.mark &&
    a.dot === b.dot &&
    a.gap === b.gap
  );
}

// The places, and those around them.
function withNeighbours(places: number[], count: number, columns: number): number[] {
  const all = new Set<number>();
  for (const place of places) {
    for (const row of [-columns, 0, columns]) {
      for (const column of [-1, 0, 1]) {
        const at = place + row + column;
        if (at >= 0 && at < count) all.add(at);
      }
    }
  }
  return [...all];
}

export function SquareField({
  squares,
  label,
  describe,
  onPick,
}: {
  squares: Square[];
  label: string;
  describe: (square: Square) => string;
  onPick?: (square: Square) => void;
}) {
  const holder = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(320);
  const [picked, setPicked] = useState(-1);
  const [hovered, setHovered] = useState(-1);
  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    setWidth(element.clientWidth);
    return () => watch.disconnect();
  }, []);
  const size = sizeFor(squares.length);
  const columns = Math.max(1, Math.floor((width - 4) / size));
  const rows = Math.max(1, Math.ceil(squares.length / columns));
  const scheme = theme.value;
  const pick = Math.min(picked, squares.length - 1);
  // What the canvas shows: squares that are still the same are not drawn again.
  const drawn = useRef<{shape: string; squares: Square[]; pick: number}>({
    shape: "",
    squares: [],
    pick: -1,
  });
  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    const ratio = globalThis.devicePixelRatio || 1;
    const shape = `${squares.length} ${columns} ${size} ${scheme} ${ratio}`;
    const before = drawn.current;
    const anew = before.shape !== shape;
    if (anew) {
      element.width = Math.round((columns * size + 4) * ratio);
      element.height = Math.round((rows * size + 4) * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.textAlign = "center";
    context.textBaseline = "middle";
    const place = (i: number): [number, number, number] => [
      2 + (i % columns) * size,
      2 + Math.floor(i / columns) * size,
      size,
    ];
    const changed = squares.flatMap((square, i) => {
      const old = anew ? undefined : before.squares[i];
      const moved = (i === pick) !== (i === before.pick);
      return old === undefined || moved || !sameSquare(old, square) ? [i] : [];
    });
    // All are cleared before any is drawn: the frame round a square lies in its neighbours' place.
    const again = anew ? changed : withNeighbours(changed, squares.length, columns);
    if (!anew) {
      for (const i of again) {
        const [x, y] = place(i);
        context.clearRect(x - 2, y - 2, size, size);
      }
    }
    for (const i of again) {
      const square = squares[i];
      if (square === undefined) continue;
      drawSquare(context, square, place(i));
      if (i === pick) {
        const [x, y] = place(i);
        context.strokeStyle = colour("--focus");
        context.lineWidth = 2;
        context.strokeRect(x - 1, y - 1, size - 1, size - 1);
      }
    }
    drawn.current = {shape, squares, pick};
  }, [squares, columns, rows, size, scheme, pick]);
  const at = (event: MouseEvent) => {
    const box = canvas.current?.getBoundingClientRect();
    if (box === undefined) return -1;
    const column = Math.floor((event.clientX - box.left - 2) / size);
    const index = Math.floor((event.clientY - box.top - 2) / size) * columns + column;
    return column >= 0 && column < columns && index < squares.length ? index : -1;
  };
  const choose = (index: number) => {
    const next = Math.max(0, Math.min(index, squares.length - 1));
    setPicked(next);
  };
  const moves: Record<string, number> = {
    ArrowRight: 1,
    ArrowLeft: -1,
    ArrowDown: columns,
    ArrowUp: -columns,
    Home: -squares.length,
    End: squares.length,
  };
  const said = squares[hovered >= 0 ? hovered : pick];
  return (
    <div class="field" ref={holder}>
      {squares.length > 0 ? (
        <div
          role="application"
          aria-label={label}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys choose a square in it
          tabIndex={0}
          onMouseMove={(event) => setHovered(at(event))}
          onMouseLeave={() => setHovered(-1)}
          onClick={(event) => {
            const index = at(event);
            const square = squares[index];
            if (square === undefined) return;
            choose(index);
            onPick?.(square);
          }}
          onKeyDown={(event) => {
            const square = squares[pick];
            if (event.key in moves) choose(pick + (moves[event.key] ?? 0));
            else if (event.key === "Enter" && square !== undefined) onPick?.(square);
            else return;
            event.preventDefault();
            event.stopPropagation();
          }}
        >
          <canvas
            ref={canvas}
            style={{width: `${columns * size + 4}px`, height: `${rows * size + 4}px`}}
          />
        </div>
      ) : null}
      <p class="said" aria-live="polite">
        {said === undefined ? "" : describe(said)}
      </p>
    </div>
  );
}

// Numbers of [0, end) of which `known` are to be shown: long runs of others become one gap.
export function withGaps<T>(
  known: T[],
  numberOf: (item: T) => number,
  end: number,
  {
    empty,
    square,
    gap,
  }: {
    empty: (n: number) => Square;
    square: (item: T) => Square;
    gap: (first: number, count: number) => Square;
  },
  longest = 24,
): Square[] {
  const squares: Square[] = [];
  let next = 0;
  const fill = (until: number) => {
    const count = until - next;
    if (count > longest) squares.push(gap(next, count));
    else for (; next < until; ++next) squares.push(empty(next));
    next = until;
  };
  for (const item of known) {
    fill(numberOf(item));
    squares.push(square(item));
    next = numberOf(item) + 1;
  }
  fill(end);
  return squares;
}
