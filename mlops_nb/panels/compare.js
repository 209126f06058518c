/* Runs side by side. `record` is what `compare_record` in compare_panel.py gives. */

function drawCompare(host, record, { onClose } = {}) {
  const state = { log: false, weight: 0, all: false, hidden: new Set() };
  const plots = h("div", { cls: "plots" });
  const table = h("div", { cls: "scroll" });
  const redrawPlots = () => plots.replaceChildren(...Object.entries(record.curves).map(([key, lines]) =>
    drawPlot(key, compareSeries(record, lines, state.hidden), state)));
  const redrawTable = () => table.replaceChildren(compareTable(record, state.all));
  const same = h("label", { cls: "mute check" },
    h("input", { type: "checkbox", onchange: (e) => { state.all = e.target.checked; redrawTable(); } }), " show what is the same too");
  const parts = [compareHead(record, onClose), legendOf(record, state, redrawPlots), h("h4", {}, "Differences", same), table];
  if (Object.keys(record.curves).length) {
    parts.push(h("h4", { text: "Curves" }), plotControls(state, redrawPlots), plots);
  }
  if (record.parallel) {
    const parallel = h("div", { cls: "scroll" });
    parallel.innerHTML = record.parallel; // SVG by charts.py: every text in it is escaped there
    linkHover(host, parallel);
    parts.push(h("h4", { text: "Params and metrics" }), parallel);
  }
  for (const [title, html] of record.blocks) {
    const block = h("div", { cls: "mlops-nb scroll" });
    block.innerHTML = html; // by code.py, escaped there
    parts.push(h("details", { open: true }, h("summary", { text: title }), block));
  }
  if (record.outputs.some((output) => output.parts.length)) parts.push(...compareOutputs(record));
  redrawPlots();
  redrawTable();
  host.replaceChildren(h("section", { cls: "compare", "aria-label": "Comparison of runs" }, ...parts));
}

function compareHead(record, onClose) {
  return h("div", { cls: "bar" },
    h("strong", { text: `Comparing ${record.runs.length} runs` }),
    h("span", { cls: "mute", text: "against the first" }),
    h("span", { cls: "grow" }),
    onClose ? h("button", { cls: "btn", type: "button", text: "Close", onclick: onClose }) : null);
}

function legendOf(record, state, redraw) {
  return h("div", { cls: "legend" }, ...record.runs.map((run, i) => {
    const item = h("button", {
      cls: "key", type: "button", "aria-pressed": "true", title: `${run.name} · ${run.run_id} · click to hide its curves`,
      onclick: () => {
        if (!state.hidden.delete(run.run_id)) state.hidden.add(run.run_id);
        item.setAttribute("aria-pressed", String(!state.hidden.has(run.run_id)));
        redraw();
      },
    }, h("i", { cls: `swatch c${i % 8}` }), statusMark(run.status), h("bdi", { text: run.name }), h("code", { cls: "mute", text: run.short }));
    return item;
  }));
}

function plotControls(state, redraw) {
  const weight = h("output", { text: "0" });
  return h("div", { cls: "bar controls" },
    h("label", { cls: "check" }, h("input", { type: "checkbox", onchange: (e) => { state.log = e.target.checked; redraw(); } }), " log axis"),
    h("label", { cls: "check" }, "smoothing ", h("input", {
      type: "range", min: 0, max: 0.99, step: 0.01, value: 0, "aria-label": "smoothing",
      oninput: (e) => { state.weight = Number(e.target.value); weight.textContent = e.target.value; redraw(); },
    }), " ", weight));
}

function compareSeries(record, lines, hidden) {
  return record.runs.flatMap((run, i) => {
    const line = lines[run.run_id];
    if (!line || hidden.has(run.run_id)) return [];
    return [{ name: run.name, run: i, colour: i % 8, xs: line.steps.map(asNumber), ys: line.values.map(asNumber) }];
  });
}

