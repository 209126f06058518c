"""A real JupyterLab and a real browser, as tests drive them. Waits are on conditions, never on time."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT = 240.0
STEP_LIMIT = int(os.environ.get("MLOPS_NB_STEP_LIMIT", "180000"))
"""Longest wait for one step in the browser, in milliseconds: generous, since it is only reached by a failure."""

# Read before any test: each gets an environment without settings.
SCREENSHOTS = os.environ.get("MLOPS_NB_SCREENSHOTS")
NAMED_CHROMIUM = os.environ.get("MLOPS_NB_CHROMIUM")

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}


def find_chromium() -> str | None:
    """The browser to use: ``MLOPS_NB_CHROMIUM``, else one that is installed."""
    return NAMED_CHROMIUM or next((path for name in CHROMIUM if (path := shutil.which(name))), None)


def expect(place: Any) -> Any:
    """What a place on the page has to show, waited for as long as any step: what was just done may not be drawn yet."""
    assertions = pytest.importorskip("playwright.sync_api").expect
    assertions.set_options(timeout=STEP_LIMIT)
    return assertions(place)


class Lab:
    """A JupyterLab server in temporary folders, with a token, at a free port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "notebooks"
        self.token = secrets.token_hex(16)
        self.log = folder / "lab.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.url = ""

    def start(self) -> None:
        """Start and wait until it answers."""
        self.root.mkdir(parents=True, exist_ok=True)
        self._port = self._port or _free_port()
        env = {key: value for key, value in os.environ.items() if not key.startswith(("MLOPS_NB_", "JUPYTER", "JPY_"))}
        for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
            env[f"JUPYTER_{name}"] = str(self.folder / name.lower())
        env["JUPYTERLAB_SETTINGS_DIR"] = str(self.folder / "settings")
        env["JUPYTERLAB_WORKSPACES_DIR"] = str(self.folder / "workspaces")
        env["IPYTHONDIR"] = str(self.folder / "ipython")
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
        config = self.folder / "config_dir" / "labconfig"
        config.mkdir(parents=True, exist_ok=True)
        (config / "default_setting_overrides.json").write_text(json.dumps(OVERRIDES))
        command = [
            sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self._port}",
            "--ServerApp.port_retries=50", "--no-browser", "--allow-root", f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={self.root}", "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly",
        ]  # fmt: skip
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, env=env, cwd=self.root, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_LIMIT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        assert self._process is not None
        known = self.folder / "runtime_dir" / f"jpserver-{self._process.pid}.json"
        try:
            self.url = json.loads(known.read_text())["url"].rstrip("/")
            return self.request("GET", "/api/status") is not None
        except (OSError, ValueError, KeyError):
            return False

    def request(self, method: str, path: str) -> Any:
        """Ask the server's REST interface."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def end_sessions(self) -> None:
        """Shut every kernel: the next page would attach to one that is left."""
        for session in self.request("GET", "/api/sessions"):
            self.request("DELETE", f"/api/sessions/{session['id']}")

    def stop(self, *, sessions: bool = True) -> None:
        """Stop the server, its kernels with it; a later `start` is at the same address."""
        if self._process is None or self._process.poll() is not None:
            return
        if sessions:
            self.end_sessions()
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def write_notebook(self, name: str, cells: Sequence[str], **metadata: Any) -> Path:
        """Write a notebook of code cells below the server's root."""
        empty: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        nodes = [{**empty, "id": f"cell-{i}", "source": source} for i, source in enumerate(cells)]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel, **metadata}, "cells": nodes}
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
        return path


