export default {
  render({ model, el }) {
    const host = hostIn(el);
    const view = new ModelsView(model, host);
    return () => {
      view.destroy();
      host.leave();
    };
  },
};
