/* The panel of runs: rows are made only where they are seen, so that thousands cost nothing. */

const ROW = 28;
const HEAD = 30;
const OVERSCAN = 6;
let panels = 0;

class RunsGrid {
  constructor(model, host) {
    this.model = model;
    this.host = host;
    this.id = `mlops-nb-grid-${(panels += 1)}`;
    this.reset();
    this.columns = null;
    this.sort = null; // {column, down}
    this.selected = new Set(model.get("selected"));
    this.cursor = 0;
    this.query = 0;
    this.curves = new Map();
    this.painted = new Map(); // place in the table -> its row
    this.build();
    this.onMessage = (message, buffers) => this.receive(message, buffers);
    model.on("msg:custom", this.onMessage);
    this.onSelected = () => {
      this.selected = new Set(model.get("selected"));
      this.paint(true);
    };
    model.on("change:selected", this.onSelected);
    this.ask();
  }

  reset() {
    this.rows = []; // columns of the loaded runs are kept by name in `data`
    this.data = new Map();
    this.order = [];
    this.complete = true;
    this.total = 0;
  }

  /* ---- kernel ---- */

  ask() {
    this.query += 1;
    this.note.textContent = "loading …";
    const order = this.sort ? [`${this.sort.column} ${this.sort.down ? "DESC" : "ASC"}`] : [];
    this.model.send({ type: "query", query: this.query, filter: this.filter.value, order_by: order });
  }

  receive(message, buffers) {
    if (message.type === "rows" && message.query === this.query) this.addRows(message, buffers);
    else if (message.type === "refused" && message.query === this.query) this.showRefusal(message.message);
    else if (message.type === "curves") this.addCurves(message.curves);
    else if (message.type === "page") this.showPage(message);
    else if (message.type === "compare") drawCompare(this.below, message.record, { onClose: () => this.closeBelow() });
    else if (message.type === "failed") this.showFailure(message.message);
    if (message.type === "compare") this.below.scrollIntoView({ block: "nearest" });
  }

  addRows(message, buffers) {
    const part = JSON.parse(new TextDecoder().decode(buffers[0]));
    if (message.first) {
      this.reset();
      this.scroller.scrollTop = 0;
      this.cursor = 0;
      this.refusal.textContent = "";
      this.filter.setAttribute("aria-invalid", "false");
    }
    const start = this.rows.length;
    const count = part.run_id.length;
    for (const [name, values] of Object.entries(part)) {
      const known = this.data.get(name) ?? [];
      known.length = start; // holes where earlier pages had no such column
      values.forEach((value) => known.push(name.startsWith("metrics.") || name.startsWith("params.") ? asNumber(value) : value));
      this.data.set(name, known);
    }
    for (let i = 0; i < count; i += 1) this.rows.push(start + i);
    this.complete = message.complete;
    this.directions = { ...this.directions, ...message.directions };
    if (!this.columns || message.first) this.offered = message.columns;
    this.columns ??= message.shown;
    this.curveKey = message.curve;
    this.layout();
    this.arrange();
  }

  showRefusal(text) {
    this.refusal.textContent = text;
    this.filter.setAttribute("aria-invalid", "true");
    this.count();
  }

  showFailure(text) {
    this.below.replaceChildren(h("p", { cls: "refusal", role: "alert", text }));
  }

  showPage(message) {
    const page = h("div", { cls: "page" });
    page.innerHTML = message.html; // by pages.py: everything in it is escaped there
    this.below.replaceChildren(h("div", { cls: "bar" }, h("span", { cls: "grow" }),
      h("button", { cls: "btn", type: "button", text: "Close", onclick: () => this.closeBelow() })), page);
    this.below.scrollIntoView({ block: "nearest" });
  }

  closeBelow() {
    this.below.replaceChildren();
    this.scroller.focus();
  }

  addCurves(curves) {
    for (const [key, ys] of Object.entries(curves)) this.curves.set(key, ys.map(asNumber));
    if (!this.hasCurves && [...this.curves.values()].some((ys) => ys.length > 1)) {
      this.hasCurves = true;
      this.layout();
    }
    this.paint(true);
  }

