/** Curves as columns: aligned, smoothed, bounded. Pure. */

export interface ICurve {
  steps: number[];
  values: (number | null)[];
}

/** Exponential smoothing that is not drawn to zero at its start; `weight` from 0 (as it is) to 1. */
export function smooth(values: (number | null)[], weight: number): (number | null)[] {
  if (weight <= 0) {
    return values;
  }
  let last = 0;
  let debias = 0;
  return values.map(value => {
    if (value === null || !Number.isFinite(value)) {
      return value;
    }
    last = last * weight + (1 - weight) * value;
    debias = debias * weight + (1 - weight);
    return last / debias;
  });
}

/** Several curves on one axis of steps: columns of the same length, null where a curve has no point. */
export function align(curves: ICurve[]): { xs: number[]; columns: (number | null)[][] } {
  const xs = [...new Set(curves.flatMap(curve => curve.steps))].sort((a, b) => a - b);
  const at = new Map(xs.map((x, index) => [x, index]));
  const columns = curves.map(curve => {
    const column = new Array<number | null>(xs.length).fill(null);
    curve.steps.forEach((step, index) => {
      column[at.get(step)!] = curve.values[index];
    });
    return column;
  });
  return { xs, columns };
}

/** The path of a small curve in a box, as the `d` of an SVG path, and its last point; empty with fewer than two points. */
export function sparkPath(values: (number | null)[], width: number, height: number): { d: string; x: number; y: number } {
  const points = values
    .map((value, index) => [index, value] as [number, number | null])
    .filter((point): point is [number, number] => point[1] !== null && Number.isFinite(point[1]));
  if (points.length < 2) {
    return { d: '', x: 0, y: 0 };
  }
  const ys = points.map(point => point[1]);
  const low = Math.min(...ys);
  const span = Math.max(...ys) - low;
  const last = points[points.length - 1][0] || 1;
  const place = ([x, y]: [number, number]): [number, number] => [
    2 + (x / last) * (width - 4),
    span ? 2 + (1 - (y - low) / span) * (height - 4) : height / 2
  ];
  const placed = points.map(place);
  const d = placed.map(([x, y], index) => `${index ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
  const [x, y] = placed[placed.length - 1];
  return { d, x, y };
}