function compareTable(record, all) {
  const head = h("tr", {}, h("th", { scope: "col" }), ...record.runs.map((run, i) =>
    h("th", { scope: "col", title: run.run_id }, h("i", { cls: `swatch c${i % 8}` }), statusMark(run.status), " ", h("bdi", { text: run.name }))));
  const body = [];
  const alike = [];
  for (const section of record.sections) {
    const rows = section.rows.filter((row) => all || row.differs);
    const same = section.rows.length - rows.length;
    if (!rows.length && same) alike.push(`${section.title} (${same})`);
    if (!rows.length) continue;
    body.push(h("tr", { cls: "section" }, h("th", { scope: "rowgroup", colSpan: record.runs.length + 1 }, section.title,
      same ? h("span", { cls: "mute", text: ` ${same} the same` }) : null)));
    for (const row of rows) {
      body.push(h("tr", {}, h("th", { scope: "row", title: row.name }, h("bdi", { text: row.name })), ...row.cells.map((cell) =>
        h("td", { title: cell.title }, h("bdi", { cls: cell.differs ? "diff" : "", text: cell.text }),
          cell.change ? h("span", { cls: cell.trend, text: ` ${cell.change}` }) : null))));
    }
  }
  if (alike.length) body.push(h("tr", {}, h("td", { cls: "mute", colSpan: record.runs.length + 1, text: `The same: ${alike.join(", ")}` })));
  return h("table", { cls: "side" }, h("thead", {}, head), h("tbody", {}, ...body));
}

function linkHover(host, parallel) {
  parallel.querySelectorAll("[data-run]").forEach((line) => {
    const mark = (on) => host.querySelectorAll(`[data-run="${line.dataset.run}"]`).forEach((other) => other.classList.toggle("hot", on));
    line.addEventListener("pointerenter", () => mark(true));
    line.addEventListener("pointerleave", () => mark(false));
  });
}

function compareOutputs(record) {
  return [h("h4", { text: "Outputs" }), h("div", { cls: "outputs" }, ...record.outputs.map((output) =>
    h("div", { cls: "output" }, h("p", {}, h("bdi", { cls: "mute", text: output.name })), ...output.parts.map(outputPart))))];
}

function outputPart(part) {
  if (part.kind === "image") return h("img", { src: `data:${part.mime};base64,${part.data}`, alt: "output" });
  return part.kind === "html" ? outputFrame(part.data) : h("pre", { text: part.data });
}

/* What a cell displayed, in a frame that may run no script and ask no network; its height is read from outside. */
function outputFrame(html) {
  const policy = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">";
  const frame = h("iframe", { sandbox: "allow-same-origin", title: "output" });
  const look = `<style>html{font:12px system-ui;overflow-x:auto}body{margin:2px}.dataframe,.dataframe :is(td,th){border:0;border-collapse:collapse}
    .dataframe :is(td,th){padding:3px 8px;text-align:right!important;white-space:nowrap}
    .dataframe thead tr{border-bottom:1px solid #8888}.dataframe tbody tr:nth-child(odd){background:#88888814}</style>`;
  const paint = () => {
    const inside = frame.contentDocument?.documentElement;
    if (!inside) return;
    const style = getComputedStyle(frame.closest(".mlops-nb-panel") ?? document.body);
    inside.style.color = style.color;
    inside.style.colorScheme = frame.style.colorScheme = document.body.dataset.jpThemeLight === "false" ? "dark" : "light";
  };
  const watch = new MutationObserver(() => (frame.isConnected ? requestAnimationFrame(paint) : watch.disconnect()));
  watch.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "data-jp-theme-light"] });
  frame.addEventListener("load", () => {
    paint();
    const inside = frame.contentDocument?.documentElement;
    if (inside) frame.style.height = `${Math.min(360, inside.scrollHeight + 4)}px`;
  });
  requestAnimationFrame(() => { frame.srcdoc = policy + look + html; });
  return frame;
}