  /* ---- frame ---- */

  build() {
    this.filter = h("input", {
      type: "search", cls: "filter", spellcheck: false, autocomplete: "off", "aria-label": "Filter runs", "aria-describedby": `${this.id}-refusal`,
      placeholder: "Filter: metrics.accuracy > 0.9 and params.model = 'gbm'", value: this.model.get("filter"),
      oninput: () => { clearTimeout(this.typing); this.typing = setTimeout(() => this.applyFilter(), 500); },
      onkeydown: (event) => { if (event.key === "Enter") { clearTimeout(this.typing); this.applyFilter(); } },
    });
    this.compareButton = h("button", { cls: "btn main", type: "button", text: "Compare", disabled: true, onclick: () => this.compare() });
    this.clearButton = h("button", { cls: "btn", type: "button", text: "Clear", hidden: true, onclick: () => this.select([]) });
    this.chooser = h("details", { cls: "chooser" }, h("summary", { cls: "btn", text: "Columns" }), h("div", { cls: "menu" }));
    this.chooser.addEventListener("toggle", () => { if (this.chooser.open) this.fillChooser(); });
    this.host.addEventListener("pointerdown", (event) => { if (!this.chooser.contains(event.target)) this.chooser.open = false; });
    this.refusal = h("pre", { cls: "refusal", id: `${this.id}-refusal`, role: "alert" });
    this.header = h("div", { cls: "row head", role: "row", "aria-rowindex": 1 });
    this.body = h("div", { cls: "body", role: "rowgroup" });
    this.scroller = h("div", {
      cls: "scroller", tabIndex: 0, role: "grid", "aria-label": "Runs", "aria-multiselectable": "true",
      onscroll: () => this.scrolled(), onkeydown: (event) => this.key(event),
    }, h("div", { cls: "top", role: "rowgroup" }, this.header), this.body);
    this.note = h("span", { cls: "mute note", "aria-live": "polite" });
    this.below = h("div", { cls: "below" });
    this.host.replaceChildren(h("div", { cls: "bar" }, this.filter,
      h("button", { cls: "btn", type: "button", text: "⟳", title: "Read the runs again", "aria-label": "Refresh", onclick: () => { this.curves.clear(); this.ask(); } }),
      this.chooser, this.clearButton, this.compareButton), this.refusal, this.scroller, h("div", { cls: "bar foot" }, this.note), this.below);
    this.resize = new ResizeObserver(() => this.paint());
    this.resize.observe(this.scroller);
    this.clock = setInterval(() => this.paint(true), 30_000);
  }

  destroy() {
    this.resize.disconnect();
    clearInterval(this.clock);
    clearTimeout(this.typing);
    this.model.off("msg:custom", this.onMessage);
    this.model.off("change:selected", this.onSelected);
  }

  applyFilter() {
    this.model.set("filter", this.filter.value);
    this.model.save_changes();
    this.ask();
  }

  fillChooser() {
    const groups = { "": "run", "metrics.": "metrics", "params.": "params", "tags.": "tags" };
    const menu = this.chooser.querySelector(".menu");
    menu.replaceChildren(...Object.entries(groups).flatMap(([prefix, title]) => {
      const names = this.offered.filter((c) => (prefix ? c.name.startsWith(prefix) : !/^(metrics|params|tags)\./.test(c.name)));
      return names.length ? [h("fieldset", {}, h("legend", { text: title }), ...names.map((column) => this.choice(column)))] : [];
    }));
  }

  choice(column) {
    const toggle = (event) => {
      if (event.target.checked) this.columns = [...this.columns, column.name];
      else this.columns = this.columns.filter((name) => name !== column.name);
      this.layout();
      this.arrange();
    };
    return h("label", { title: column.label },
      h("input", { type: "checkbox", checked: this.columns.includes(column.name), onchange: toggle }), h("bdi", { text: column.label }));
  }

  /* ---- columns ---- */

