/* The panel of models: a list at the side, and one model with its versions, history, gates and lineage. */

const TABS = { versions: "Versions", history: "History", gates: "Gates", lineage: "Lineage", card: "Card" };
let modelViews = 0;

class ModelsView {
  constructor(model, host) {
    this.model = model;
    this.host = host;
    this.id = `mlops-nb-models-${(modelViews += 1)}`;
    this.models = [];
    this.record = null;
    this.tab = "versions";
    this.version = null; // the number of the version that is looked at
    this.ticked = new Set();
    this.form = null;
    this.build();
    this.onMessage = (message) => this.receive(message);
    model.on("msg:custom", this.onMessage);
    this.send({ type: "list", search: "" });
    if (model.get("model")) this.open(model.get("model"));
  }

  destroy() {
    this.model.off("msg:custom", this.onMessage);
  }

  send(message) {
    this.model.send(message);
    return message;
  }

  /* ---- what comes from the kernel ---- */

  receive(message) {
    const take = {
      list: () => this.takeList(message),
      model: () => this.takeModel(message.record),
      offers: () => this.form?.offer?.(message.offers),
      frames: () => this.form?.offer?.(message),
      done: () => this.takeDone(message),
      refused: () => this.form?.refuse(message.message, message.checks),
      failed: () => (this.form ? this.form.refuse(message.message) : this.say(message.message, true)),
      compare: () => this.takeComparison(message.record),
      lineage: () => this.takePicture(message, "lineage"),
      card: () => this.takePicture(message, "card"),
    };
    take[message.type]?.();
  }

  takeList(message) {
    if (message.search !== this.search.value) return; // something else was typed since
    this.models = message.models;
    this.drawList();
    if (!this.record && !this.model.get("model") && this.models.length) this.open(this.models[0].name);
    if (!this.models.length && !this.search.value && !this.record) this.drawEmpty();
  }

  takeModel(record) {
    const other = record?.name !== this.record?.name;
    this.record = record;
    if (other) {
      this.ticked.clear();
      this.below.replaceChildren();
      this.tab = "versions";
      this.version = null;
    }
    if (record && !record.versions.some((each) => each.version === this.version)) this.version = record.versions[0]?.version ?? null;
    this.drawList();
    this.drawModel();
  }

  takeDone(message) {
    this.closeForm();
    if (this.search.value) this.send({ type: "list", search: this.search.value });
    else this.models = message.models;
    this.takeModel(message.record);
    this.say(message.words);
  }

  takeComparison(record) {
    drawCompare(this.below, record, { onClose: () => this.below.replaceChildren() });
    this.below.scrollIntoView({ block: "nearest" });
  }

  takePicture(message, tab) {
    if (this.tab !== tab || message.version !== this.version) return;
    const box = h("div", { cls: tab === "card" ? "paper" : "mlops-nb scroll" });
    if (tab === "card") box.append(outputFrame(message.html));
    else box.innerHTML = message.html; // by graph.py, escaped there
    this.body.replaceChildren(this.versionPicker(), box);
  }

  say(words, isError = false) {
    this.note.textContent = words;
    this.note.className = isError ? "said err" : "said ok";
  }

  /* ---- frame ---- */

  build() {
    this.search = h("input", { cls: "filter", type: "search", placeholder: "Find a model", "aria-label": "find a model" });
    this.search.addEventListener("input", () => this.send({ type: "list", search: this.search.value }));
    this.search.addEventListener("keydown", (event) => event.stopPropagation());
    this.names = h("ul", { cls: "names" });
    this.head = h("header", {});
    this.formAt = h("div", {});
    this.note = h("p", { cls: "said", role: "status" });
    this.tabs = h("div", { cls: "tabs", role: "tablist" });
    this.body = h("div", { cls: "tab", role: "tabpanel" });
    this.below = h("div", { cls: "below" });
    const register = h("button", { cls: "btn", type: "button", text: "Register …", onclick: () => this.openForm(registerForm(this)) });
    this.main = h("section", { cls: "detail", "aria-label": "model" }, this.head, this.note, this.formAt, this.tabs, this.body);
    this.host.replaceChildren(
      h("div", { cls: "models" }, h("nav", { "aria-label": "models" }, h("div", { cls: "bar" }, this.search, register), this.names), this.main),
      this.below);
  }

  open(name) {
    this.closeForm();
    this.say("");
    this.model.set("model", name);
    this.model.save_changes();
    this.send({ type: "model", name });
  }

