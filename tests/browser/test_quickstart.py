"""The quickstart as a newcomer sees it: real JupyterLab, real kernel, real data, both themes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import ROOT, SCREENSHOTS, Lab, LabPage, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def _snap(page: LabPage, tmp_path: Path, name: str) -> None:
    folder = Path(SCREENSHOTS) if SCREENSHOTS else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(folder / f"{name}.png")


def _show(page: LabPage, selector: str) -> Any:
    found = page.page.locator(selector).first
    found.scroll_into_view_if_needed()
    return found


@pytest.fixture
def quickstart(lab: Lab) -> str:
    """The example's notebook in the server's folder."""
    shutil.copy(ROOT / "examples" / "quickstart.ipynb", lab.root / "quickstart.ipynb")
    return "quickstart.ipynb"


def test_cards_panels_and_comparison(page: LabPage, lab: Lab, quickstart: str, tmp_path: Path) -> None:
    page.page.set_viewport_size({"width": 1280, "height": 1000})
    page.open_notebook(quickstart)
    page.run_all()
    for theme in ("light", "dark"):
        page.set_theme(theme)
        _look_through(page, tmp_path, theme)
    assert page.errors == []


def _look_through(page: LabPage, tmp_path: Path, theme: str) -> None:
    cards = page.page.locator(".jp-OutputArea .mlops-Card")
    expect(cards).to_have_count(5)
    for index, name in enumerate(("prepare", "baseline", "sgd", "boosting", "verdict")):
        card = cards.nth(index)
        card.scroll_into_view_if_needed()
        expect(card).to_contain_text(name)
        _snap(page, tmp_path, f"quickstart-{theme}-card-{name}")
    expect(cards.nth(1)).to_contain_text("malignant_found")
    panel = _show(page, ".mlops-nb-panel")
    panel.locator(".body .row").first.wait_for()
    expect(panel).to_contain_text("boosting")
    _snap(page, tmp_path, f"quickstart-{theme}-runs")
    comparison = page.page.locator(".mlops-nb-panel").nth(1)
    comparison.scroll_into_view_if_needed()
    expect(comparison).to_contain_text("accuracy")
    _snap(page, tmp_path, f"quickstart-{theme}-compare")


def test_what_is_saved_reads_without_a_kernel(page: LabPage, lab: Lab, quickstart: str) -> None:
    page.open_notebook(quickstart)
    page.run_all()
    page.save()
    content = json.loads((lab.root / quickstart).read_text())
    outputs = [output for cell in content["cells"] for output in cell.get("outputs", [])]
    pages = ["".join(output["data"]["text/html"]) for output in outputs if "text/html" in output.get("data", {})]
    assert sum("mlops-nb card" in html for html in pages) == 5
    assert any("boosting" in html and "<table" in html for html in pages)
    assert not any("<script" in html for html in pages)
    assert (lab.root / quickstart).stat().st_size < 1_500_000