  layout() {
    const labels = Object.fromEntries(this.offered.map((c) => [c.name, c.label]));
    const names = this.columns.filter((name) => name !== "name");
    const curve = this.hasCurves ? ["curve"] : [];
    const firstParam = names.findIndex((name) => name.startsWith("params.") || name.startsWith("tags."));
    const at = firstParam < 0 ? names.length : firstParam;
    this.shown = ["name", ...names.slice(0, at), ...curve, ...names.slice(at)].map((name) => this.describe(name, labels[name]));
    this.painted.clear();
    this.body.replaceChildren();
    this.host.style.setProperty("--columns", `34px ${this.shown.map((c) => `${c.width}px`).join(" ")}`);
    this.header.replaceChildren(h("div", { cls: "cell pick", role: "columnheader" }, this.pickAll()), ...this.shown.map((c) => this.headCell(c)));
    this.scroller.setAttribute("aria-colcount", this.shown.length + 1);
  }

  describe(name, label) {
    const values = this.data.get(name) ?? [];
    const numeric = name.startsWith("metrics.") || name === "duration" || name === "revision"
      || (name.startsWith("params.") && values.length > 0 && values.every((v) => v === null || v === undefined || typeof v === "number"));
    const column = { name, label: label ?? name, numeric };
    if (name.startsWith("metrics.")) column.format = columnFormat(values);
    if (name === "curve") column.label = `${this.curveKey ?? ""} curve`.trim();
    if (name.startsWith("metrics.")) column.best = this.bestOf(name, values);
    const sample = [];
    for (let i = 0; i < Math.min(200, this.rows.length); i += 1) sample.push(this.cellText(column, i).length);
    sample.sort((a, b) => a - b); // one very long name in twenty does not widen the column for all
    const content = (sample[Math.floor(sample.length * 0.94)] ?? 0) * 7.8 + (name === "name" ? 46 : 22);
    const heading = column.label.length * 7.4 + 38;
    column.width = name === "curve" ? Math.max(104, Math.min(heading, 150)) : Math.round(Math.min(name === "name" ? 280 : 220, Math.max(content, Math.min(heading, 160), name === "name" ? 150 : 56)));
    return column;
  }

  bestOf(name, values) {
    const direction = this.directions?.[name.slice("metrics.".length)] ?? 0;
    const known = values.filter((v) => typeof v === "number" && !Number.isNaN(v));
    if (!direction || known.length < 2) return undefined;
    return known.reduce((best, v) => ((v - best) * direction > 0 ? v : best));
  }

  cellText(column, i) {
    const value = this.data.get(column.name)?.[i];
    if (column.name === "start_time") return showAge(this.data.get("start_time")[i], Date.now());
    if (value === null || value === undefined) return "";
    if (column.format) return column.format(value);
    if (column.name === "duration") return showDuration(value);
    if (typeof value === "number" && column.name.startsWith("params.")) return showParam(value);
    return String(value);
  }

  headCell(column) {
    const sorted = this.sort?.column === column.name;
    const mark = sorted ? (this.sort.down ? " ↓" : " ↑") : "";
    const cell = h("div", {
      cls: `cell ${column.numeric ? "num" : ""} ${column.name === "name" ? "pin" : ""} ${sorted ? "sorted" : ""}`,
      role: "columnheader", "aria-sort": sorted ? (this.sort.down ? "descending" : "ascending") : "none", title: column.name.replace(".", ": "),
    });
    if (column.name === "curve") cell.append(h("bdi", { text: column.label }));
    else cell.append(h("button", { type: "button", onclick: () => this.sortBy(column.name) }, h("bdi", { text: column.label }), mark));
    return cell;
  }

  pickAll() {
    return h("input", {
      type: "checkbox", title: "Select all that are shown", "aria-label": "Select all",
      onchange: (event) => this.select(event.target.checked ? this.order.map((i) => this.data.get("run_id")[i]) : []),
    });
  }

  /* ---- order ---- */

  sortBy(column) {
    const first = !/^(name|experiment|notebook|user|stage|status)$/.test(column);
    if (this.sort?.column !== column) this.sort = { column, down: first };
    else if (this.sort.down === first) this.sort = { column, down: !first };
    else this.sort = null;
    this.layout();
    if (this.complete) this.arrange();
    else this.ask(); // the kernel has more than what is loaded here
  }

