/* Small pieces that the panels share. All text goes through textContent; only HTML that Python escaped is set as HTML. */

const SVG = "http://www.w3.org/2000/svg";

const FOCUSABLE = new Set(["button", "input", "select", "textarea", "summary", "iframe"]);

function h(name, props = {}, ...children) {
  const element = document.createElement(name);
  // The notebook's own keys (A, B, D D, X …) must not act on its cells while the focus is here. JupyterLab asks the focused
  // element itself before it asks the elements around it, so each one that can have the focus says so.
  if (FOCUSABLE.has(name) || "tabIndex" in props) element.setAttribute("data-lm-suppress-shortcuts", "true");
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "text") element.textContent = value;
    else if (key === "cls") element.className = value;
    else if (key in element && key !== "list" && key !== "style") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

function s(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") element.textContent = value;
    else if (value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

const SPECIAL = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };
const asNumber = (value) => (typeof value === "string" && value in SPECIAL ? SPECIAL[value] : value);

function trimZeros(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function decimalsOf(value, digits) {
  return value === 0 ? 0 : Math.min(20, Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value)))));
}

/* The same rules as `show_number` in format.py. */
function showNumber(value, digits = 4) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e12) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    return `${trimZeros(mantissa)}e${exponent.replace(/^([+-])(\d)$/, "$10$2")}`;
  }
  const decimals = decimalsOf(value, digits);
  return trimZeros(group(value.toFixed(decimals)));
}

function group(text) {
  const [whole, rest] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return rest === undefined ? grouped : `${grouped}.${rest}`;
}

/* A formatter for a whole column, so that decimal points stand below each other. */
function columnFormat(values, digits = 4) {
  let decimals = 0;
  for (const value of values) {
    if (typeof value !== "number" || !Number.isFinite(value) || value === 0) continue;
    const size = Math.abs(value);
    if (size < 1e-4 || size >= 1e12) return (number) => showNumber(number, digits);
    const shown = trimZeros(value.toFixed(decimalsOf(value, digits)));
    const dot = shown.indexOf(".");
    if (dot >= 0) decimals = Math.max(decimals, shown.length - dot - 1);
  }
  return (number) => (Number.isFinite(number) ? group(number.toFixed(decimals)) : showNumber(number));
}

/* The same rule as `show_param` in columns.py: long numbers in six digits. */
function showParam(value) {
  const text = String(value);
  return text.length > 9 ? String(Number(value.toPrecision(6))) : text;
}

function showAge(then, now) {
  const seconds = (now - then) / 1000;
  if (seconds < 5) return "now";
  const units = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [86400 * 30, 86400, "d"]];
  for (const [limit, unit, name] of units) if (seconds < limit) return `${Math.floor(seconds / unit)} ${name} ago`;
  const date = new Date(then);
  const sameYear = date.getFullYear() === new Date(now).getFullYear();
  return date.toLocaleDateString("en-GB", sameYear ? { day: "numeric", month: "short" } : { month: "short", year: "numeric" });
}

function showDuration(ms) {
  if (ms < 1) return "<1 ms";
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(seconds < 9.995 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  const two = (n) => String(n).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

const STATUS = {
  RUNNING: ["●", "running"], SCHEDULED: ["○", "running"], FINISHED: ["✓", "finished"],
  FAILED: ["✗", "failed"], KILLED: ["■", "killed"],
};

function statusMark(status) {
  return markStatus(h("span", { role: "img" }, document.createTextNode("")), status);
}

function markStatus(mark, status) {
  const [symbol, cls] = STATUS[status] ?? ["?", ""];
  if (mark.title === status) return mark;
  mark.className = `st st-${cls}`;
  mark.firstChild.data = symbol;
  mark.title = status;
  mark.setAttribute("aria-label", status);
  return mark;
}

/* The path of a curve; what is not finite is a gap, a point between gaps is a dot. */
function curvePath(xs, ys, across, up) {
  let path = "";
  let pen = "M";
  for (let i = 0; i < ys.length; i += 1) {
    const y = up(ys[i]);
    if (!Number.isFinite(y)) { pen = "M"; continue; }
    const alone = pen === "M" && (i + 1 === ys.length || !Number.isFinite(up(ys[i + 1])));
    path += `${pen}${across(xs[i]).toFixed(1)} ${y.toFixed(1)}${alone ? "h.01" : ""}`;
    pen = "L";
  }
  return path;
}

function sparkline(ys, width = 84, height = 18) {
  const finite = ys.filter(Number.isFinite);
  if (ys.length < 2 || !finite.length) return null;
  const low = Math.min(...finite), high = Math.max(...finite);
  const across = (x) => 2 + (x / (ys.length - 1)) * (width - 5);
  const up = (y) => (high === low ? height / 2 : height - 3 - ((y - low) / (high - low)) * (height - 6));
  return s("svg", { class: "spark", width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    s("path", { class: "ln c0", d: curvePath(ys.map((_, i) => i), ys, across, up) }));
}

/* The panel's own element. Its static view, the output before it, stands back while the panel lives (see kept.css). */
function hostIn(el) {
  const host = h("div", { cls: "mlops-nb-panel" });
  el.replaceChildren(host);
  let outputs = [];
  const settle = () => {
    const output = host.closest(".jp-OutputArea-child");
    const kept = output?.previousElementSibling;
    output?.classList.add("mlops-nb-live");
    if (kept?.querySelector(".mlops-nb-kept")) kept.classList.add("mlops-nb-stands-back");
    outputs = [output, kept];
  };
  let waiting = requestAnimationFrame(function wait() {
    if (host.isConnected) settle();
    else waiting = requestAnimationFrame(wait);
  });
  host.leave = () => {
    cancelAnimationFrame(waiting);
    for (const output of outputs) output?.classList.remove("mlops-nb-live", "mlops-nb-stands-back");
  };
  return host;
}
