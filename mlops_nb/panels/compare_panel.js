export default {
  render({ model, el }) {
    const host = hostIn(el);
    const receive = (message) => {
      if (message.type === "compare") drawCompare(host, message.record);
      else if (message.type === "failed") host.replaceChildren(h("p", { cls: "refusal", role: "alert", text: message.message }));
    };
    model.on("msg:custom", receive);
    model.send({ type: "compare", run_ids: model.get("run_ids") });
    return () => {
      model.off("msg:custom", receive);
      host.leave();
    };
  },
};
