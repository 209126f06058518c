"""The panel of a sweep in a real JupyterLab: where it stands, its plots, and live under a running cell; both themes."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.browser.lab import Lab, LabPage, expect

pytestmark = pytest.mark.browser

START = """
import math, random, time
from mlops_nb.panels.sweep_panel import LiveSweep
from mlops_nb.projects.sweeps.board import Board, Trial
draw = random.Random(4)
board = Board("sweep of <b>churn</b>", ["lr", "depth", "solver"], 60, "val_accuracy", workers=2, sweep_id="01a2" * 8)
for n in range(44):
    lr, depth, solver = 10 ** draw.uniform(-4, -1), draw.randint(2, 9), draw.choice(["adam", "sgd", "lbfgs"])
    value = 0.93 - 0.05 * (math.log10(lr) + 2.2) ** 2 - 0.004 * (depth - 6) ** 2 + draw.gauss(0, 0.006)
    state = "failed" if n == 7 else "stopped" if n in (11, 19, 30) else "running" if n > 41 else "finished"
    metrics = {"val_accuracy": value} if state == "finished" else {}
    error = "churn #7 failed in cell 4 (In [4]: model.fit(X)): ValueError: Input contains NaN" if n == 7 else ""
    values = {"lr": lr, "depth": depth, "solver": solver}
    board.trials[n] = Trial(n, n, values, None, state, 1, f"01a21f{n:02x}" * 4, time.time(), 12.5, metrics, error)
live = LiveSweep()
live.on_start(board)
"""
END = """
for trial in board.trials.values():
    trial.state = "finished" if trial.state == "running" else trial.state
board.total, board.state, board.busy = 44, "finished", 0.957
board.importance = {"shares": {"lr": 0.81, "depth": 0.14, "solver": 0.05}, "method": "fANOVA"}
live.on_end(board)
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_where_a_sweep_stands(page: LabPage, lab: Lab, tmp_path: Path, theme: str) -> None:
    lab.write_notebook(f"sweep-{theme}/sweep.ipynb", [START, END])
    page.open_notebook(f"sweep-{theme}/sweep.ipynb", theme=theme)
    page.run_cell(0)
    view, panel = page.page, page.page.locator(".mlops-nb-panel")
    panel.locator(".meter i").first.wait_for()
    expect(panel.locator(".head")).to_contain_text("sweep of <b>churn</b>")  # a name is text, never HTML
    for part in ("2 running", "left"):
        expect(panel.locator(".head")).to_contain_text(part)
    expect(panel.locator("svg .pc")).to_have_count(38)
    expect(panel.locator("svg .top")).to_have_count(1)
    page.screenshot(tmp_path / f"sweep-live-{theme}.png")
    page.run_cell(1)
    panel.locator("h4", has_text="What matters").wait_for()
    expect(panel.locator(".head")).to_contain_text("96% busy")
    expect(panel.locator(".head")).not_to_contain_text("running")
    panel.locator("tbody tr").nth(1).hover()
    expect(panel.locator("svg.picking .pc.lit")).to_have_count(1)
    panel.scroll_into_view_if_needed()
    page.screenshot(tmp_path / f"sweep-{theme}.png")
    panel.locator("h4", has_text="What matters").scroll_into_view_if_needed()
    page.screenshot(tmp_path / f"sweep-{theme}-end.png")
    assert view.locator(".mlops-nb-kept").is_hidden(), "the static view stands back while the panel lives"
    assert page.errors == [] and page.outside == []


@pytest.mark.slow
def test_a_sweep_goes_on_under_its_cell(page: LabPage, lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path.name  # of this attempt: another one would go on with the sweep of this
    train = ["x = 1.0\nn = 1", "import mlops_nb\nmlops_nb.log_metric('score', x * n)"]
    path = lab.write_notebook(f"{folder}/train.ipynb", train)
    book = nbformat.read(path, as_version=4)
    book.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(book, path)
    words = "%mlops sweep train.ipynb -p x=1,2 -p n=1..2 --metric score --workers 1"
    lab.write_notebook(f"{folder}/sweep.ipynb", ["%load_ext mlops_nb", words])
    page.open_notebook(f"{folder}/sweep.ipynb")
    page.run_cell(0)
    page.page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 1")
    page.page.evaluate("void jupyterapp.commands.execute('notebook:run-cell')")
    panel = page.page.locator(".mlops-nb-panel")
    panel.locator(".head", has_text="1 running").wait_for()
    page.screenshot(tmp_path / "sweep-running.png")
    panel.locator(".head", has_text="4 done").wait_for()
    panel.locator(".best-line", has_text="best score 4").wait_for()
    page.page.wait_for_function("jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'")
    outputs = page.outputs(1)
    assert len(outputs) == 2, outputs
    kept = "".join(outputs[0]["data"]["text/html"])
    assert "4 done" in kept and "best score" in kept, "what is saved is how it ended"
    assert page.errors == [] and page.outside == []
