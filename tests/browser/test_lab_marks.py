"""Marks of tracked cells, the theme of high contrast, and the same panels in Notebook 7."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import Lab, LabPage, expect
from tests.browser.sidebar import Panels

pytestmark = [pytest.mark.browser, pytest.mark.nightly, pytest.mark.timeout(900)]

CELLS = ["%load_ext mlops_nb", "%%track\nrate = 0.5\naccuracy = 1 - rate / 10"]
OWN = ("reading 'schema'", "'filebrowser:open-path' not registered")
"""What Notebook 7 says of itself, with the panels and without."""

MARK = ".mlops-Mark"


@pytest.fixture
def panels(page: LabPage, tmp_path: Path) -> Panels:
    """The panels of a fresh page."""
    return Panels(page, tmp_path, "marks")


def test_a_mark_says_verdict_and_whether_the_cell_was_changed(panels: Panels, lab: Lab) -> None:
    page, view = panels.lab_page, panels.page
    lab.write_notebook("marks.ipynb", CELLS)
    page.open_notebook("marks.ipynb")
    page.run_all()
    mark = view.locator(MARK)
    view.locator(f"{MARK}.mlops-st-finished").wait_for()
    expect(mark).to_have_count(1)  # only the tracked cell has one
    expect(mark).not_to_contain_text("✎")
    view.locator(".jp-Notebook .jp-CodeCell").nth(1).scroll_into_view_if_needed()

    panels.set_source(1, CELLS[1].replace("0.5", "0.25"))
    view.locator(f"{MARK}.mlops-stale", has_text="✎").wait_for()
    expect(mark).to_have_attribute("aria-label", re.compile(re.escape("changed since its last run")))
    panels.snap_everywhere("1-stale")
    panels.set_source(1, CELLS[1].replace("%%track", "%%track -n other"))
    view.locator(f"{MARK}:not(.mlops-stale)").wait_for()  # how it is tracked is not what it does

    page.run_cell(1)
    view.wait_for_function("document.querySelector('.mlops-Mark').getAttribute('aria-label').includes('revision 2')")
    run = view.evaluate(ASK, "notebook?path=marks.ipynb&at=marks.ipynb")["cells"]["cell-1"]["run_id"]
    for verdict, symbol in (("identical", "≡"), ("diverged", "≠")):
        view.evaluate(TELL, {"runs": [run], "tags": {"mlops_nb.verdict": verdict}})
        view.locator(MARK, has_text=symbol).wait_for()
        expect(mark).to_have_attribute("aria-label", re.compile(re.escape(f"reproduced: {verdict}")))
    panels.snap("2-verdict")
    mark.click()
    expect(panels.active_page("mlops-RunPage").locator("h1")).to_have_text("other")
    assert page.errors == []


def test_high_contrast_can_be_read(panels: Panels, lab: Lab) -> None:
    page, view = panels.lab_page, panels.page
    lab.write_notebook("contrast.ipynb", CELLS)
    page.open_notebook("contrast.ipynb")
    page.run_all()
    view.evaluate(
        "jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark High Contrast'})"
    )
    view.wait_for_function("document.body.dataset.jpThemeName === 'JupyterLab Dark High Contrast'")
    view.wait_for_function("!document.getElementById('jupyterlab-splash')")
    panels.open_sidebar()
    view.locator(".mlops-Row-run").first.wait_for()
    view.locator(".jp-OutputArea .mlops-Card").first.wait_for()
    panels.snap("3-high-contrast-card")
    panels.check_accessible(".mlops-Sidebar")
    panels.check_accessible(".jp-OutputArea .mlops-Card")
    view.locator(".mlops-Row-run").first.click()
    panels.active_page("mlops-RunPage")
    panels.snap("4-high-contrast-run")
    panels.check_accessible(".mlops-RunPage")
    page.set_theme("light")
    assert page.errors == []


def test_notebook_7_has_the_same_panels(lab: Lab, chromium: Any, tmp_path: Path) -> None:
    pytest.importorskip("notebook", minversion="7")
    lab.write_notebook("seven.ipynb", CELLS)
    for view in open_seven(lab, chromium):
        page = LabPage(view, lab)
        panels = Panels(page, tmp_path, "marks")
        view.goto(f"{lab.url}/notebooks/seven.ipynb?token={lab.token}")
        view.wait_for_function("window.jupyterapp?.shell?.currentWidget?.sessionContext !== undefined")
        page.wait_kernel()
        page.run_all()
        view.locator(".jp-OutputArea .mlops-Card").first.wait_for()
        view.locator(f"{MARK}.mlops-st-finished").wait_for()
        panels.command("mlops-nb:show-runs")
        view.locator(".mlops-Sidebar .mlops-Row-run").first.wait_for()
        panels.snap("5-notebook-7")
        view.locator(".mlops-Sidebar .mlops-Row-run").first.click()
        run = panels.active_page("mlops-RunPage")
        run.get_by_role("tab", name="Code").click()
        run.locator(".mlops-Tab", has_text="accuracy").wait_for()
        panels.snap("6-notebook-7-run")
        assert [each for each in page.errors if not any(own in each for own in OWN)] == []
        assert page.outside == [], "something was asked of the network"


def open_seven(lab: Lab, chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()
    lab.end_sessions()


ASK = """async route => {
    const { baseUrl, token } = jupyterapp.serviceManager.serverSettings;
    const answer = await fetch(`${baseUrl}mlops-nb/lab/${route}`, {headers: {Authorization: `token ${token}`}});
    return answer.json();
}"""
TELL = """async body => {
    const { baseUrl, token } = jupyterapp.serviceManager.serverSettings;
    const headers = {Authorization: `token ${token}`, 'Content-Type': 'application/json'};
    const given = {method: 'POST', headers, body: JSON.stringify(body)};
    const answer = await fetch(`${baseUrl}mlops-nb/lab/runs/change`, given);
    if (!answer.ok) throw new Error(await answer.text());
}"""
