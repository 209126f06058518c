"""What goes wrong around the panels: they say so in a sentence, and recover by themselves."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import ROOT, Lab, LabPage, expect
from tests.browser.sidebar import Panels

pytestmark = [pytest.mark.browser, pytest.mark.nightly, pytest.mark.timeout(900)]

PROBLEM = ".mlops-Sidebar .mlops-Trouble"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab server that may be stopped."""
    server = Lab(tmp_path_factory.mktemp("faults"))
    server.start()
    write_run(server, "first")
    yield server
    server.stop()


@pytest.fixture
def faults(own: Lab, chromium: Any, tmp_path: Path) -> Iterator[Panels]:
    """Its page, with the sidebar open."""
    yield from open_page(own, chromium, tmp_path)


def open_page(own: Lab, chromium: Any, tmp_path: Path) -> Iterator[Panels]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = LabPage(context.new_page(), own)
    page.page.goto(f"{own.url}/lab?token={own.token}&reset")
    page.page.wait_for_function("window.jupyterapp && window.jupyterapp.started")
    page.page.evaluate("jupyterapp.restored.then(() => true)")
    panels = Panels(page, tmp_path, "faults")
    panels.open_sidebar()
    panels.row("first").wait_for()
    yield panels
    context.close()


def write_run(own: Lab, name: str) -> None:
    """A run from elsewhere: another process, no kernel of this server."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MLOPS_NB_", "JPY_"))}
    code = f"import mlops_nb\nwith mlops_nb.start_run(run_name={name!r}): mlops_nb.log_metric('accuracy', 0.5)"
    subprocess.run([sys.executable, "-c", code], cwd=own.root, env={**env, "PYTHONPATH": str(ROOT)}, check=True)


def test_what_others_write_arrives_live(faults: Panels, own: Lab) -> None:
    write_run(own, "from elsewhere")
    faults.row("from elsewhere").wait_for()


def test_a_server_that_stops_and_comes_back(faults: Panels, own: Lab) -> None:
    own.stop()
    faults.page.locator(PROBLEM, has_text="does not answer").wait_for()
    expect(faults.row("first")).to_be_visible()  # what was there stays to be read
    expect(faults.page.locator(".mlops-Status")).to_contain_text("not connected")
    faults.snap("1-server-gone")
    write_run(own, "while it was away")
    own.start()
    faults.row("while it was away").wait_for()
    faults.page.locator(PROBLEM).wait_for(state="detached")


def test_a_token_that_is_no_longer_good(faults: Panels, own: Lab) -> None:
    good = own.token
    own.stop()
    own.token = "0" * 32
    own.start()
    faults.page.context.clear_cookies()
    faults.page.locator(PROBLEM, has_text="Reload the page and log in").wait_for()
    faults.snap("2-token")
    own.stop()
    own.token = good
    own.start()
    faults.page.locator(PROBLEM).wait_for(state="detached")


def test_a_page_that_slept(faults: Panels, own: Lab) -> None:
    """Nothing came through for a while; what was missed comes when the network is back."""
    faults.page.context.set_offline(True)
    write_run(own, "missed in sleep")
    faults.page.context.set_offline(False)
    faults.row("missed in sleep").wait_for()


def test_a_store_that_goes_away(faults: Panels, own: Lab) -> None:
    """The folder is moved away: the panel shows no runs that are not there; moved back, they are there again."""
    store, aside = own.root / ".mlops_nb", own.root / "aside"
    store.rename(aside)
    faults.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    faults.page.locator(f"{PROBLEM}, .mlops-Sidebar .mlops-Empty").first.wait_for()
    faults.snap("3-store-gone")
    aside.rename(store)
    faults.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    faults.row("first").wait_for()


def test_a_store_that_is_deleted(faults: Panels, own: Lab) -> None:
    """Nothing is shown that is gone, and what is written into a new store stands there without a reload."""
    shutil.rmtree(own.root / ".mlops_nb")
    faults.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    faults.page.locator(f"{PROBLEM}, .mlops-Sidebar .mlops-Empty").first.wait_for()
    write_run(own, "first")
    write_run(own, "of the new store")
    faults.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    faults.row("of the new store").wait_for()
    faults.page.locator(PROBLEM).wait_for(state="detached")
    assert faults.lab_page.errors == []


def test_a_store_of_a_newer_release(faults: Panels, own: Lab) -> None:
    """One sentence that says what to do; when it fits again, the runs are there again."""
    with write_schema(own, 1000):
        faults.page.locator(PROBLEM, has_text="newer").wait_for()
        assert len(faults.page.locator(PROBLEM).all()) == 1
        faults.snap("6-newer-store")
    faults.row("first").wait_for()
    faults.page.locator(PROBLEM).wait_for(state="detached")


@contextmanager
def write_schema(own: Lab, version: int) -> Iterator[None]:
    """The server finds a store that says so at its start."""
    own.stop()
    database = own.root / ".mlops_nb" / "store.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        [[before]] = connection.execute("select schema from mlops_nb_state").fetchall()
        connection.execute("update mlops_nb_state set schema = ?", [version])
    own.start()
    yield
    own.stop()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("update mlops_nb_state set schema = ?", [before])
    own.start()


def test_a_kernel_that_is_killed(faults: Panels, own: Lab) -> None:
    """A run that is dead does not say RUNNING, and its cell's mark neither."""
    cells = [
        "%load_ext mlops_nb",
        "%%track\nimport os, time, mlops_nb\nmlops_nb.log_metric('pid', os.getpid())\nwhile True:\n    time.sleep(0.1)",
    ]
    own.write_notebook("dies.ipynb", cells)
    faults.lab_page.open_notebook("dies.ipynb")
    faults.open_sidebar()
    faults.lab_page.run_cell(0)
    faults.start_cell(1)
    tile = faults.page.locator(".mlops-Strip .mlops-Tile", has_text="pid")
    tile.wait_for()
    os.kill(int(tile.locator("b").get_attribute("title") or ""), signal.SIGKILL)
    faults.page.locator(".mlops-Row .mlops-st-killed").first.wait_for()
    faults.page.locator(".mlops-Mark.mlops-st-killed").wait_for()
    faults.page.locator(".mlops-Strip").wait_for(state="detached")
    faults.snap("4-kernel-killed")


