/* A running service: what the counters were a moment ago and are now gives rates and latencies. */

const KEPT = 120; // seconds
const EVERY = 1000;

/* The latency below which a share of the counted requests was answered, in ms. */
function quantileOf(counts, bounds, share) {
  const whole = counts.reduce((sum, count) => sum + count, 0);
  if (!whole) return null;
  let seen = 0;
  for (let at = 0; at < counts.length; at++) {
    if (counts[at] && seen + counts[at] >= share * whole) {
      const low = at ? bounds[at - 1] : 0;
      const high = at < bounds.length ? bounds[at] : bounds.at(-1) * 2;
      return 1000 * (low + ((high - low) * (share * whole - seen)) / counts[at]);
    }
    seen += counts[at];
  }
  return 1000 * bounds.at(-1);
}

/* Requests, errors and the histogram of what users have waited for: the shadow's answers are nobody's. */
function countsOf(status) {
  const found = { all: 0, bad: 0, latency: [] };
  for (const model of status.models) {
    if (model.role === "shadow") continue;
    for (const [code, count] of Object.entries(model.statuses)) {
      found.all += count;
      if (code >= "500") found.bad += count;
    }
    model.latency.forEach((count, at) => (found.latency[at] = (found.latency[at] || 0) + count));
  }
  return found;
}

class ServiceView {
  constructor(model, host) {
    this.model = model;
    this.host = host;
    this.points = [];
    this.before = null;
    this.tiles = {};
    this.state = h("span", { cls: "state", text: "…" });
    this.title = h("b", { cls: "name" });
    this.link = h("a", { cls: "url", target: "_blank", rel: "noopener" });
    this.stopper = h("button", { cls: "btn", text: "Stop", onclick: () => this.stop() });
    this.roles = h("div", { cls: "roles" });
    this.refusal = h("pre", { cls: "refusal", role: "alert" });
    const tiles = h("div", { cls: "tiles" });
    for (const [key, label] of [["rate", "requests/s"], ["p50", "p50"], ["p99", "p99"], ["errors", "failed"],
      ["memory", "memory"], ["logged", "rows logged"], ["drift", "drift"]]) {
      this.tiles[key] = h("b", { text: "–" });
      tiles.append(h("div", { cls: "tile" }, this.tiles[key], h("span", { text: label })));
    }
    this.rate = this.chart("requests a second");
    this.latency = this.chart("latency, ms: p50, p99");
    this.moved = this.chart("drift: largest PSI, by time");
    this.drift = new DriftSection(() => this.poll());
    host.classList.add("mlops-nb-service");
    host.append(h("div", { cls: "bar" }, this.state, this.title, this.link, h("span", { cls: "grow" }), this.stopper),
      this.roles, tiles, h("div", { cls: "charts" }, this.rate.box, this.latency.box, this.moved.box),
      this.refusal, this.drift.box);
    this.hear = (message) => this.show(message);
    model.on("msg:custom", this.hear);
    this.poll();
    this.timer = setInterval(() => this.poll(), EVERY);
  }

  chart(label) {
    const svg = s("svg", { viewBox: "0 0 360 90", preserveAspectRatio: "none", role: "img", "aria-label": label });
    const top = h("span", { cls: "mute num" });
    return { box: h("figure", {}, h("figcaption", {}, h("span", { text: label }), top), svg), svg, top };
  }

  poll() {
    // A panel that nobody sees, or whose last question is still open (the kernel is busy), does not ask
    if (this.waiting || document.hidden) return;
    this.waiting = true;
    this.model.send({ type: "poll", minutes: this.drift.asked });
  }

  stop() {
    if (!this.sure) {
      this.sure = setTimeout(() => { this.sure = null; this.stopper.textContent = "Stop"; }, 4000);
      this.stopper.textContent = "Really stop?";
      return;
    }
    clearTimeout(this.sure);
    this.stopper.disabled = true;
    this.stopper.textContent = "Stopping…";
    this.model.send({ type: "stop" });
  }

  show(message) {
    this.waiting = false;
    this.refusal.textContent = message.type === "failed" ? message.message : "";
    if (message.type === "stopped") return this.ended(message);
    if (message.type !== "status") return;
    const champion = message.models.find((each) => each.role === "champion");
    this.state.className = "state on";
    this.state.textContent = message.ready < message.workers ? `${message.ready} of ${message.workers} workers` : "serving";
    this.title.textContent = champion ? champion.name : "";
    this.link.textContent = message.url;
    this.link.href = `${message.url}/docs`;
    this.roles.replaceChildren(...message.models.map((each) => h("span", { cls: `role ${each.role}` },
      h("b", { text: each.role }), h("span", { text: `version ${each.version}` }))));
    this.count(message);
    this.tell(message.drift);
  }

