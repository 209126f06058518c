"""The panels in a real JupyterLab: by clicks and keys, with 5,000 runs, in both themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.lab import Lab, LabPage, expect

pytestmark = pytest.mark.browser

START = "from tests.panels.fakes import FakeSource\nsource = FakeSource(5000)"
RUNS = "from mlops_nb.panels.grid import RunsPanel\npanel = RunsPanel(source)\npanel"
COMPARE = (
    "from mlops_nb.panels.compare_panel import ComparePanel\n"
    "ComparePanel(source, [run.run_id for run in source.runs[:4]])"
)
CARD = (
    "from IPython.display import display\nfrom mlops_nb.panels.card import run_card\n"
    "run, before = source.runs[0], source.runs[1]\n"
    "curves = {key: source.history(run.run_id, key) for key in run.metrics}\n"
    "display(run_card(run, previous=before, curves=curves, badge='clean', redactions=1), raw=True)"
)


@pytest.fixture
def shown(page: LabPage, lab: Lab) -> LabPage:
    """A notebook with a panel of 5,000 runs, shown and loaded."""
    lab.write_notebook("panels.ipynb", [START, RUNS, "panel.selected"])
    page.open_notebook("panels.ipynb")
    page.run_all()
    _wait_note(page, "5,000 runs")
    return page


def _wait_note(page: LabPage, words: str) -> None:
    page.page.wait_for_function(
        "words => document.querySelector('.mlops-nb-panel .note')?.textContent.startsWith(words)", arg=words
    )


def _names(page: LabPage) -> list[str]:
    """The names that are painted, by their place in the table."""
    rows: list[str] = page.page.evaluate(
        """() => [...document.querySelectorAll('.mlops-nb-panel .body .row')]
            .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map(row => row.querySelector('.pin bdi').textContent)"""
    )
    return rows


def _column(page: LabPage, label: str) -> list[str]:
    """The cells that are painted of a column."""
    cells: list[str] = page.page.evaluate(
        """label => {
            const heads = [...document.querySelectorAll('.mlops-nb-panel .head .cell')];
            const at = heads.findIndex(head => head.querySelector('bdi')?.textContent === label);
            return [...document.querySelectorAll('.mlops-nb-panel .body .row')]
                .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map(row => row.children[at].textContent);
        }""",
        label,
    )
    return cells


def _nothing_wrong(page: LabPage) -> None:
    assert page.errors == []
    assert page.outside == [], "something was asked of the network"
    assert page.page.evaluate("window.harmed") is None


def test_thousands_of_runs_sort_filter_and_scroll(shown: LabPage, tmp_path: Path) -> None:
    view = shown.page
    assert 5 < view.locator(".mlops-nb-panel .body .row").count() < 60
    view.locator(".mlops-nb-panel .head button", has_text="accuracy").click()
    best = [float(value) for value in _column(shown, "accuracy")]
    assert best == sorted(best, reverse=True) and best[0] > 0.94
    view.locator(".mlops-nb-panel .head button", has_text="accuracy").click()
    assert float(_column(shown, "accuracy")[0]) < 0.71

    view.locator(".mlops-nb-panel .scroller").evaluate("e => { e.scrollTop = e.scrollHeight; }")
    view.wait_for_function("document.querySelector('.mlops-nb-panel [aria-rowindex=\"5001\"]') !== null")
    assert view.locator(".mlops-nb-panel .body .row").count() < 60
    assert _column(shown, "accuracy")[-1] == "", "failed runs have no accuracy: they stand last either way"

    box = view.locator(".mlops-nb-panel .filter")
    box.fill("what")
    view.wait_for_function("document.querySelector('.mlops-nb-panel .refusal').textContent.includes('character 1')")
    expect(box).to_have_attribute("aria-invalid", "true")
    shown.screenshot(tmp_path / "runs-refused.png")
    box.fill("params.model = 'gbm'")
    box.press("Enter")
    view.wait_for_function("!document.querySelector('.mlops-nb-panel .note').textContent.startsWith('5,000')")
    view.wait_for_function("document.querySelector('.mlops-nb-panel .refusal').textContent === ''")
    assert set(_column(shown, "model")) == {"gbm"}
    shown.set_theme("dark")
    shown.screenshot(tmp_path / "runs-dark.png")
    _nothing_wrong(shown)


def test_the_keyboard_selects_opens_and_compares(shown: LabPage, tmp_path: Path) -> None:
    view = shown.page
    grid = view.locator(".mlops-nb-panel .scroller")
    grid.focus()
    for key in ("ArrowDown", "ArrowDown", " ", "ArrowDown", " "):
        grid.press(key)
    expect(view.locator(".mlops-nb-panel .note")).to_contain_text("2 selected")
    grid.press("End")
    view.wait_for_selector('.mlops-nb-panel [aria-rowindex="5001"].cursor')
    grid.press("Home")
    for key in "ddbax":
        grid.press(key)  # JupyterLab's own keys: delete the cell, add one, cut
    assert view.evaluate("jupyterapp.shell.currentWidget.content.widgets.length") == 3

    grid.press("Enter")
    view.wait_for_selector(".mlops-nb-panel .below .mlops-nb.page")
    expect(view.locator(".mlops-nb-panel .below .code").first).to_contain_text("fit(lr)")
    view.locator(".mlops-nb-panel .below .btn", has_text="Close").click()

    view.locator(".mlops-nb-panel .btn.main").click()
    view.wait_for_selector(".mlops-nb-panel .below .compare .plot")
    shown.screenshot(tmp_path / "runs-compared.png")
    shown.run_cell(2)
    ids = re.findall(r"[0-9a-f]{32}", str(shown.outputs(2)))
    assert len(ids) == 2, "what is ticked is to be had in Python"
    _nothing_wrong(shown)


def test_columns_can_be_chosen(shown: LabPage) -> None:
    view = shown.page
    view.locator(".mlops-nb-panel .chooser summary").click()
    menu = view.locator(".mlops-nb-panel .chooser .menu")
    menu.locator("label", has_text="team").click()
    menu.locator("label", has_text="duration").click()
    heads = view.locator(".mlops-nb-panel .head .cell").all_inner_texts()
    assert "team" in heads and "duration" not in heads
    assert set(_column(shown, "team")) == {"growth"}


def test_names_and_heads_stay_when_the_table_is_scrolled(shown: LabPage) -> None:
    view = shown.page
    view.set_viewport_size({"width": 800, "height": 800})
    pinned = view.locator(".mlops-nb-panel .body .row .pin").first
    heads = view.locator(".mlops-nb-panel .top")
    before, top = pinned.bounding_box(), heads.bounding_box()
    view.locator(".mlops-nb-panel .scroller").evaluate("e => { e.scrollLeft = 150; e.scrollTop = 9; }")
    view.wait_for_selector(".mlops-nb-panel .scroller.shifted")
    after = pinned.bounding_box()
    assert before and after and after["x"] == pytest.approx(before["x"], abs=1)
    assert top and heads.bounding_box()["y"] == pytest.approx(top["y"], abs=1)


def test_curves_overlay_with_hover_log_axis_and_smoothing(page: LabPage, lab: Lab, tmp_path: Path) -> None:
    lab.write_notebook("compare.ipynb", [START, COMPARE])
    page.open_notebook("compare.ipynb")
    page.run_all()
    view = page.page
    view.wait_for_selector(".mlops-nb-panel .plot")
    plot = ".mlops-nb-panel .plot"

    line = view.locator(f"{plot} path.ln:not(.ghost)")
    linear = line.first.get_attribute("d")
    view.locator(".mlops-nb-panel .controls input[type=checkbox]").check()
    expect(line.first).not_to_have_attribute("d", linear)  # the log axis draws another line
    logarithmic = line.first.get_attribute("d")
    view.locator(".mlops-nb-panel .controls input[type=range]").fill("0.9")
    expect(line.first).not_to_have_attribute("d", logarithmic)
    expect(view.locator(f"{plot} .ghost").first).to_be_attached()
    lines = line.count()
    view.locator(".mlops-nb-panel .legend .key").first.click()
    expect(line).not_to_have_count(lines)
    assert line.count() < lines
    view.locator(plot).first.hover()
    expect(view.locator(f"{plot} .tipbox .tv").first).not_to_be_empty()
    frame = view.locator(".mlops-nb-panel .output iframe").first
    expect(frame.content_frame.locator("b")).to_have_text("shown")
    page.screenshot(tmp_path / "compare.png")
    _nothing_wrong(page)


def test_a_saved_notebook_keeps_panel_and_card_without_their_kernel(page: LabPage, lab: Lab, tmp_path: Path) -> None:
    lab.write_notebook("saved.ipynb", [START, RUNS, CARD])
    page.open_notebook("saved.ipynb")
    page.run_all()
    page.page.wait_for_selector(".mlops-Card .mlops-Spark")
    page.page.wait_for_selector(".mlops-nb-panel .body .row")
    expect(page.page.locator(".mlops-nb.runs").first).not_to_be_visible()  # the panel stands for its static view
    page.save()
    lab.end_sessions()
    page.open_notebook("saved.ipynb")
    table = page.page.locator(".jp-OutputArea-output .mlops-nb.runs").first
    table.wait_for()
    expect(table).to_contain_text("The newest 50 runs")
    expect(page.page.locator(".jp-Notebook")).not_to_contain_text("model not found")
    expect(page.page.locator(".mlops-nb-panel")).to_have_count(0)
    expect(page.page.locator(".mlops-Card .mlops-Card-name")).not_to_be_empty()
    page.screenshots(tmp_path / "saved.png")
    _nothing_wrong(page)