  openForm(form) {
    this.form = form;
    this.formAt.replaceChildren(form);
    this.say("");
    form.querySelector("input:not([type=checkbox]), select")?.focus();
  }

  closeForm() {
    this.form = null;
    this.formAt.replaceChildren();
  }

  drawList() {
    const shown = this.record?.name;
    this.names.replaceChildren(...this.models.map((each) => h("li", {}, h("button", {
      cls: "name", type: "button", "aria-current": each.name === shown ? "true" : "false", title: each.description, onclick: () => this.open(each.name),
    }, h("bdi", { text: each.shown }), h("span", { cls: "mute count", text: `${each.versions}` }), h("span", { cls: "marks" }, ...each.places.map(mark))))));
    if (!this.models.length && this.search.value) this.names.replaceChildren(h("li", { cls: "mute", text: "Nothing found." }));
  }

  drawEmpty() {
    this.head.replaceChildren(h("p", { cls: "mute", text: "No registered models yet. Register one that a run has logged." }));
    this.tabs.replaceChildren();
    this.body.replaceChildren();
  }

  /* ---- one model ---- */

  drawModel() {
    const { record } = this;
    if (!record) return this.drawEmpty();
    this.head.replaceChildren(
      h("h3", {}, h("bdi", { text: record.shown })),
      this.describing(record.description, {}, "What is this model?"),
      h("div", { cls: "tags" }, ...this.tagging(record.tags, {})),
      h("div", { cls: "places" }, ...record.places.map((place) => this.placeOf(place)), this.duel()));
    this.tabs.replaceChildren(...Object.entries(TABS).map(([key, label]) => h("button", {
      cls: "tabname", type: "button", role: "tab", "aria-selected": String(key === this.tab), onclick: () => this.show(key),
    }, label, key === "gates" && record.gates.length ? h("span", { cls: "mute", text: ` ${record.gates.reduce((n, g) => n + g.checks.length, 0)}` }) : null)));
    return this.drawTab();
  }

  show(tab) {
    this.tab = tab;
    this.drawModel();
  }

  drawTab() {
    if (this.tab === "versions") this.body.replaceChildren(...this.versionsTab());
    else if (this.tab === "history") this.body.replaceChildren(historyTable(this.record.history));
    else if (this.tab === "gates") this.body.replaceChildren(...this.gatesTab());
    else {
      this.body.replaceChildren(this.versionPicker(), h("p", { cls: "mute", text: "…" }));
      if (this.version !== null) this.send({ type: this.tab, name: this.record.name, version: this.version });
    }
  }

  placeOf(place) {
    const isAlias = place.target[0] === "@";
    return h("span", { cls: "place" }, mark(place.target), h("strong", { text: place.versions.join(", ") }),
      place.back ? h("button", { cls: "link", type: "button", title: `back to version ${place.back}`, text: "roll back", onclick: () => this.openForm(rollBackForm(this, place)) }) : null,
      isAlias ? h("button", {
        cls: "link", type: "button", title: "take the alias away", "aria-label": `take ${place.target} away`, text: "✕",
        onclick: () => this.openForm(actionForm({
          title: `Take ${place.target} away`, controls: [h("p", { cls: "effect", text: `Version ${place.versions[0]} is no longer ${place.target}. What loads it by this name will fail.` })],
          verb: "Take away", danger: true, onClose: () => this.closeForm(),
          onSend: () => this.send({ type: "drop_alias", name: this.record.name, alias: place.target.slice(1) }),
        })),
      }) : null);
  }

  /* Champion against challenger, or whatever two aliases there are. */
  duel() {
    const at = (alias) => this.record.versions.find((each) => each.aliases.includes(alias));
    const champion = at("champion");
    const challenger = at("challenger");
    if (!champion?.run_id || !challenger?.run_id || champion === challenger) return null;
    return h("button", { cls: "btn", type: "button", text: "Compare champion and challenger", onclick: () => this.send({ type: "compare", run_ids: [champion.run_id, challenger.run_id] }) });
  }

