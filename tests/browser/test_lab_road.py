"""The whole road by clicks and keys: track, watch live, compare, reproduce, re-run, register, promote."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.lab import Lab, LabPage, expect
from tests.browser.sidebar import Panels, write_training

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]  # a minute on a quiet machine


def test_track_watch_and_compare(page: LabPage, lab: Lab, tmp_path: Path) -> None:
    panels = Panels(page, tmp_path, "road")
    _first_half(panels, page, lab, tmp_path)
    assert page.errors == []
    assert page.outside == [], "something was asked of the network"


@pytest.mark.nightly
def test_the_whole_road(page: LabPage, lab: Lab, tmp_path: Path) -> None:
    panels = Panels(page, tmp_path, "whole-road")
    name = _first_half(panels, page, lab, tmp_path)
    _reproduce(panels)
    _rerun(panels, name)
    _register_and_promote(panels, name)
    assert page.errors == []


def _first_half(panels: Panels, page: LabPage, lab: Lab, tmp_path: Path) -> str:
    """As far as two compared runs; answers with the name of the notebook, a new one in each attempt."""
    name = f"{tmp_path.name}.ipynb"
    write_training(lab, name)
    page.open_notebook(name)
    sidebar = panels.open_sidebar()
    sidebar.get_by_role("radio", name="Notebook").click()
    sidebar.get_by_text("No runs yet").wait_for()
    panels.snap("1-empty")
    _track(panels, page)
    _watch(panels)
    _again(panels, page)
    _compare(panels)
    return name


def _track(panels: Panels, page: LabPage) -> None:
    """One click in the cell's toolbar tracks it."""
    page.run_cell(0)
    page.run_cell(1)
    panels.page.locator(".jp-Notebook .jp-CodeCell").nth(2).click()
    panels.page.locator('.jp-cell-toolbar [data-command="mlops-nb:track-cell"]').click()
    panels.page.wait_for_function(
        "jupyterapp.shell.currentWidget.content.widgets[2].model.sharedModel.getSource().startsWith('%%track')"
    )


def _watch(panels: Panels) -> None:
    """While the cell runs, its row and the card under it are live."""
    view = panels.page
    panels.start_cell(2)
    view.locator(".mlops-Row .mlops-st-running").first.wait_for()
    strip = view.locator(".mlops-Strip .mlops-Card")
    strip.locator(".mlops-Tile", has_text="loss").wait_for()
    expect(strip.get_by_role("button", name="Stop")).to_be_enabled()
    for place in (".mlops-Row-run", ".mlops-Strip .mlops-Tile"):
        view.locator(f"{place} .mlops-Spark path").first.wait_for()
    panels.snap("2-live")
    panels.release()
    panels.wait_cell(2)
    card = view.locator(".jp-OutputArea .mlops-Card")
    card.wait_for()
    expect(card).to_contain_text("accuracy")
    strip.wait_for(state="detached")
    view.locator(".mlops-Row .mlops-st-finished").first.wait_for()
    view.locator(".mlops-Mark.mlops-st-finished").wait_for()


def _again(panels: Panels, page: LabPage) -> None:
    """A second revision with another parameter."""
    panels.set_source(1, "lr: float = 0.7\nepochs: int = 8")
    page.run_cell(1)
    page.run_cell(2)
    panels.page.wait_for_function("document.querySelectorAll('.mlops-Row-run').length === 2")
    panels.page.locator(".jp-OutputArea .mlops-Card").scroll_into_view_if_needed()
    panels.snap("3-card")


def _compare(panels: Panels) -> None:
    """By keys alone: two rows are picked and compared."""
    view = panels.page
    view.locator(".mlops-Rows").focus()
    for key in ("ArrowDown", "Space", "ArrowDown", "Space"):
        view.keyboard.press(key)
    expect(view.locator(".mlops-Picked")).to_contain_text("2 picked")
    view.keyboard.press("c")
    compare = panels.active_page("mlops-ComparePage")
    row = compare.locator("tr", has=view.locator("th", has_text="lr")).first
    row.wait_for()
    for rate in ("0.1", "0.7"):
        expect(row).to_contain_text(rate)
    panels.snap("4-compare")
    compare.get_by_role("tab", name="Curves").click()
    compare.locator(".uplot canvas").first.wait_for()
    panels.snap("5-compare-curves")
    view.keyboard.press("Escape")
    view.locator(".mlops-Rows").focus()
    view.keyboard.press("Escape")


def _reproduce(panels: Panels) -> None:
    """The verdict of a fresh kernel, on the job's page and in the row."""
    view = panels.page
    panels.row("r2").click()
    run = panels.active_page("mlops-RunPage")
    run.get_by_role("button", name="Reproduce").click()
    panels.wait_job("finished")
    job = panels.active_page("mlops-JobPage")
    expect(job.locator(".mlops-VerdictBox")).to_contain_text("identical")
    panels.snap("6-reproduced")
    view.locator(".mlops-Row .mlops-Badge", has_text="≡").first.wait_for()


def _rerun(panels: Panels, name: str) -> None:
    """The form of the notebook's typed parameters starts a job; its result opens."""
    view = panels.page
    panels.activate_notebook(name)
    panels.command("mlops-nb:rerun-with")
    form = panels.active_page("mlops-FormPage")
    field = form.locator("#mlops-p-lr")
    field.fill("fast")
    expect(form.get_by_text("A number is needed.")).to_be_visible()
    expect(form.get_by_role("button", name="Run", exact=True)).to_be_disabled()
    field.fill("0.3")
    panels.snap("7-form")
    form.get_by_role("button", name="Run", exact=True).click()
    panels.wait_job("finished")
    panels.snap("8-job")
    job = panels.active_page("mlops-JobPage")
    job.get_by_role("button", name="Open the run").click()
    run = panels.active_page("mlops-RunPage")
    run.locator("td", has_text="0.3").first.wait_for()
    view.wait_for_function("document.querySelectorAll('.mlops-Row-run').length >= 3")


def _register_and_promote(panels: Panels, name: str) -> None:
    """From the card of the cell to a champion."""
    view = panels.page
    panels.activate_notebook(name)
    card = view.locator(".jp-OutputArea .mlops-Card")
    card.get_by_role("button", name="Register").click()
    view.locator(".jp-Dialog input[list]").fill("churn")
    panels.snap("9-register")
    view.locator(".jp-Dialog .jp-mod-accept").click()
    model = panels.active_page("mlops-ModelPage")
    model.get_by_role("button", name="Promote …").first.click()
    view.wait_for_function("document.activeElement.matches('.jp-Dialog input')")  # the dialog has settled
    view.locator(".jp-Dialog").get_by_label("Why").fill("better than before")
    panels.snap("10-promote")
    view.locator(".jp-Dialog .jp-mod-accept").click()
    model.locator(".mlops-Place", has_text="@champion").wait_for()
    model.get_by_role("tab", name="History").click()
    model.get_by_text("better than before").wait_for()
    panels.snap("11-model")
