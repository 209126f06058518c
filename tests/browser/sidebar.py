"""JupyterLab's panels of mlops_nb, as tests drive them: by clicks and keys, waiting on conditions."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import SCREENSHOTS, Lab, LabPage

LOAD = """
%load_ext mlops_nb
import os, signal
released = []
signal.signal(signal.SIGUSR1, lambda *_: released.append(True))
print("kernel", os.getpid())
""".strip()
TRAIN = """
import os, time
import numpy as np
import mlops_nb
from sklearn.linear_model import LogisticRegression

points = np.linspace(-3, 3, 60).reshape(-1, 1)
labels = (points[:, 0] > 0.4).astype(int)
model = LogisticRegression(C=lr).fit(points, labels)
for step in range(epochs):
    mlops_nb.log_metric("loss", 1 / (step + 1 + lr), step=step)
while "JPY_SESSION_NAME" in os.environ and not released:
    time.sleep(0.02)
accuracy = float(model.score(points, labels))
mlops_nb.log_model(model, "model")
""".strip()
"""A cell that runs until the test lets it go on: what is live can be looked at as long as that takes."""


def write_training(lab: Lab, name: str) -> Path:
    """A notebook with typed parameters and a cell that trains; in the page's kernel it waits for a signal.

    Only there, and no file: one that appears counts as written by the cell, and a rerun would miss it.
    """
    path = lab.write_notebook(name, [LOAD, "lr: float = 0.1\nepochs: int = 8  # rounds", TRAIN])
    content = json.loads(path.read_text())
    content["cells"][1]["metadata"] = {"tags": ["parameters"]}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


class Panels:
    """The sidebar and the pages of a JupyterLab page."""

    def __init__(self, page: LabPage, shots: Path, prefix: str) -> None:
        self.lab_page = page
        self.page = page.page
        self.shots = Path(SCREENSHOTS or os.environ.get("MLOPS_NB_SCREENSHOTS") or shots)
        self.prefix = prefix

    def snap(self, name: str) -> None:
        """Keep a picture."""
        self.shots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(self.shots / f"{self.prefix}-{name}.png"))

    def snap_everywhere(self, name: str) -> None:
        """Keep pictures in both themes, on a small screen and on a large one."""
        before = self.page.viewport_size
        for theme in ("dark", "light"):
            self.lab_page.set_theme(theme)
            for width, height in ((1280, 800), (1920, 1080)):
                self.page.set_viewport_size({"width": width, "height": height})
                self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
                self.snap(f"{name}-{theme}-{width}")
        self.page.set_viewport_size(before)

    def check_accessible(self, selector: str) -> None:
        """Nothing serious that axe-core knows is wrong with a part of the page."""
        axe = pytest.importorskip("axe_playwright_python.sync_playwright")
        found = axe.Axe().run(self.page, context=selector).response["violations"]
        serious = [
            (each["id"], [node["html"][:160] for node in each["nodes"][:3]], each["nodes"][0].get("failureSummary", ""))
            for each in found
            if each["impact"] in ("serious", "critical")
        ]
        assert serious == [], serious

    def open_menu(self, label: str) -> Any:
        """What stands under one of the small buttons."""
        self.page.locator(f'button[aria-label="{label}"]:visible').first.click()
        body = self.page.locator(".mlops-Popover-body")
        body.wait_for()
        return body

    def open_tab(self, page: Any, name: str) -> None:
        """A part of a page, by a click on its tab, when it has loaded."""
        page.get_by_role("tab", name=name).click()
        front = ".lm-DockPanel-widget:not(.lm-mod-hidden) .mlops-Loading"
        self.page.wait_for_function("front => !document.querySelector(front)", arg=front)

    def open_sidebar(self) -> Any:
        """The sidebar, by a click on its tab."""
        tab = self.page.locator('.jp-SideBar li[data-id="mlops-nb-runs"]')
        tab.wait_for()
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        if "lm-mod-current" not in (tab.get_attribute("class") or ""):  # a click on an open one closes it
            tab.click()
        sidebar = self.page.locator(".mlops-Sidebar")
        sidebar.wait_for()
        self.page.wait_for_function("!document.querySelector('.mlops-Sidebar .mlops-Loading')")
        return sidebar

    def row(self, text: str) -> Any:
        """A run's row in the sidebar."""
        return self.page.locator(".mlops-Row-run", has_text=text).first

    def active_page(self, kind: str) -> Any:
        """The page of the main area that is in front."""
        found = self.page.locator(f".{kind}:visible").first
        found.wait_for()
        return found

    def command(self, name: str, **args: Any) -> None:
        """Execute a command, as the palette does."""
        self.page.evaluate("([name, args]) => { void jupyterapp.commands.execute(name, args); }", [name, args])

    def activate_notebook(self, name: str) -> None:
        """Bring a notebook to the front."""
        self.page.locator(".lm-TabBar-tabLabel", has_text=name).first.click()
        self.page.wait_for_function(
            """name => {
                const widget = jupyterapp.shell.currentWidget;
                return widget?.context?.path === name && widget.isVisible;
            }""",
            arg=name,
        )

    def start_cell(self, index: int) -> None:
        """Run a cell without waiting for its end."""
        self.page.evaluate(
            """index => {
                const notebook = jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = index;
                notebook.deselectAll();
                void jupyterapp.commands.execute('notebook:run-cell');
            }""",
            index,
        )

    def release(self) -> None:
        """Let the cell that waits go on."""
        said = self.page.locator(".jp-OutputArea-output", has_text="kernel ").first.inner_text()
        os.kill(int(said.split()[-1]), signal.SIGUSR1)

    def wait_cell(self, index: int) -> None:
        """Wait until a cell is done."""
        self.page.wait_for_function(
            """index => {
                const model = jupyterapp.shell.currentWidget.content.widgets[index].model;
                return model.executionCount !== null && model.executionState !== 'running';
            }""",
            arg=index,
        )

    def source(self, index: int) -> str:
        """The text of a cell."""
        found: str = self.page.evaluate(
            "index => jupyterapp.shell.currentWidget.content.widgets[index].model.sharedModel.getSource()", index
        )
        return found

    def set_source(self, index: int, text: str) -> None:
        """Write another text into a cell."""
        self.page.evaluate(
            """([index, text]) =>
                jupyterapp.shell.currentWidget.content.widgets[index].model.sharedModel.setSource(text)""",
            [index, text],
        )

    def wait_job(self, state: str) -> None:
        """Wait until the job on the page in front is over."""
        self.page.wait_for_function(
            """state => [...document.querySelectorAll('.mlops-JobPage')].some(page =>
                page.offsetParent !== null && page.querySelector('[role=status]').textContent.startsWith(state))""",
            arg=state,
            timeout=240_000,  # a fresh kernel, on a machine that may be busy
        )