  describing(text, about, empty) {
    const box = h("div", { cls: "description" });
    const edit = () => {
      const area = h("textarea", { cls: "text", rows: 3, value: text, "aria-label": "description" });
      area.addEventListener("keydown", (event) => event.stopPropagation());
      const save = () => this.send({ type: "describe", name: this.record.name, text: area.value, ...about });
      box.replaceChildren(area, h("div", { cls: "bar" }, h("button", { cls: "btn main", type: "button", text: "Save", onclick: save }),
        h("button", { cls: "btn", type: "button", text: "Cancel", onclick: draw })));
      area.focus();
    };
    const draw = () => box.replaceChildren(
      text ? h("span", { cls: "prose", text }) : h("span", { cls: "mute", text: empty }),
      h("button", { cls: "link", type: "button", text: text ? "edit" : "describe", onclick: edit }));
    draw();
    return box;
  }

  tagging(tags, about) {
    const send = (key, value) => this.send({ type: "tag", name: this.record.name, key, value, ...about });
    const chips = tags.map((each) => h("span", { cls: "tag" }, h("span", { cls: "mute", text: each.label }), h("bdi", { text: each.value }),
      h("button", { cls: "link", type: "button", text: "✕", "aria-label": `take the tag ${each.label} away`, onclick: () => send(each.key, null) })));
    const add = input("", { cls: "text tagger", placeholder: "+ tag=value", "aria-label": "add a tag" });
    add.addEventListener("keydown", (event) => {
      event.stopPropagation();
      const [key, ...rest] = add.value.split("=");
      if (event.key === "Enter" && key.trim() && rest.length) send(key.trim(), rest.join("=").trim());
    });
    return [...chips, add];
  }

  /* ---- tabs ---- */

  versionsTab() {
    const { record } = this;
    const columns = record.metrics.map((metric, i) => metricColumn(metric, record.versions.map((each) => asNumber(each.metrics[i]))));
    const head = h("tr", {}, h("th", {}), ...["version", "where", "run"].map((text) => h("th", { text })),
      ...record.metrics.map((metric) => h("th", { cls: "num", title: metric.key, text: metric.label })), h("th", { text: "registered" }), h("th", {}));
    const rows = record.versions.map((each, row) => this.versionRow(each, columns.map((column) => column[row])));
    const ids = record.versions.filter((each) => this.ticked.has(each.version) && each.run_id).map((each) => each.run_id);
    const runs = [...new Set(ids)];
    const bar = h("div", { cls: "bar" }, h("span", { cls: "mute", text: counted(record) }), h("span", { cls: "grow" }),
      h("button", {
        cls: "btn", type: "button", disabled: runs.length < 2, text: runs.length < 2 ? "Compare" : `Compare ${runs.length}`,
        title: "tick two versions or more", onclick: () => this.send({ type: "compare", run_ids: runs }),
      }));
    const version = record.versions.find((each) => each.version === this.version);
    return [bar, h("div", { cls: "scroll" }, h("table", { cls: "versions" }, h("thead", {}, head), h("tbody", {}, ...rows))),
      version ? this.versionDetail(version) : null].filter(Boolean);
  }

  versionRow(each, cells) {
    const tick = h("input", {
      type: "checkbox", checked: this.ticked.has(each.version), "aria-label": `compare version ${each.version}`,
      onchange: (event) => {
        this.ticked[event.target.checked ? "add" : "delete"](each.version);
        this.drawTab();
      },
    });
    const look = () => {
      this.version = each.version;
      this.drawTab();
    };
    const promote = () => {
      this.version = each.version;
      this.drawTab();
      this.openForm(promoteForm(this, each));
    };
    return h("tr", { cls: each.version === this.version ? "shown" : "", onclick: (event) => !event.target.closest("button, input") && look() },
      h("td", {}, tick),
      h("td", {}, h("button", { cls: "link number", type: "button", text: `${each.version}`, "aria-label": `look at version ${each.version}`, onclick: look })),
      h("td", {}, h("span", { cls: "marks" }, ...each.aliases.map((alias) => mark(`@${alias}`)), each.stage === "None" ? null : mark(each.stage))),
      h("td", { cls: "run" }, each.status ? statusMark(each.status) : null, h("bdi", { text: each.run, title: each.run_id ?? "" }),
        each.verdict ? h("span", { cls: each.verdict === "diverged" || each.verdict === "failed" ? "err" : "ok", text: ` ${each.verdict}` }) : null),
      ...cells.map((cell) => h("td", { cls: `num ${cell.best ? "best" : ""}`, text: cell.text })),
      h("td", { cls: "mute", title: new Date(each.created).toISOString() }, `${showAge(each.created, Date.now())} · `, h("bdi", { text: each.user })),
      h("td", {}, h("button", { cls: "btn small", type: "button", text: "Promote …", onclick: promote })));
  }

