export default {
  render({ model, el }) {
    const grid = new RunsGrid(model, hostIn(el));
    return () => grid.destroy();
  },
};
