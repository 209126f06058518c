/* A row of the table and its line in the plot are lit together. */
function linkPoints(host) {
  const plot = host.querySelector("svg:has(.pc)");
  if (!plot) return;
  const rows = new Map([...host.querySelectorAll("td[data-point]")].map((cell) => [cell.dataset.point, cell.closest("tr")]));
  const light = (point, on) => {
    plot.classList.toggle("picking", on);
    rows.get(point)?.classList.toggle("lit", on);
    const line = plot.querySelector(`.pc[data-point="${point}"]`);
    if (!line) return;
    line.classList.toggle("lit", on);
  };
  const link = (element, point) => {
    element.addEventListener("pointerenter", () => light(point, true));
    element.addEventListener("pointerleave", () => light(point, false));
  };
  rows.forEach((row, point) => link(row, point));
  plot.querySelectorAll(".pc[data-point]").forEach((line) => link(line, line.dataset.point));
}

export default {
  render({ model, el }) {
    const host = hostIn(el);
    const view = h("div", { cls: "mlops-nb page sweep" });
    host.append(view);
    const draw = () => {
      view.innerHTML = model.get("html"); // by sweep_views.py: every text in it is escaped there
      linkPoints(view);
    };
    model.on("change:html", draw);
    draw();
    return () => {
      model.off("change:html", draw);
      host.leave();
    };
  },
};