  arrange() {
    this.order = [...this.rows];
    if (this.sort && this.complete) {
      const values = this.data.get(this.sort.column) ?? [];
      const sign = this.sort.down ? -1 : 1;
      const missing = (v) => v === null || v === undefined || Number.isNaN(v);
      this.order.sort((a, b) => {
        const [one, two] = [values[a], values[b]];
        if (missing(one) || missing(two)) return missing(one) - missing(two) || a - b; // last either way
        if (typeof one === "number" && typeof two === "number") return sign * (one - two) || a - b;
        return sign * String(one).localeCompare(String(two), undefined, { numeric: true }) || a - b;
      });
    }
    this.body.style.height = `${this.order.length * ROW}px`;
    this.scroller.style.height = `${Math.min(this.model.get("height"), HEAD + 12 + Math.max(3, this.order.length) * ROW)}px`;
    this.scroller.setAttribute("aria-rowcount", this.order.length + 1);
    this.paint(true);
    this.count();
  }

  count() {
    const count = this.order.length.toLocaleString("en");
    const more = this.complete ? "" : " loaded, more in the store: a filter finds them";
    const picked = this.selected.size ? ` · ${this.selected.size} selected` : "";
    if (!this.order.length && this.complete) {
      this.note.textContent = this.filter.value ? "No run fits the filter." : "No runs yet. Put %%track on top of a cell and run it.";
    } else {
      this.note.textContent = `${count} run${this.order.length === 1 ? "" : "s"}${more}${picked}`;
    }
    this.compareButton.disabled = this.selected.size < 2 || this.selected.size > 50;
    this.compareButton.textContent = this.selected.size ? `Compare ${this.selected.size}` : "Compare";
    this.compareButton.title = this.selected.size > 50 ? "At most 50 runs can be compared" : "Compare the selected runs (2 to 50)";
    this.clearButton.hidden = !this.selected.size;
  }

  /* ---- rows ---- */

