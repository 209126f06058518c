"""The panels over many runs: search, groups, the table, comparisons, hostile names; in both themes on two sizes of
screens, by keys alone, and with what axe-core finds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import ROOT, Lab, LabPage, expect
from tests.browser.sidebar import Panels

pytestmark = [pytest.mark.browser, pytest.mark.nightly, pytest.mark.timeout(900)]

TOP = "122"
"""Runs that are in no other one."""

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
mlops_nb.set_experiment("search")
with mlops_nb.start_run(run_name="search for the best"):
    for number in range(3):
        with mlops_nb.start_run(run_name=f"trial-{{number}}", nested=True):
            mlops_nb.log_metric("accuracy", 0.8 + number / 100)
mlops_nb.set_experiment({HOSTILE!r})
with mlops_nb.start_run(run_name={HOSTILE!r}):
    mlops_nb.log_params({{{HOSTILE!r}: {HOSTILE!r}, "long": "x" * 5000, "rtl": "\\u202eabc", "nul": "a\\x00b"}})
    mlops_nb.log_metric({HOSTILE!r}.replace("<", "(").replace(">", ")"), float("nan"))
    mlops_nb.log_text("<script>parent.harmed = 1</script><p>a report</p>", "report.html")
    mlops_nb.log_text("a,b\\n1,2\\n", "table.csv")
    mlops_nb.set_tag("note", {HOSTILE!r})
"""


@pytest.fixture(scope="module")
def many(lab: Lab) -> str:
    """A folder with a store of its own, of 126 runs: below the server's root."""
    folder = lab.root / "many"
    (folder / ".mlops_nb").mkdir(parents=True)
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MLOPS_NB_", "JPY_"))}
    env["PYTHONPATH"] = str(ROOT)
    subprocess.run([sys.executable, "-c", SEED], cwd=folder, env=env, check=True, timeout=300)
    lab.write_notebook("many/look.ipynb", ["1 + 1"])
    return "many/look.ipynb"


