/* Drift in the panel of a service: a verdict, and for each column what it was in training and is now. */

const DRIFT_ROWS = 6;
const DRIFT_MARKS = { drift: "▲", "no drift": "✓", unknown: "?", "": "…" };
const DRIFT_WORDS = { drift: "drift", "no drift": "no drift", unknown: "cannot be told yet", "": "drift" };

/* The top of the scale: where all that comes now is in one bin, that bin is cut, so that training is still seen. */
function highest(before, now) {
  const tall = before.map((share, at) => Math.max(share, now[at])).sort((a, b) => a - b);
  const usual = tall.length > 4 ? tall[Math.floor(tall.length * 0.9)] : tall.at(-1);
  return Math.max(usual, tall.at(-1) / 4) || 1;
}

/* Two distributions over the same bins: grey what training had, in colour what comes now. */
function tinyBins(before, now, labels) {
  const width = 132, height = 26, top = highest(before, now);
  const step = width / before.length;
  const up = (share) => (height - 1 - ((height - 3) * Math.min(share, top)) / top).toFixed(1);
  const steps = (shares) => shares.map((share, at) =>
    `${at ? "L" : "M"}${(at * step).toFixed(1)} ${up(share)}L${((at + 1) * step).toFixed(1)} ${up(share)}`).join("");
  const most = now.map((share, at) => [share - before[at], at]).sort((a, b) => b[0] - a[0])[0];
  const words = most[0] > 0.005
    ? `${labels[most[1]]}: ${Math.round(100 * now[most[1]])} % now, ${Math.round(100 * before[most[1]])} % in training`
    : "as in training";
  const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": words },
    s("title", { text: words }),
    s("path", { d: `${steps(before)}L${width} ${height - 1}L0 ${height - 1}Z`, class: "was" }),
    s("path", { d: steps(now), class: "line" }));
  return svg;
}

class DriftSection {
  constructor(ask) {
    this.open = false;
    this.head = h("span", { cls: "verdict", text: "drift" });
    this.about = h("span", { cls: "mute" });
    this.why = h("div", { cls: "why mute" });
    this.legend = h("span", { cls: "legend", hidden: true }, h("i", { cls: "then" }), "training", h("i", { cls: "today" }), "now");
    this.rows = h("div", { cls: "columns", role: "table", "aria-label": "drift by column" });
    this.more = h("button", { cls: "btn more", hidden: true, onclick: () => { this.open = !this.open; this.draw(); } });
    this.minutes = h("select", { cls: "btn", "aria-label": "time", onchange: ask });
    this.minutes.append(...[[5, "last 5 minutes"], [15, "last 15 minutes"], [60, "last hour"]].map(([value, text]) =>
      h("option", { value, text, selected: value === 15 })));
    this.box = h("section", { cls: "live-drift" }, h("div", { cls: "bar" }, this.head, this.about, h("span", { cls: "grow" }),
      this.legend, this.minutes), this.why, this.rows, this.more);
  }

  get asked() {
    return Number(this.minutes.value);
  }

  /* Draw what Python has found; nothing if it is what stands there. */
  show(found) {
    const told = JSON.stringify(found);
    if (told === this.told) return;
    this.told = told;
    this.found = found;
    this.draw();
  }

  draw() {
    const found = this.found;
    if (!found) return;
    const columns = found.columns || [];
    this.head.className = `verdict ${found.verdict.replace(" ", "-")}`;
    this.head.textContent = `${DRIFT_MARKS[found.verdict]} ${DRIFT_WORDS[found.verdict]}`;
    const rows = found.reference && found.reference.rows;
    this.about.textContent = found.rows
      ? `${group(String(found.rows))} answers beside ${rows ? `${group(String(rows))} rows of ` : ""}training` : "";
    const notes = (found.notes || []).filter(Boolean).map((each) => `${each}.`).join(" ");
    this.why.textContent = [found.verdict === "no drift" || columns.length === 0 ? found.why : "", notes]
      .filter(Boolean).join(" ");
    const shown = this.open ? columns : columns.slice(0, DRIFT_ROWS);
    this.rows.replaceChildren(...shown.map((each) => this.row(each)));
    this.legend.hidden = columns.length === 0;
    this.more.hidden = columns.length <= DRIFT_ROWS;
    this.more.textContent = this.open ? "fewer columns" : `${columns.length - DRIFT_ROWS} more columns`;
  }

  row(column) {
    const words = h("span", { cls: "words" }, column.why);
    if (column.fault) words.append(h("span", { cls: "fault", text: ` ▲ ${column.fault}` }));
    return h("div", { cls: "column", role: "row" },
      h("span", { cls: `mark ${column.verdict}`, text: `${column.mark} ${column.verdict}` }),
      h("b", { text: column.name, title: `${column.role} ${column.name}, ${column.kind}` }),
      h("span", { cls: "bins" }, column.now.length ? tinyBins(column.before, column.now, column.labels) : ""),
      h("span", { cls: "num mute", text: column.psi === null ? "" : `PSI ${column.psi.toFixed(2)}` }), words);
  }
}