class LabPage:
    """A browser page with JupyterLab in it."""

    def __init__(self, page: Any, lab: Lab) -> None:
        self.page = page
        self.lab = lab
        self.errors: list[str] = []
        self.outside: list[str] = []
        page.set_default_timeout(STEP_LIMIT)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.route("**/*", self._guard)

    def _guard(self, route: Any) -> None:
        """Let only this server through, and remember what was asked of others."""
        if route.request.url.startswith((self.lab.url, "data:", "blob:")):
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()

    def open_notebook(self, name: str, *, theme: str = "light") -> None:
        """Open a notebook, alone, with its kernel ready."""
        self.page.goto(f"{self.lab.url}/lab/tree/{name}?token={self.lab.token}&reset")
        self.page.wait_for_function("window.jupyterapp && window.jupyterapp.started")
        self.page.evaluate("jupyterapp.restored.then(() => true)")
        self.page.wait_for_function("window.jupyterapp.shell.currentWidget?.sessionContext !== undefined")
        self.set_theme(theme)
        self.wait_kernel()

    def set_theme(self, theme: str) -> None:
        """Switch between ``light`` and ``dark``."""
        name = "JupyterLab Dark" if theme == "dark" else "JupyterLab Light"
        self.page.evaluate("name => jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name)
        light = "false" if theme == "dark" else "true"
        self.page.wait_for_function("light => document.body.dataset.jpThemeLight === light", arg=light)
        self.page.wait_for_function("!document.getElementById('jupyterlab-splash')")  # it fades over what is looked at

    def wait_kernel(self) -> None:
        """Wait until the kernel is attached and answers; the status indicator says idle before there is a kernel."""
        self.page.wait_for_function(
            """() => {
                const context = window.jupyterapp.shell.currentWidget.sessionContext;
                const kernel = context.session?.kernel;
                return context.isReady && kernel?.connectionStatus === 'connected' && kernel?.status === 'idle';
            }"""
        )
        self.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.info.then(() => true)")

    def run_all(self, *, allow_errors: bool = False) -> None:
        """Run every cell and wait until the kernel is done with them; a cell that raises fails the test at once."""
        self.page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells').then(() => true)")
        self.page.wait_for_function(
            """() => {
                const codes = jupyterapp.shell.currentWidget.content.widgets.filter(cell =>
                    cell.model.type === 'code' && cell.model.sharedModel.source.trim());
                const raised = cell => cell.model.sharedModel.getOutputs().some(o => o.output_type === 'error');
                return codes.some(raised) || codes.every(cell =>
                    cell.model.executionCount !== null && cell.model.executionState !== 'running');
            }"""
        )
        self.page.wait_for_function("jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'")
        errors = [] if allow_errors else self._cell_errors()
        assert not errors, errors[0]

    def _cell_errors(self) -> list[str]:
        found: list[str] = self.page.evaluate(
            """() => jupyterapp.shell.currentWidget.content.widgets.flatMap(cell =>
                cell.model.type !== 'code' ? [] : cell.model.sharedModel.getOutputs()
                    .filter(output => output.output_type === 'error').map(output => output.traceback.join('\\n')))"""
        )
        return found

    def run_cell(self, index: int) -> None:
        """Run one cell and wait for it."""
        before = self.execution_count(index)
        self.page.evaluate(
            """index => {
                const notebook = jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = index;
                notebook.deselectAll();
                return jupyterapp.commands.execute('notebook:run-cell').then(() => true);
            }""",
            index,
        )
        self.page.wait_for_function(
            """([index, before]) => {
                const model = jupyterapp.shell.currentWidget.content.widgets[index].model;
                return model.executionCount !== null && model.executionCount !== before
                    && model.executionState !== 'running';
            }""",
            arg=[index, before],
        )

    def execution_count(self, index: int) -> int | None:
        """The prompt number of a cell."""
        count = self.page.evaluate(
            "index => jupyterapp.shell.currentWidget.content.widgets[index].model.executionCount", index
        )
        return None if count is None else int(count)

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """The outputs of a cell as they are in the notebook's model."""
        found: list[dict[str, Any]] = self.page.evaluate(
            "index => jupyterapp.shell.currentWidget.content.widgets[index].model.sharedModel.toJSON().outputs", index
        )
        return found

    def save(self) -> None:
        """Save the notebook."""
        self.page.evaluate("jupyterapp.commands.execute('docmanager:save').then(() => true)")

    def screenshot(self, path: Path) -> None:
        """Keep a picture of the page; ``MLOPS_NB_SCREENSHOTS`` names the folder to keep it in."""
        self.page.screenshot(path=kept(path))

    def screenshots(self, path: Path) -> None:
        """Keep a picture in each theme, as ``NAME-dark.png`` and ``NAME-light.png``; light stays on."""
        for theme in ("dark", "light"):
            self.set_theme(theme)
            self.screenshot(path.with_name(f"{path.stem}-{theme}{path.suffix}"))


def kept(path: Path) -> str:
    """Where a picture goes: to its place, or into the folder that ``MLOPS_NB_SCREENSHOTS`` names."""
    target = Path(SCREENSHOTS) / path.name if SCREENSHOTS else path
    target.parent.mkdir(parents=True, exist_ok=True)
    return str(target)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
