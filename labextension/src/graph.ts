/** A small graph in layers, left to right. Pure. */

export interface IPlaced {
  id: string;
  x: number;
  y: number;
}

/** Each node in the layer after its last source; loops are cut where they close. */
export function layer(nodes: string[], edges: { source: string; target: string }[]): Map<string, number> {
  const sources = new Map<string, string[]>(nodes.map(node => [node, []]));
  edges.forEach(({ source, target }) => {
    if (sources.has(source) && sources.has(target)) {
      sources.get(target)!.push(source);
    }
  });
  const depth = new Map<string, number>();
  const visit = (node: string, above: Set<string>): number => {
    const known = depth.get(node);
    if (known !== undefined) {
      return known;
    }
    if (above.has(node)) {
      return 0;
    }
    const inside = new Set(above).add(node);
    const found = Math.max(-1, ...sources.get(node)!.map(source => visit(source, inside))) + 1;
    depth.set(node, found);
    return found;
  };
  nodes.forEach(node => visit(node, new Set()));
  return depth;
}

/** Places on a grid of boxes: columns are layers; in each, nodes stand near the middle of their sources. */
export function place(
  nodes: string[],
  edges: { source: string; target: string }[],
  width: number,
  height: number
): { placed: Map<string, IPlaced>; columns: number; rows: number } {
  const depth = layer(nodes, edges);
  const columns: string[][] = [];
  nodes.forEach(node => (columns[depth.get(node)!] ??= []).push(node));
  const rows = Math.max(1, ...columns.map(column => column?.length ?? 0));
  const placed = new Map<string, IPlaced>();
  columns.forEach((column, x) => {
    const wish = (node: string) => {
      const ys = edges.filter(edge => edge.target === node && placed.has(edge.source)).map(edge => placed.get(edge.source)!.y);
      return ys.length ? ys.reduce((sum, y) => sum + y, 0) / ys.length : 0;
    };
    const order = [...column].sort((a, b) => wish(a) - wish(b));
    const top = ((rows - order.length) * height) / 2;
    order.forEach((id, index) => placed.set(id, { id, x: x * width, y: top + index * height }));
  });
  return { placed, columns: columns.length, rows };
}