  tell(drift) {
    this.drift.show(drift);
    const tile = this.tiles.drift;
    tile.textContent = drift.verdict === "drift"
      ? `▲ ${drift.drifted || drift.faulty} of ${drift.total}` : { "no drift": "✓ none", unknown: "?" }[drift.verdict] || "…";
    tile.className = { drift: "worse", "no drift": "better" }[drift.verdict] || "";
    tile.parentElement.title = drift.why || "";
    this.drawDrift(drift);
  }

  drawDrift(drift) {
    const over = drift.over_time || [];
    const known = over.filter((value) => value !== null);
    const top = Math.max(...known, 2 * (drift.limit || 0.2));
    const up = (value) => 87 - (82 * value) / top;
    const across = (at) => (360 * (at + 0.5)) / Math.max(1, over.length);
    const limit = up(drift.limit || 0.2);
    const drawn = [s("line", { x1: 0, x2: 360, y1: 87, y2: 87, class: "ground" }),
      s("line", { x1: 0, x2: 360, y1: limit, y2: limit, class: "limit", "vector-effect": "non-scaling-stroke" })];
    const wide = 360 / Math.max(1, over.length);
    over.forEach((value, at) => {
      if (value === null) return;
      const tall = Math.max(1.5, 87 - up(value));
      drawn.push(s("rect", { x: across(at) - wide * 0.36, width: wide * 0.72, y: 87 - tall, height: tall,
        class: value >= (drift.limit || 0.2) ? "bar over" : "bar" }));
    });
    this.moved.top.textContent = known.length ? `max ${showNumber(Math.max(...known), 2)}` : "";
    this.moved.svg.replaceChildren(...drawn);
  }

  count(message) {
    const now = countsOf(message);
    const before = this.before;
    this.before = { ...now, time: message.time };
    this.tiles.memory.textContent = `${Math.round(message.memory / 2 ** 20)} MB`;
    this.tiles.logged.textContent = group(String(message.log_written + message.log_queued));
    this.tiles.logged.parentElement.title = message.log ? `in ${message.log}` : "nothing is logged";
    if (message.log_dropped) this.tiles.logged.textContent += ` (${group(String(message.log_dropped))} lost)`;
    if (!before || message.time <= before.time) return;
    const seconds = message.time - before.time;
    const counts = now.latency.map((count, at) => count - (before.latency[at] || 0));
    const point = {
      time: message.time, rate: Math.max(0, now.all - before.all) / seconds,
      p50: quantileOf(counts, message.bounds, 0.5), p99: quantileOf(counts, message.bounds, 0.99),
    };
    this.points.push(point);
    while (this.points[0].time < message.time - KEPT) this.points.shift();
    this.tiles.rate.textContent = showNumber(point.rate, 3);
    this.tiles.p50.textContent = point.p50 === null ? "–" : `${showNumber(point.p50, 2)} ms`;
    this.tiles.p99.textContent = point.p99 === null ? "–" : `${showNumber(point.p99, 2)} ms`;
    this.tiles.errors.textContent = now.all ? `${showNumber((100 * now.bad) / now.all, 2)} %` : "–";
    this.tiles.errors.classList.toggle("worse", now.bad > 0);
    this.draw(this.rate, [["rate", "line"]], message.time, true);
    this.draw(this.latency, [["p50", "line"], ["p99", "line second"]], message.time, false);
  }

  draw(chart, lines, now, filled) {
    const known = lines.flatMap(([key]) => this.points.map((each) => each[key])).filter((value) => value !== null);
    const top = Math.max(...known, 0) || 1;
    chart.top.textContent = known.length ? `max ${showNumber(top, 3)}` : "";
    const across = (time) => 360 * (1 - (now - time) / KEPT);
    const up = (value) => 87 - (82 * value) / top;
    const drawn = [s("line", { x1: 0, x2: 360, y1: 87, y2: 87, class: "ground" })];
    for (const [key, cls] of lines) {
      let path = "", first = null, last = null;
      for (const point of this.points) {
        if (point[key] === null) { last = null; continue; }
        const x = across(point.time).toFixed(1);
        path += `${last === null ? "M" : "L"}${x} ${up(point[key]).toFixed(1)}`;
        first ??= x;
        last = x;
      }
      if (filled && first !== null) drawn.push(s("path", { d: `${path}L${last} 87L${first} 87Z`, class: "area" }));
      drawn.push(s("path", { d: path, class: cls, "vector-effect": "non-scaling-stroke" }));
    }
    chart.svg.replaceChildren(...drawn);
  }

  ended(message) {
    clearInterval(this.timer);
    this.state.className = "state off";
    this.state.textContent = "stopped";
    this.title.textContent = message.model.name;
    this.link.textContent = message.url;
    this.link.removeAttribute("href");
    this.stopper.disabled = true;
    this.stopper.textContent = "Stopped";
  }

  destroy() {
    clearInterval(this.timer);
    this.model.off("msg:custom", this.hear);
  }
}

export default {
  render({ model, el }) {
    const host = hostIn(el);
    const view = new ServiceView(model, host);
    return () => {
      view.destroy();
      host.leave();
    };
  },
};
