"""The panels over many runs: search, groups, the table, hostile names, both themes, and what axe-core finds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import ROOT, Lab, LabPage
from tests.browser.sidebar import Panels

pytestmark = [pytest.mark.browser, pytest.mark.nightly, pytest.mark.timeout(900)]

HOSTILE = '<img src=x onerror="window.harmed=1"><b>bold</b>'
SEED = f"""
import math, mlops_nb
mlops_nb.set_experiment("churn")
for number in range(120):
    with mlops_nb.start_run(run_name=f"fit-{{number}}"):
        mlops_nb.log_params({{"lr": [0.1, 0.01, 0.001][number % 3], "depth": number % 7, "kind": "abc"[number % 3]}})
        for step in range(6):
            mlops_nb.log_metric("loss", 1 / (1 + step + number / 60), step=step)
        mlops_nb.log_metric("accuracy", 0.8 + 0.19 * math.sin(number) ** 2)
mlops_nb.set_experiment({HOSTILE!r})
with mlops_nb.start_run(run_name={HOSTILE!r}):
    mlops_nb.log_params({{{HOSTILE!r}: {HOSTILE!r}, "long": "x" * 5000, "rtl": "\\u202eabc", "nul": "a\\x00b"}})
    mlops_nb.log_metric({HOSTILE!r}.replace("<", "(").replace(">", ")"), float("nan"))
    mlops_nb.log_text("<script>parent.harmed = 1</script><p>a report</p>", "report.html")
    mlops_nb.log_text("a,b\\n1,2\\n", "table.csv")
    mlops_nb.set_tag("note", {HOSTILE!r})
"""


@pytest.fixture
def views(lab: Lab, chromium: Any, tmp_path: Path) -> Iterator[Panels]:
    """A page of 1920 x 1080 over a store of 121 runs, no notebook open."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MLOPS_NB_", "JPY_"))}
    env["PYTHONPATH"] = str(ROOT)
    subprocess.run([sys.executable, "-c", SEED], cwd=lab.root, env=env, check=True, timeout=300)
    context = chromium.new_context(viewport={"width": 1920, "height": 1080})
    page = LabPage(context.new_page(), lab)
    page.page.goto(f"{lab.url}/lab?token={lab.token}&reset")
    page.page.wait_for_function("window.jupyterapp && window.jupyterapp.started")
    page.page.evaluate("jupyterapp.restored.then(() => true)")
    yield Panels(page, tmp_path, "views")
    context.close()


