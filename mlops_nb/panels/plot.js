/* Curves over steps: hover for values, logarithmic axis, smoothing. Plain SVG, redrawn on every change. */

function smoothed(ys, weight) {
  if (!weight) return ys;
  let mean = 0;
  let norm = 0;
  return ys.map((y) => {
    if (!Number.isFinite(y)) return NaN;
    mean = mean * weight + (1 - weight) * y;
    norm = norm * weight + (1 - weight);
    return mean / norm;
  });
}

function roundTicks(low, high, count, wide = false) {
  const span = high - low;
  if (!Number.isFinite(span) || span <= Math.abs(high) * 1e-12) return [low];
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((candidate) => span / candidate <= count);
  const ticks = [];
  const first = wide ? Math.floor(low / step + 1e-9) : Math.ceil(low / step - 1e-9);
  const last = wide ? Math.ceil(high / step - 1e-9) : Math.floor(high / step + 1e-9);
  for (let i = first; i <= last; i += 1) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

function decadeTicks(low, high) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / 6));
  const ticks = [];
  for (let e = first; e <= last; e += every) ticks.push(10 ** e);
  return ticks.length > 1 ? ticks : [low, high];
}

/* series: [{name, colour, xs, ys}]; options: {log, weight, width, height} */
function drawPlot(title, series, { log, weight, width = 520, height = 240 }) {
  const lines = series.map((line) => ({ ...line, shown: smoothed(line.ys, weight) }));
  const usable = (y) => Number.isFinite(y) && (!log || y > 0);
  let [lowX, highX, lowY, highY] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const line of lines) {
    for (let i = 0; i < line.ys.length; i += 1) {
      lowX = Math.min(lowX, line.xs[i]); highX = Math.max(highX, line.xs[i]);
      if (usable(line.ys[i])) { lowY = Math.min(lowY, line.ys[i]); highY = Math.max(highY, line.ys[i]); } // smoothing does not zoom
      if (usable(line.shown[i])) { lowY = Math.min(lowY, line.shown[i]); highY = Math.max(highY, line.shown[i]); }
    }
  }
  if (lowY > highY) [lowY, highY] = log ? [0.1, 1] : [0, 1];
  const ticks = log ? decadeTicks(lowY, highY) : roundTicks(lowY, highY, 5, true);
  if (!log) [lowY, highY] = [Math.min(lowY, ticks[0]), Math.max(highY, ticks.at(-1))];
  const labels = ticks.map((tick) => showNumber(tick));
  const box = { left: 14 + 6.6 * Math.max(1, ...labels.map((l) => l.length)), right: width - 10, top: 12, bottom: height - 22 };
  const across = (x) => (highX === lowX ? (box.left + box.right) / 2
    : box.left + ((x - lowX) / (highX - lowX)) * (box.right - box.left));
  const flat = highY === lowY;
  const up = (y) => {
    if (!usable(y)) return NaN;
    if (flat) return (box.top + box.bottom) / 2;
    const share = log ? Math.log(y / lowY) / Math.log(highY / lowY) : (y - lowY) / (highY - lowY);
    return box.bottom - share * (box.bottom - box.top);
  };
  const svg = s("svg", { class: "plot", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${series.map((l) => l.name).join(", ")}` });
  ticks.forEach((tick, i) => {
    const y = up(tick);
    svg.append(s("line", { class: "gr", x1: box.left, x2: box.right, y1: y, y2: y }),
      s("text", { class: "tk", x: box.left - 6, y: y + 3.5, "text-anchor": "end", text: labels[i] }));
  });
  svg.append(s("line", { class: "ax", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
  for (const tick of roundTicks(lowX, highX, 7)) {
    svg.append(s("text", { class: "tk", x: across(tick), y: box.bottom + 15, "text-anchor": "middle", text: showNumber(tick) }));
  }
  for (const line of lines) {
    if (weight) svg.append(s("path", { class: `ln ghost c${line.colour}`, d: curvePath(line.xs, line.ys, across, (y) => clamp(up(y), box)) }));
    svg.append(s("path", { class: `ln c${line.colour}`, "data-run": line.run, d: curvePath(line.xs, line.shown, across, up) }));
  }
  addHover(svg, lines, box, across, up);
  return h("figure", { cls: "figure" }, h("figcaption", { text: title, dir: "auto" }), svg);
}

function clamp(y, box) {
  return Number.isFinite(y) ? Math.min(box.bottom, Math.max(box.top, y)) : y;
}

function nearest(xs, x) {
  let low = 0;
  let high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle; else high = middle;
  }
  return Math.abs(xs[high] - x) < Math.abs(xs[low] - x) ? high : low;
}

function addHover(svg, lines, box, across, up) {
  const rule = s("line", { class: "rule", y1: box.top, y2: box.bottom });
  const marks = s("g", {});
  const tip = s("g", { class: "tipbox" });
  const all = lines.flatMap((line) => line.xs);
  if (!all.length) return;
  svg.append(rule, marks, tip);
  const hide = () => { for (const part of [rule, marks, tip]) part.setAttribute("visibility", "hidden"); };
  hide();
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("pointermove", (event) => {
    const bounds = svg.getBoundingClientRect();
    const pixel = ((event.clientX - bounds.left) / bounds.width) * svg.viewBox.baseVal.width;
    const low = Math.min(...lines.map((l) => l.xs[0] ?? Infinity)), high = Math.max(...lines.map((l) => l.xs.at(-1) ?? -Infinity));
    const x = low + ((pixel - across(low)) / Math.max(1e-9, across(high) - across(low))) * (high - low);
    const rows = lines.filter((line) => line.xs.length).map((line) => {
      const i = nearest(line.xs, x);
      return { line, x: line.xs[i], y: line.shown[i] };
    }).sort((a, b) => b.y - a.y);
    const at = across(rows[0].x);
    for (const [key, value] of [["x1", at], ["x2", at]]) rule.setAttribute(key, value);
    marks.replaceChildren(...rows.filter((row) => Number.isFinite(up(row.y))).map((row) =>
      s("circle", { class: `dot c${row.line.colour}`, r: 3, cx: across(row.x), cy: up(row.y) })));
    tip.replaceChildren(...tipRows(rows, at, box));
    for (const part of [rule, marks, tip]) part.setAttribute("visibility", "visible");
  });
}

function tipRows(rows, at, box) {
  const shown = rows.slice(0, 10);
  const texts = shown.map((row) => `${row.line.name.slice(0, 28)}  ${showNumber(row.y, 5)}`);
  const width = 26 + 6.4 * Math.max(...texts.map((t) => t.length), 8);
  const x = at + width + 14 > box.right ? at - width - 10 : at + 10;
  const parts = [s("rect", { class: "tipback", x, y: box.top, width, height: 22 + shown.length * 16, rx: 4 }),
    s("text", { class: "tk", x: x + 8, y: box.top + 15, text: `step ${showNumber(shown[0].x, 8)}` })];
  shown.forEach((row, i) => {
    const y = box.top + 31 + i * 16;
    parts.push(s("circle", { class: `dot c${row.line.colour}`, cx: x + 11, cy: y - 4, r: 3.5 }),
      s("text", { class: "tv", x: x + 20, y, text: texts[i] }));
  });
  return parts;
}
