/* The panel of monitoring: a report that can be asked for again, over another time, and answered by retraining. */

const SPANS = [["", "all answers"], ["1h", "the last hour"], ["24h", "the last 24 hours"], ["7d", "the last 7 days"]];

class MonitoringView {
  constructor(model, host) {
    this.model = model;
    this.span = h("select", { cls: "btn", "aria-label": "time", onchange: () => this.look() });
    this.span.append(...SPANS.map(([value, text]) => h("option", { value, text })));
    this.again = h("button", { cls: "btn main", text: "Look again", onclick: () => this.look() });
    this.params = h("input", { cls: "filter", value: "data=@log", "aria-label": "parameters", spellcheck: false });
    this.target = h("input", { cls: "filter narrow", placeholder: "column of the truth", "aria-label": "target" });
    this.promote = h("input", { type: "checkbox" });
    this.go = h("button", { cls: "btn main", text: "Retrain", onclick: () => this.retrain() });
    this.form = h("div", { cls: "bar retrain", hidden: true }, this.params, this.target,
      h("label", { cls: "check" }, this.promote, " promote if it passes"), this.go);
    this.open = h("button", { cls: "btn", text: "Retrain …", onclick: () => this.toggle() });
    this.refusal = h("pre", { cls: "refusal", role: "alert" });
    this.said = h("div", { cls: "retrained" });
    this.body = h("div", { cls: "report" });
    const name = h("strong", { text: model.get("subject") });
    this.bar = h("div", { cls: "bar" }, name, h("span", { cls: "grow" }), this.span, this.again, this.open);
    host.append(this.bar, this.form, this.refusal, this.said, this.body);
    this.onMessage = (message) => this.receive(message);
    model.on("msg:custom", this.onMessage);
    this.busy(true, "Looking …");
    model.send({ type: "show" });
  }

  toggle() {
    this.form.hidden = !this.form.hidden;
    if (!this.form.hidden) this.params.focus();
  }

  busy(is, text) {
    for (const each of [this.again, this.go, this.span, this.open]) each.disabled = is;
    this.again.textContent = is && text ? text : "Look again";
    if (is) this.refusal.textContent = "";
  }

  look() {
    this.busy(true, "Looking …");
    this.model.send({ type: "look", since: this.span.value });
  }

  retrain() {
    this.busy(true, "Retraining …");
    const params = this.params.value.trim() ? this.params.value.trim().split(/\s+/) : [];
    this.model.send({ type: "retrain", params, target: this.target.value.trim(), promote: this.promote.checked });
  }

  receive(message) {
    if (message.type === "working") return;
    this.busy(false);
    if (message.type === "failed") this.refusal.textContent = message.message;
    else if (message.type === "report") this.body.innerHTML = message.html; // escaped by Python
    else if (message.type === "retrained") {
      this.said.innerHTML = message.html;
      this.form.hidden = true;
    }
  }

  destroy() {
    this.model.off("msg:custom", this.onMessage);
  }
}

export default {
  render({ model, el }) {
    const host = hostIn(el);
    const view = new MonitoringView(model, host);
    return () => {
      view.destroy();
      host.leave();
    };
  },
};
