"""One JupyterLab and one browser for all browser tests; a fresh page for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.lab import FLAGS, Lab, LabPage, find_chromium


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running JupyterLab server in temporary folders."""
    pytest.importorskip("jupyterlab")
    server = Lab(tmp_path_factory.mktemp("lab"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A running headless browser."""
    playwright = pytest.importorskip("playwright.sync_api")
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium is installed; name one with MLOPS_NB_CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(lab: Lab, chromium: Any) -> Iterator[LabPage]:
    """A fresh page of 1280 x 800; afterwards no kernel is left."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    yield LabPage(context.new_page(), lab)
    context.close()
    lab.end_sessions()