def _axe(panels: Panels, selector: str) -> None:
    """Nothing serious that axe-core knows is wrong with a part of the page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(panels.page, context=selector).response["violations"]
    serious = [
        (each["id"], [node["html"][:160] for node in each["nodes"][:3]], each["nodes"][0].get("failureSummary", ""))
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []


def _open_row(panels: Panels, text: str) -> Any:
    panels.page.locator(".mlops-Row-run", has_text=text).first.click()
    return panels.active_page("mlops-RunPage")


def test_many_runs_in_both_themes(views: Panels) -> None:
    page, view = views.lab_page, views.page
    sidebar = views.open_sidebar()
    view.locator(".mlops-Row-run").first.wait_for()
    assert sidebar.locator(".mlops-Total").inner_text() == "121"
    assert view.locator(".mlops-Row-run").count() < 60, "only the rows in view are in the page"
    views.snap("1-sidebar")
    _search(views)
    _groups(views)
    for theme in ("light", "dark"):
        page.set_theme(theme)
        _axe(views, ".mlops-Sidebar")
        run = _open_row(views, "fit-119")
        run.get_by_role("tab", name="Curves").click()
        run.locator(".uplot canvas").first.wait_for()
        views.snap(f"2-run-{theme}")
        _axe(views, ".mlops-RunPage")
        views.command("mlops-nb:all-runs")
        grid = views.active_page("mlops-GridPage")
        grid.locator(".mlops-Grid-row").first.wait_for()
        views.snap(f"3-grid-{theme}")
        _axe(views, ".mlops-GridPage")
    _table(views)
    _hostile(views)
    view.reload()
    view.wait_for_function("window.jupyterapp && window.jupyterapp.started")
    view.evaluate("jupyterapp.restored.then(() => true)")
    views.open_sidebar()
    assert page.errors == []
    assert page.outside == []
    assert view.evaluate("window.harmed") is None


def _search(views: Panels) -> None:
    """Free text, the filter language with completion, and a refusal that says where."""
    view = views.page
    field = view.locator(".mlops-Sidebar .mlops-Search-field")
    field.fill("acc")
    view.locator(".mlops-Search-list li").first.wait_for()
    view.keyboard.press("ArrowDown")
    view.keyboard.press("Enter")
    assert field.input_value().startswith("metrics.accuracy")
    field.fill("metrics.accuracy > 0.9 AND params.depth = 3")
    view.wait_for_function("Number(document.querySelector('.mlops-Total').textContent) < 20")
    field.fill("metrics.accuracy >> 0.9")
    view.locator(".mlops-Sidebar .mlops-Search-refusal").wait_for()
    views.snap("1-refusal")
    field.fill("")
    view.wait_for_function("document.querySelector('.mlops-Total').textContent === '121'")
    view.keyboard.press("Escape")


def _groups(views: Panels) -> None:
    view = views.page
    view.get_by_role("button", name="Group by").click()
    view.locator(".mlops-Popover-body").get_by_text("Experiment").click()
    group = view.locator(".mlops-Row-group", has_text="churn")
    group.wait_for()
    assert "120" in group.inner_text()
    view.locator(".mlops-Row-run").first.wait_for()
    views.snap("1-groups")
    view.get_by_role("button", name="Group by").click()
    view.locator(".mlops-Popover-body").get_by_text("No groups").click()
    view.locator(".mlops-Row-run", has_text="fit-119").first.wait_for()


def _table(views: Panels) -> None:
    """Sorted by a click, grouped with mean and standard deviation, saved as CSV."""
    view = views.page
    grid = views.active_page("mlops-GridPage")
    grid.locator(".mlops-Grid-head button", has_text="accuracy").first.click()
    view.wait_for_function(
        """() => {
            const head = [...document.querySelectorAll('.mlops-Grid-head > span')];
            const at = head.findIndex(each => each.textContent.startsWith('accuracy'));
            const rows = [...document.querySelectorAll(".mlops-Grid-row")]
                .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex);
            const values = rows.map(row => Number(row.children[at].textContent)).slice(0, 20);
            return values.length === 20 && values.every((value, i) => i === 0 || values[i - 1] >= value);
        }"""
    )
    with view.expect_download() as saved:
        grid.get_by_role("button", name="CSV").click()
    assert "fit-119" in Path(saved.value.path()).read_text(encoding="utf-8")
    grid.get_by_label("Group by").select_option("params.lr")
    cells = grid.locator(".mlops-Grid-groups td", has_text="±")
    cells.first.wait_for()
    views.snap("4-grid-groups")


def _hostile(views: Panels) -> None:
    """Names that are HTML are text, and a report's script does not run."""
    view = views.page
    field = view.locator(".mlops-Sidebar .mlops-Search-field")
    field.fill("onerror")
    row = view.locator(".mlops-Row-run", has_text="<img src=x").first
    row.wait_for()
    row.click()
    run = views.active_page("mlops-RunPage")
    assert run.locator("img, b:has-text('bold')").count() == 0
    views.snap("5-hostile")
    run.get_by_role("tab", name="Artifacts").click()
    run.locator(".mlops-Files-list button", has_text="report.html").click()
    run.frame_locator(".mlops-Preview iframe").get_by_text("a report").wait_for()
    run.locator(".mlops-Files-list button", has_text="table.csv").click()
    run.locator(".mlops-Preview td", has_text="2").first.wait_for()
    field.fill("")
