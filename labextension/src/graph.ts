/** A small graph in layers, left to right. Pure. */

export interface IPlaced {
  id: string;
  x: number;
  y: number;
  width: number;
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

export interface IGraph {
  placed: Map<string, IPlaced>;
  /** For each edge the places that it passes, first and last its nodes: it goes between the others and not behind them. */
  routes: IPlaced[][];
  width: number;
  rows: number;
}

/**
 * Places in layers from left to right: a layer is as wide as its widest node, and in each of them nodes stand near the
 * middle of their sources.
 */
export function place(
  nodes: string[],
  edges: { source: string; target: string }[],
  widthOf: (node: string) => number,
  gap: number,
  height: number
): IGraph {
  const depth = layer(nodes, edges);
  const columns: string[][] = [];
  nodes.forEach(node => (columns[depth.get(node)!] ??= []).push(node));
  const paths = edges
    .filter(({ source, target }) => depth.has(source) && depth.has(target) && source !== target)
    .map(({ source, target }) => {
      const stops: string[] = [];
      for (let at = depth.get(source)! + 1; at < depth.get(target)!; at++) {
        const stop = `${source}\0${target}\0${at}`;
        stops.push(stop);
        columns[at].push(stop);
      }
      return [source, ...stops, target];
    });
  const before = new Map<string, string[]>();
  paths.forEach(path => path.slice(1).forEach((node, index) => before.set(node, [...(before.get(node) ?? []), path[index]])));
  const rows = Math.max(1, ...columns.map(column => column.length));
  const all = new Map<string, IPlaced>();
  let x = 0;
  columns.forEach(column => {
    const width = Math.max(0, ...column.filter(node => depth.has(node)).map(widthOf));
    const wish = (node: string) => {
      const ys = (before.get(node) ?? []).map(source => all.get(source)?.y).filter((y): y is number => y !== undefined);
      return ys.length ? ys.reduce((sum, y) => sum + y, 0) / ys.length : 0;
    };
    const order = [...column].sort((a, b) => wish(a) - wish(b));
    const top = ((rows - order.length) * height) / 2;
    order.forEach((id, index) => all.set(id, { id, x, y: top + index * height, width }));
    x += width + gap;
  });
  const placed = new Map(nodes.map(node => [node, all.get(node)!]));
  return { placed, routes: paths.map(path => path.map(node => all.get(node)!)), width: Math.max(1, x - gap), rows };
}

/** A line through the places of a route, at so many points below their tops. */
export function routePath(route: IPlaced[], middle: number): string {
  let path = `M${route[0].x + route[0].width} ${route[0].y + middle}`;
  route.slice(1).forEach((stop, index) => {
    const [x1, y1] = [route[index].x + route[index].width, route[index].y + middle];
    path += `C${x1 + 20} ${y1} ${stop.x - 20} ${stop.y + middle} ${stop.x} ${stop.y + middle}`;
    path += index < route.length - 2 ? `H${stop.x + stop.width}` : '';
  });
  return path;
}
