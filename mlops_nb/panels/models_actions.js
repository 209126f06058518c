/* What can be done with models: small forms at their place, which say before what they will do. */

const field = (label, control, hint) =>
  h("label", { cls: "field" }, h("span", { text: label }), control, hint ? h("small", { cls: "mute", text: hint }) : null);

function input(value, props = {}) {
  return h("input", { cls: "text", type: "text", value, spellcheck: false, autocomplete: "off", ...props });
}

function choice(options, props = {}) {
  return h("select", { cls: "text", ...props }, ...options.map(([value, label]) => h("option", { value, text: label })));
}

/* A form with a title, its controls, and two buttons. `onSend` gives the message to send, or a sentence that says what is missing. */
function actionForm({ title, controls, after, verb, danger, onSend, onClose }) {
  const fault = h("p", { cls: "refusal", role: "alert" });
  const checks = h("div", { cls: "checks" });
  const send = h("button", { cls: `btn ${danger ? "danger" : "main"}`, type: "submit", text: verb });
  const form = h("form", { cls: "action", "aria-label": title },
    h("h4", { text: title }), h("div", { cls: "fields" }, ...controls), checks, fault, after,
    h("div", { cls: "bar" }, send, h("button", { cls: "btn", type: "button", text: "Cancel", onclick: onClose })));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const message = onSend();
    fault.textContent = typeof message === "string" ? message : "";
    if (typeof message !== "string") form.busy(true);
  });
  form.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the notebook has keys of its own
    if (event.key === "Escape") onClose();
  });
  form.busy = (on) => {
    send.disabled = on;
    send.textContent = on ? "…" : verb;
  };
  form.refuse = (message, found = []) => {
    form.busy(false);
    fault.textContent = message;
    checks.replaceChildren(checkList(found));
  };
  return form;
}

function checkList(checks) {
  return h("ul", { cls: "checklist" }, ...checks.map((check) => h("li", {},
    h("span", { cls: check.passed ? "ok" : "err", text: check.passed ? "✓" : "✗" }),
    h("span", { cls: "mute", text: check.check }), h("span", { text: check.text }))));
}

function promoteForm(view, version) {
  const { record } = view;
  const known = [...new Set([...record.places.filter((p) => p.target[0] === "@").map((p) => p.target.slice(1)), "champion", "challenger"])];
  const list = h("datalist", { id: `${view.id}-aliases` }, ...known.map((value) => h("option", { value })));
  const alias = input("", { placeholder: "champion", "aria-label": "alias" });
  alias.setAttribute("list", `${view.id}-aliases`);
  const stage = choice([["", "keep its stage"], ...record.stages.map((each) => [each, each])], { "aria-label": "stage" });
  const archive = h("input", { type: "checkbox" });
  const comment = input("", { placeholder: "why", "aria-label": "comment" });
  const effect = h("p", { cls: "effect", "aria-live": "polite" });
  const force = h("input", { type: "checkbox" });
  const forcing = h("label", { cls: "check warn", hidden: true }, force, " promote all the same; the comment stands in the audit");
  const archiving = h("label", { cls: "check", hidden: true }, archive, " archive what stands there now");
  const foresee = () => {
    const name = alias.value.trim();
    const lines = [];
    const now = record.places.find((place) => place.target === `@${name}`);
    if (name) lines.push(now ? `@${name} moves from version ${now.versions[0]} to ${version.version}` : `@${name} is new, on version ${version.version}`);
    const there = record.places.find((place) => place.target === stage.value);
    archiving.hidden = !there;
    if (stage.value) lines.push(`version ${version.version}: ${version.stage} → ${stage.value}${there && archive.checked ? `, and ${there.versions.join(", ")} → Archived` : ""}`);
    const gates = record.gates.filter((gate) => gate.target === `@${name}` || gate.target === stage.value);
    const count = gates.reduce((sum, gate) => sum + gate.checks.length, 0);
    if (count) lines.push(`${count} ${count === 1 ? "check" : "checks"} will be tried first`);
    effect.textContent = lines.join(" · ") || "Name an alias, a stage, or both.";
  };
  for (const control of [alias, stage, archive]) control.addEventListener("input", foresee);
  foresee();
  const form = actionForm({
    title: `Promote version ${version.version}`,
    controls: [list, field("alias", alias), field("stage", stage), field("comment", comment), effect, archiving],
    after: forcing,
    verb: "Promote",
    onClose: () => view.closeForm(),
    onSend: () => {
      if (!alias.value.trim() && !stage.value) return "Name an alias, a stage, or both.";
      if (force.checked && !comment.value.trim()) return "Say why in the comment: it stands in the audit.";
      return view.send({
        type: "promote", name: record.name, version: version.version, alias: alias.value.trim().replace(/^@/, ""), stage: stage.value,
        comment: comment.value, archive: archive.checked, force: force.checked,
      });
    },
  });
  const refuse = form.refuse;
  form.refuse = (message, checks = []) => {
    refuse(message, checks);
    if (checks.length) forcing.hidden = false;
  };
  return form;
}

function rollBackForm(view, place) {
  const comment = input("", { placeholder: "why", "aria-label": "comment" });
  const text = `${place.target} goes from version ${place.versions.join(", ")} back to version ${place.back}.`;
  return actionForm({
    title: `Roll back ${place.target}`,
    controls: [h("p", { cls: "effect", text }), field("comment", comment)],
    verb: "Roll back",
    danger: true,
    onClose: () => view.closeForm(),
    onSend: () => view.send({ type: "roll_back", name: view.record.name, target: place.target, comment: comment.value }),
  });
}