@pytest.fixture
def views(lab: Lab, many: str, chromium: Any, tmp_path: Path) -> Iterator[Panels]:
    """A page over that store: the sidebar is about the project of the notebook that is open."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = LabPage(context.new_page(), lab)
    page.open_notebook(many)
    yield Panels(page, tmp_path, "views")
    context.close()
    lab.end_sessions()


def test_sidebar_over_many_runs(views: Panels) -> None:
    page, view = views.lab_page, views.page
    views.open_sidebar()
    view.locator(".mlops-Row-run").first.wait_for()
    view.wait_for_function(f"document.querySelector('.mlops-Total').textContent === '{TOP}'")  # it comes after the rows
    assert view.locator(".mlops-Row-run").count() < 60, "only the rows in view are in the page"
    views.snap_everywhere("1-sidebar")
    _search(views)
    _saved(views)
    _columns(views)
    _groups(views)
    _sections(views)
    for theme in ("light", "dark"):
        page.set_theme(theme)
        views.check_accessible(".mlops-Sidebar")
    _clean(views)


def test_run_and_table_in_both_themes(views: Panels) -> None:
    page, view = views.lab_page, views.page
    views.open_sidebar()
    view.locator(".mlops-Row-run", has_text="fit-119").first.click()
    run = views.active_page("mlops-RunPage")
    for tab in ("Curves", "Code", "Data & lineage", "Environment", "Outputs", "Artifacts", "Log", "Revisions"):
        views.open_tab(run, tab)
    views.open_tab(run, "Curves")
    run.locator(".uplot canvas").first.wait_for()
    views.snap_everywhere("2-run")
    for theme in ("dark", "light"):
        page.set_theme(theme)
        views.check_accessible(".mlops-RunPage")
    views.command("mlops-nb:all-runs")
    views.active_page("mlops-GridPage").locator(".mlops-Grid-row").first.wait_for()
    views.snap_everywhere("3-table")
    for theme in ("dark", "light"):
        page.set_theme(theme)
        views.check_accessible(".mlops-GridPage")
    _table(views)
    _clean(views)


def test_comparison_by_keys(views: Panels) -> None:
    """Keys alone: from the search to a comparison, its parts, its export."""
    view = views.page
    views.open_sidebar()
    view.locator(".mlops-Row-run").first.wait_for()
    view.keyboard.press("Control+Alt+m")
    view.wait_for_function("document.activeElement?.classList.contains('mlops-Search-field')")
    view.keyboard.type("experiment = 'churn'")
    view.wait_for_function("document.querySelector('.mlops-Total').textContent === '120'")
    view.locator(".mlops-Rows").focus()
    for _ in range(6):
        view.keyboard.press("ArrowDown")
        view.keyboard.press("Space")
    view.keyboard.press("c")
    compare = views.active_page("mlops-ComparePage")
    compare.locator("th", has_text="lr").first.wait_for()
    views.snap_everywhere("4-compare")
    views.check_accessible(".mlops-ComparePage")
    compare.get_by_role("tab", name="Differences").focus()
    tabs = {"Curves": ".uplot canvas", "Plots": ".mlops-Axis-name", "Code": ".mlops-Tab", "Outputs": ".mlops-Tab"}
    for tab, shows in tabs.items():
        view.keyboard.press("ArrowRight")
        expect(compare.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        compare.locator(shows).first.wait_for()
        if tab == "Plots":
            expect(compare.locator(".mlops-Dot")).to_have_count(6)
            compare.locator(".mlops-Bars tr", has_text="lr").wait_for()
            views.snap_everywhere("5-plots")
            views.check_accessible(".mlops-ComparePage")
    with view.expect_download() as saved:
        compare.get_by_role("button", name="Export as HTML").click()
    text = Path(saved.value.path()).read_text(encoding="utf-8")
    assert "6 runs compared" in text and "http" not in text.replace("http://www.w3.org", ""), "it needs nothing else"
    _clean(views)


def test_hostile_names_are_text(views: Panels) -> None:
    views.open_sidebar()
    _hostile(views)
    _clean(views)


def test_a_reload_keeps_what_was_chosen(views: Panels) -> None:
    view = views.page
    views.open_sidebar()
    views.open_menu("Group by").get_by_text("Experiment").click()
    view.locator(".mlops-Row-group", has_text="churn").wait_for()
    view.locator(".mlops-Section button", has_text="Jobs").click()
    view.evaluate(
        """async () => {  // JupyterLab saves a moment later; a predicate that is a promise would not be waited for
            const { workspaces } = jupyterapp.serviceManager;
            const words = ['"grouping":"experiment"', '"sections":["jobs"]'];
            for (;;) {
                const text = JSON.stringify(await workspaces.fetch('default').catch(() => null));
                if (words.every(word => text.includes(word))) return;
                await new Promise(requestAnimationFrame);
            }
        }"""
    )
    view.goto(view.url.replace("&reset", "").replace("?reset", ""))
    view.wait_for_function("window.jupyterapp && window.jupyterapp.started")
    view.evaluate("jupyterapp.restored.then(() => true)")
    views.open_sidebar()
    view.locator(".mlops-Row-group", has_text="churn").wait_for()
    expect(view.locator(".mlops-Section button", has_text="Jobs")).to_have_attribute("aria-expanded", "true")
    _clean(views)


def _clean(views: Panels) -> None:
    assert views.lab_page.errors == []
    assert views.lab_page.outside == [], "something was asked of the network"
    assert views.page.evaluate("window.harmed") is None


def _search(views: Panels) -> None:
    """Free text, the filter language with completion, and a refusal that says where."""
    view = views.page
    field = view.locator(".mlops-Sidebar .mlops-Search-field")
    field.fill("acc")
    view.locator(".mlops-Search-list li").first.wait_for()
    view.keyboard.press("ArrowDown")
    view.keyboard.press("Enter")
    expect(field).to_have_value(re.compile("^metrics.accuracy"))
    field.fill("metrics.accuracy > 0.9 AND params.depth = 3")
    view.wait_for_function("Number(document.querySelector('.mlops-Total').textContent) < 20")
    field.fill("metrics.accuracy >> 0.9")
    view.locator(".mlops-Sidebar .mlops-Search-refusal").wait_for()
    views.snap("1-refusal")
    field.fill("")
    view.wait_for_function(f"document.querySelector('.mlops-Total').textContent === '{TOP}'")
    view.keyboard.press("Escape")


def _saved(views: Panels) -> None:
    """A search is kept, taken up again, and forgotten."""
    view = views.page
    field = view.locator(".mlops-Sidebar .mlops-Search-field")
    field.fill("params.kind = 'a'")
    view.wait_for_function("document.querySelector('.mlops-Total').textContent === '40'")
    views.open_menu("Saved searches").get_by_role("button", name="Save this search").click()
    view.keyboard.press("Escape")
    field.fill("")
    view.wait_for_function(f"document.querySelector('.mlops-Total').textContent === '{TOP}'")
    menu = views.open_menu("Saved searches")
    views.snap("1-saved")
    menu.locator("li button.mlops-Link", has_text="params.kind").first.click()
    view.wait_for_function("document.querySelector('.mlops-Total').textContent === '40'")
    views.open_menu("Saved searches").get_by_role("button", name="Forget this search").click()
    view.keyboard.press("Escape")
    field.fill("")
    view.wait_for_function(f"document.querySelector('.mlops-Total').textContent === '{TOP}'")


def _columns(views: Panels) -> None:
    """Rows show what was chosen."""
    view = views.page
    menu = views.open_menu("Choose what rows show")
    menu.get_by_label("depth", exact=True).check()
    views.snap("1-columns")
    view.keyboard.press("Escape")
    view.locator(".mlops-Row-run .mlops-Metric", has_text="depth").first.wait_for()
    views.open_menu("Choose what rows show").get_by_role("button", name="Key metrics").click()
    view.keyboard.press("Escape")
    view.locator(".mlops-Row-run .mlops-Metric", has_text="accuracy").first.wait_for()


def _sections(views: Panels) -> None:
    view = views.page
    titles = ("Sweeps and pipelines", "Jobs", "Models", "Services")
    for title in titles:
        view.locator(".mlops-Section h3 button", has_text=title).click()
    view.locator(".mlops-Section .mlops-Item", has_text="search for the best").wait_for()
    holders = view.locator(".mlops-Section", has_text="Sweeps and pipelines").locator(".mlops-Item")
    assert holders.count() == 1, "the runs nested in it are not listed beside it"
    views.snap_everywhere("1-sections")
    for title in titles:
        view.locator(".mlops-Section h3 button", has_text=title).click()


def _groups(views: Panels) -> None:
    view = views.page
    views.open_menu("Group by").get_by_text("Experiment").click()
    group = view.locator(".mlops-Row-group", has_text="churn")
    group.wait_for()
    expect(group).to_contain_text("120")
    view.locator(".mlops-Row-run").first.wait_for()
    views.snap_everywhere("1-groups")
    views.open_menu("Group by").get_by_text("Sweep or parent").click()
    view.locator(".mlops-Row-group", has_text="search for the best").wait_for()
    views.open_menu("Group by").get_by_text("No groups").click()
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
    view.wait_for_function("document.querySelector('.mlops-Total').textContent === '1'")
    view.locator(".mlops-Rows").focus()  # what completes stands over the rows
    row = view.locator(".mlops-Row-run", has_text="<img src=x").first
    row.wait_for()
    row.click()
    run = views.active_page("mlops-RunPage")
    expect(run.locator("img, b:has-text('bold')")).to_have_count(0)
    views.snap_everywhere("6-hostile")
    run.get_by_role("tab", name="Artifacts").click()
    run.locator(".mlops-Files-list button", has_text="report.html").click()
    run.frame_locator(".mlops-Preview iframe").get_by_text("a report").wait_for()
    run.locator(".mlops-Files-list button", has_text="table.csv").click()
    run.locator(".mlops-Preview td", has_text="2").first.wait_for()
    field.fill("")