  scrolled() {
    this.scroller.classList.toggle("shifted", this.scroller.scrollLeft > 0);
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.paint();
    });
  }

  paint(all = false) {
    if (!this.shown) return;
    const top = Math.max(0, Math.floor(this.scroller.scrollTop / ROW) - OVERSCAN);
    const bottom = Math.min(this.order.length, Math.ceil((this.scroller.scrollTop + this.scroller.clientHeight) / ROW) + OVERSCAN);
    const free = [];
    for (const [place, row] of this.painted) {
      if (place < top || place >= bottom) { free.push(row); this.painted.delete(place); } else if (all) this.fillRow(row, place);
    }
    for (let place = top; place < bottom; place += 1) {
      if (this.painted.has(place)) continue;
      const row = free.pop() ?? this.body.appendChild(this.makeRow()); // rows are used again: only their text changes
      this.fillRow(row, place);
      this.painted.set(place, row);
    }
    for (const row of free) row.remove();
    this.scroller.setAttribute("aria-activedescendant", this.order.length ? `${this.id}-${this.cursor}` : "");
    this.askCurves(top, bottom);
  }

  makeRow() {
    const pick = h("input", { type: "checkbox", tabIndex: -1, "aria-label": "select" });
    const row = h("div", { cls: "row", role: "row", onclick: (event) => this.click(event, row.place) }, h("div", { cls: "cell pick", role: "gridcell" }, pick));
    for (const column of this.shown) {
      const cell = h("div", { cls: "cell", role: "gridcell" });
      // Text nodes that are only rewritten: new nodes make the browser match JupyterLab's style sheets again.
      if (column.name === "name") cell.append(statusMark(""), " ", h("bdi", {}, document.createTextNode("")));
      else if (column.name !== "curve") cell.append(document.createTextNode(""));
      row.append(cell);
    }
    return row;
  }

  fillRow(row, place) {
    const i = this.order[place];
    const runId = this.data.get("run_id")[i];
    const picked = this.selected.has(runId);
    row.place = place;
    row.id = `${this.id}-${place}`;
    row.className = `row${place === this.cursor ? " cursor" : ""}${picked ? " picked" : ""}`;
    row.setAttribute("aria-rowindex", place + 2);
    row.setAttribute("aria-selected", String(picked));
    row.style.transform = `translateY(${place * ROW}px)`;
    row.firstChild.firstChild.checked = picked;
    this.shown.forEach((column, at) => this.fillCell(row.children[at + 1], column, i, runId));
  }

  fillCell(cell, column, i, runId) {
    if (column.name === "curve") {
      const ys = this.curves.get(runId) ?? [];
      if (cell.curve !== ys) cell.replaceChildren(sparkline(ys) ?? "");
      cell.curve = ys;
      return;
    }
    const text = this.cellText(column, i);
    const value = this.data.get(column.name)?.[i];
    const best = column.best !== undefined && value === column.best;
    const cls = `cell${column.numeric ? " num" : ""}${column.name === "name" ? " pin" : ""}${best ? " best" : ""}`;
    if (cell.className !== cls) cell.className = cls;
    if (column.name === "name") markStatus(cell.firstChild, this.data.get("status")[i]);
    (column.name === "name" ? cell.lastChild : cell).firstChild.data = text;
    cell.title = column.name === "start_time" ? new Date(value).toLocaleString() : column.name === "name" ? `${text} · ${runId}` : String(value ?? "");
  }

  askCurves(top, bottom) {
    if (!this.curveKey) return;
    const wanted = this.order.slice(top, bottom).map((i) => this.data.get("run_id")[i]).filter((runId) => !this.curves.has(runId));
    if (!wanted.length) return;
    clearTimeout(this.curveTimer);
    this.curveTimer = setTimeout(() => {
      for (const runId of wanted) this.curves.set(runId, []); // asked for once
      this.model.send({ type: "curves", key: this.curveKey, run_ids: wanted });
    }, 120);
  }

  /* ---- choosing ---- */

  click(event, place) {
    const before = this.cursor;
    this.cursor = place;
    const pick = event.target.closest(".pick");
    if (event.shiftKey) this.selectRange(before, place);
    else if (pick || event.ctrlKey || event.metaKey) this.toggle(place);
    else if (event.detail === 2) this.open(place);
    this.paint(true);
    if (!pick) this.scroller.focus({ preventScroll: true });
  }

  toggle(place) {
    const runId = this.data.get("run_id")[this.order[place]];
    const chosen = [...this.selected];
    this.select(this.selected.has(runId) ? chosen.filter((id) => id !== runId) : [...chosen, runId]);
  }

  selectRange(from, to) {
    const [low, high] = from < to ? [from, to] : [to, from];
    const ids = this.order.slice(low, high + 1).map((i) => this.data.get("run_id")[i]);
    this.select([...new Set([...this.selected, ...ids])]);
  }

  select(ids) {
    this.selected = new Set(ids);
    this.model.set("selected", ids);
    this.model.save_changes();
    this.paint(true);
    this.count();
  }

  open(place) {
    this.model.send({ type: "open", run_id: this.data.get("run_id")[this.order[place]] });
  }

  compare() {
    this.model.send({ type: "compare", run_ids: [...this.selected] });
  }

  key(event) {
    const page = Math.max(1, Math.floor((this.scroller.clientHeight - HEAD) / ROW) - 1);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.target !== this.scroller) return;
    if (event.key in moves) {
      const before = this.cursor;
      this.cursor = Math.max(0, Math.min(this.order.length - 1, this.cursor + moves[event.key]));
      if (event.shiftKey) this.selectRange(before, this.cursor);
      this.reveal();
    } else if (event.key === " ") this.toggle(this.cursor);
    else if (event.key === "Enter") this.open(this.cursor);
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") this.scroller.scrollLeft += event.key === "ArrowRight" ? 80 : -80;
    else if (event.key === "Escape") this.select([]);
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.paint(true);
  }

  reveal() {
    const top = this.cursor * ROW;
    const room = this.scroller.clientHeight - HEAD;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW > this.scroller.scrollTop + room) this.scroller.scrollTop = top + ROW - room;
  }
}