function deleteForm(view, version) {
  const comment = input("", { placeholder: "why", "aria-label": "comment" });
  const text = `Version ${version.version} is taken away. Its number is not given again, and the history keeps what it was.`;
  return actionForm({
    title: `Delete version ${version.version}`,
    controls: [h("p", { cls: "effect", text }), field("comment", comment)],
    verb: "Delete",
    danger: true,
    onClose: () => view.closeForm(),
    onSend: () => view.send({ type: "delete", name: view.record.name, version: version.version, comment: comment.value }),
  });
}

function registerForm(view) {
  const offers = h("div", { cls: "offers", role: "radiogroup", "aria-label": "models that runs have logged" });
  const uri = input("", { placeholder: "a run, runs:/RUN/PATH or a folder", "aria-label": "model" });
  const name = input(view.record?.name ?? "", { placeholder: "churn", "aria-label": "name" });
  const comment = input("", { placeholder: "why", "aria-label": "comment" });
  const form = actionForm({
    title: "Register a model",
    controls: [offers, field("model", uri), field("name", name), field("comment", comment)],
    verb: "Register",
    onClose: () => view.closeForm(),
    onSend: () => {
      if (!uri.value.trim() || !name.value.trim()) return "Choose a model, and name what it is a version of.";
      return view.send({ type: "register", uri: uri.value.trim(), name: name.value.trim(), comment: comment.value });
    },
  });
  form.offer = (found) => offers.replaceChildren(...found.map((offer) => {
    const item = h("button", {
      cls: "offer", type: "button", role: "radio", "aria-checked": "false",
      onclick: () => {
        uri.value = offer.uri;
        offers.querySelectorAll(".offer").forEach((other) => other.setAttribute("aria-checked", String(other === item)));
        if (!name.value) name.focus();
      },
    }, h("strong", {}, h("bdi", { text: offer.run })), h("span", { cls: "mute", text: `${offer.path} · ${showAge(offer.time, Date.now())}` }),
      h("span", { cls: "notes", text: offer.note }));
    return item;
  }));
  view.send({ type: "offers" });
  return form;
}

function evaluateForm(view, version) {
  const lists = ["frames", "targets"].map((each) => h("datalist", { id: `${view.id}-${each}` }));
  const data = input("", { placeholder: "X_test, or test.csv", "aria-label": "data" });
  const target = input("", { placeholder: "y_test, or a column", "aria-label": "truth" });
  data.setAttribute("list", `${view.id}-frames`);
  target.setAttribute("list", `${view.id}-targets`);
  const others = view.record.places.filter((place) => place.target[0] === "@" && !place.versions.includes(version.version));
  const beside = choice([["", "no other model"], ...others.map((place) => [place.target, `${place.target} (${place.versions[0]})`])], { "aria-label": "beside" });
  if (others.length) beside.value = others[0].target;
  const form = actionForm({
    title: `Evaluate version ${version.version}`,
    controls: [...lists, field("data", data, "a frame of this notebook, or a file"), field("truth", target), field("beside", beside)],
    verb: "Evaluate",
    onClose: () => view.closeForm(),
    onSend: () => {
      if (!data.value.trim() || !target.value.trim()) return "Name the data, and what holds its truth.";
      return view.send({
        type: "evaluate", name: view.record.name, version: version.version, data: data.value.trim(), target: target.value.trim(),
        compare_to: beside.value,
      });
    },
  });
  form.offer = (found) => lists.forEach((list, place) =>
    list.replaceChildren(...found[["frames", "targets"][place]].map((value) => h("option", { value }))));
  view.send({ type: "frames" });
  return form;
}

const CHECKS = {
  "at least": (metric, number) => ({ check: "metric", metric, min: number }),
  "at most": (metric, number) => ({ check: "metric", metric, max: number }),
  "more than now": (metric, number) => ({ check: "better", metric, mode: "max", ...(number ? { by: number } : {}) }),
  "less than now": (metric, number) => ({ check: "better", metric, mode: "min", ...(number ? { by: number } : {}) }),
  "was reproduced": () => ({ check: "verdict" }),
  "notebook runs": (path) => ({ check: "notebook", path }),
  "is approved by": (users) => ({ check: "approver", users: users.split(/[\s,]+/).filter(Boolean) }),
};

function gateForm(view) {
  const target = input("@champion", { "aria-label": "target" });
  const kind = choice(Object.keys(CHECKS).map((each) => [each, each]), { "aria-label": "check" });
  const what = input("", { placeholder: "metric", "aria-label": "what" });
  const number = input("", { placeholder: "0.8", "aria-label": "number", inputMode: "decimal" });
  const about = field("what", what);
  const limit = field("number", number);
  const shape = () => {
    about.hidden = kind.value === "was reproduced";
    limit.hidden = !/at |now/.test(kind.value);
    what.placeholder = { "notebook runs": "evaluate.ipynb", "is approved by": "users" }[kind.value] ?? "metric";
    number.placeholder = /now/.test(kind.value) ? "by (0)" : "0.8";
  };
  kind.addEventListener("input", shape);
  shape();
  return actionForm({
    title: "Add a check",
    controls: [field("before it gets (@alias or a stage)", target), about, field("must be", kind), limit],
    verb: "Add",
    onClose: () => view.closeForm(),
    onSend: () => {
      const value = Number(number.value || (/now/.test(kind.value) ? "0" : "NaN"));
      if (!limit.hidden && !Number.isFinite(value)) return "Give a number.";
      if (!about.hidden && !what.value.trim()) return `Say which ${what.placeholder}.`;
      const place = target.value.trim();
      const before = view.record.gates.find((gate) => gate.target.toLowerCase() === place.toLowerCase())?.checks ?? [];
      return view.send({ type: "gates", name: view.record.name, target: place, checks: [...before, CHECKS[kind.value](what.value.trim(), value)] });
    },
  });
}