  versionDetail(each) {
    const act = (text, onclick, cls = "btn small") => h("button", { cls, type: "button", text, onclick });
    const facts = [["digest", h("code", { text: each.short, title: each.digest })], ["size", `${group(String(each.size))} bytes`], ["from", each.source]];
    return h("section", { cls: "version", "aria-label": `version ${each.version}` },
      h("div", { cls: "bar" }, h("h4", { text: `Version ${each.version}` }), h("span", { cls: "marks" }, ...each.aliases.map((alias) => mark(`@${alias}`)), each.stage === "None" ? null : mark(each.stage)),
        h("span", { cls: "grow" }), act("Promote …", () => this.openForm(promoteForm(this, each)), "btn small main"),
        act("Evaluate …", () => this.openForm(evaluateForm(this, each))),
        act("Approve", () => this.send({ type: "approve", name: this.record.name, version: each.version })),
        act("Delete …", () => this.openForm(deleteForm(this, each)))),
      this.describing(each.description, { version: each.version }, "What is special about this version?"),
      h("div", { cls: "tags" }, ...this.tagging(each.tags, { version: each.version })),
      h("dl", {}, ...facts.flatMap(([key, value]) => [h("dt", { text: key }), h("dd", {}, value)])),
      historyTable(this.record.history.filter((change) => change.version === each.version)));
  }

  gatesTab() {
    const { record } = this;
    const remove = (gate, place) => this.send({ type: "gates", name: record.name, target: gate.target, checks: gate.checks.filter((_, i) => i !== place) });
    const rows = record.gates.flatMap((gate) => gate.words.map((words, place) => h("tr", {}, h("td", {}, mark(gate.target)), h("td", { text: words }),
      h("td", {}, h("button", { cls: "link", type: "button", text: "✕", "aria-label": `take the check away: ${words}`, onclick: () => remove(gate, place) })))));
    const bar = h("div", { cls: "bar" }, h("span", { cls: "mute", text: rows.length ? "What a version has to pass before it gets an alias or a stage." : "No gates: any version may be promoted." }),
      h("span", { cls: "grow" }), h("button", { cls: "btn", type: "button", text: "Add a check …", onclick: () => this.openForm(gateForm(this)) }));
    return [bar, h("table", { cls: "gates" }, h("tbody", {}, ...rows))];
  }

  versionPicker() {
    const pick = choice(this.record.versions.map((each) => [String(each.version), `version ${each.version}${each.aliases.map((alias) => ` @${alias}`).join("")}`]), { "aria-label": "version" });
    pick.value = String(this.version);
    pick.addEventListener("input", () => {
      this.version = Number(pick.value);
      this.drawTab();
    });
    return h("div", { cls: "bar" }, pick);
  }
}

/* An alias or a stage; those that things depend on stand out. */
function mark(text) {
  const kind = text[0] === "@" ? "alias" : text.toLowerCase();
  return h("span", { cls: `mark ${["alias", "production", "staging", "archived"].includes(kind) ? kind : "own"}`, text });
}

function counted(record) {
  const { total } = record;
  const shown = record.versions.length < total ? `, the newest ${record.versions.length} are shown` : "";
  return total ? `${total} ${total === 1 ? "version" : "versions"}${shown}` : "No versions yet.";
}

/* The cells of a metric's column, the best one told where it is known which way is better. */
function metricColumn(metric, values) {
  const format = columnFormat(values);
  const known = values.filter((value) => typeof value === "number" && Number.isFinite(value));
  const best = metric.direction && known.length > 1 ? Math[metric.direction > 0 ? "max" : "min"](...known) : NaN;
  return values.map((value) => ({ text: typeof value === "number" ? format(value) : "", best: value === best && new Set(known).size > 1 }));
}

function historyTable(history) {
  return h("div", { cls: "scroll" }, h("table", { cls: "history" }, h("tbody", {}, ...history.map((change) => h("tr", {},
    h("td", { cls: "mute", title: new Date(change.when).toISOString(), text: showAge(change.when, Date.now()) }),
    h("td", {}, h("bdi", { text: change.who })),
    h("td", { cls: change.kind === "refuse" ? "err" : "" }, change.what, change.forced ? h("span", { cls: "warn", text: " forced" }) : null),
    h("td", { cls: "mute" }, h("bdi", { text: change.why })))))));
}
