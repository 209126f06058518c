export default {
  render({ model, el }) {
    const host = hostIn(el);
    const grid = new RunsGrid(model, host);
    return () => {
      grid.destroy();
      host.leave();
    };
  },
};
