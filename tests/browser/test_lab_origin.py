"""Where a result comes from, by clicks: its code as a notebook, and the files and runs that it was made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.lab import Lab, LabPage
from tests.browser.sidebar import Panels

pytestmark = [pytest.mark.browser, pytest.mark.nightly, pytest.mark.timeout(900)]

CELLS = [
    "%load_ext mlops_nb\nimport pathlib",
    "%%track -n prepare\nrows = [f'{n},{n * n}' for n in range(50)]\n"
    "_ = pathlib.Path('squares.csv').write_text('a,b\\n' + '\\n'.join(rows))",
    "unused = 'nothing needs this'",
    "%%track -n fit\nimport pandas\nframe = pandas.read_csv('squares.csv')\n"
    "slope = float(frame.b.mean() / frame.a.mean())\nslope",
]


def test_code_comes_back_and_lineage_leads_on(page: LabPage, lab: Lab, tmp_path: Path) -> None:
    panels, view = Panels(page, tmp_path, "origin"), page.page
    (lab.root / tmp_path.name / ".mlops_nb").mkdir(parents=True)  # a store of its own
    lab.write_notebook(f"{tmp_path.name}/origin.ipynb", CELLS)
    page.open_notebook(f"{tmp_path.name}/origin.ipynb")
    page.run_all()
    panels.set_source(3, "slope = 'something else by now'")
    card = view.locator(".jp-OutputArea .mlops-Card").last
    card.scroll_into_view_if_needed()
    panels.open_sidebar()
    panels.row("fit").click()
    run = panels.active_page("mlops-RunPage")
    panels.open_tab(run, "Data & lineage")
    graph = run.locator("svg.mlops-Lineage")
    graph.locator("text", has_text="squares.csv").first.wait_for()
    panels.snap_everywhere("1-lineage")
    panels.check_accessible(".mlops-RunPage")
    graph.locator("g.mlops-goes", has_text="prepare").first.click()
    view.locator(".mlops-RunPage:visible h1", has_text="prepare").first.wait_for()
    view.locator(".lm-TabBar-tabLabel", has_text="origin.ipynb").first.click()
    card.scroll_into_view_if_needed()
    card.get_by_role("button", name="Restore code").click()
    view.wait_for_function("jupyterapp.shell.currentWidget?.context?.path !== 'origin/origin.ipynb'")
    view.wait_for_function("jupyterapp.shell.currentWidget.content?.widgets?.length > 1")
    sources = view.evaluate(
        "jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.sharedModel.getSource()).join('\\n')"
    )
    assert "frame.b.mean()" in sources and "something else" not in sources and "nothing needs this" not in sources
    panels.snap_everywhere("2-restored")
    assert page.errors == [] and page.outside == []