def test_two_browsers_at_once(faults: Panels, own: Lab, chromium: Any, tmp_path: Path) -> None:
    """What one deletes the other one no longer shows."""
    write_run(own, "shared")
    for other in open_page(own, chromium, tmp_path):
        faults.row("shared").wait_for()
        other.row("shared").wait_for()
        other.page.locator(".mlops-Rows").focus()
        other.row("shared").click(modifiers=["Control"])
        other.page.keyboard.press("Delete")
        other.page.locator(".jp-Dialog .jp-mod-warn").click()
        faults.page.wait_for_function(
            "![...document.querySelectorAll('.mlops-Row-run')].some(row => row.textContent.includes('shared'))"
        )


def test_versions_that_do_not_fit(faults: Panels, own: Lab) -> None:
    """A server of another release: one sentence that says how to mend it, and nothing else is asked."""
    asked: list[str] = []
    page = faults.page
    page.unroute("**/*")

    def answer(route: Any) -> None:
        asked.append(route.request.url)
        sentence = "The front end was built for other routes. Restart the Jupyter server."
        route.fulfill(json={"api": 99, "version": "9", "mismatch": sentence, "store": {"ok": True}})

    page.route("**/mlops-nb/lab/hello*", answer)
    page.route("**/mlops-nb/lab/runs*", lambda route: (asked.append(route.request.url), route.continue_()))
    page.reload()
    page.wait_for_function("window.jupyterapp && window.jupyterapp.started")
    page.evaluate("jupyterapp.restored.then(() => true)")
    faults.open_sidebar()
    page.locator(PROBLEM, has_text="Restart the Jupyter server").wait_for()
    faults.snap("5-mismatch")
    assert not [url for url in asked if "/lab/runs" in url]
