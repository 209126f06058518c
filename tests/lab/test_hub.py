"""In a real JupyterHub, behind its proxy and its prefix: the routes are there, strangers are not let in, the audit
names the user, and the panels work in the browser of somebody who has logged in."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_nb.workspace import open_workspace
from tests.browser.lab import ROOT, SCREENSHOTS

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(600)]

TOKEN = "0123456789abcdef" * 4
BASE = "/hubbase/"
CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{port}{base}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.ConfigurableHTTPProxy.auth_token = "{token}"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {home!r}
c.Spawner.args = ["--allow-root", "--LabApp.expose_app_in_browser=True"]
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.start_timeout = 240
c.Spawner.http_timeout = 240
c.Spawner.env_keep = ["PATH", "LANG", "VIRTUAL_ENV"]
c.Authenticator.allow_all = True
c.JupyterHub.services = [{{"name": "tests", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [{{"name": "tests", "scopes": ["admin:users", "admin:servers", "tokens", "access:servers"],
                            "services": ["tests"]}}]
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def call(url: str, method: str = "GET", body: Any = None, token: str = TOKEN) -> tuple[int, Any]:
    headers = {"Authorization": f"token {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    headers |= {"Content-Type": "application/json"} if data else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=60) as found:
            text = found.read()
            return found.status, json.loads(text) if text[:1] in (b"{", b"[") else text
    except urllib.error.HTTPError as error:
        return error.code, None
    except OSError:
        return 0, None


def wait(url: str, wanted: Any, seconds: float = 240) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        status, answer = call(url)
        if status == 200 and wanted(answer):
            return answer
        time.sleep(0.3)
    raise AssertionError(f"{url} was not there after {seconds} s")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A hub with the server of ``ana`` in it: its address, and her home."""
    tmp_path = tmp_path_factory.mktemp("hub")
    pytest.importorskip("jupyterhub")
    if shutil.which("configurable-http-proxy") is None:
        pytest.skip("configurable-http-proxy is not on the path: npm install -g configurable-http-proxy")
    home, port = tmp_path / "home", free_port()
    home.mkdir()
    (tmp_path / "config.py").write_text(
        CONFIG.format(base=BASE, port=port, hub=free_port(), proxy=free_port(), token=TOKEN, home=str(home),
                      python=sys.executable)
    )  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_NB_")}
    with (tmp_path / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", "config.py"], cwd=tmp_path, env=environment, stdout=log,
            stderr=log, start_new_session=True,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}{BASE}"
    try:
        wait(f"{address}hub/api/", lambda answer: "version" in answer)
        assert call(f"{address}hub/api/users/ana", "POST")[0] == 201
        assert call(f"{address}hub/api/users/ana/server", "POST")[0] in (201, 202)
        wait(f"{address}hub/api/users/ana", lambda answer: answer["servers"].get("", {}).get("ready"))
        yield address, home
    except BaseException:
        sys.stderr.write((tmp_path / "hub.log").read_text()[-4000:])
        raise
    finally:
        call(f"{address}hub/api/users/ana/server", "DELETE")
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_the_road_through_the_hub(hub: tuple[str, Path]) -> None:
    address, home = hub
    space = open_workspace(str(home / ".mlops_nb"))
    space.store.create_model("churn")
    status, made = call(f"{address}hub/api/users/ana/tokens", "POST", {"note": "test"})
    assert status == 201
    routes = f"{address}user/ana/mlops-nb/lab/"
    status, hello = call(f"{routes}hello", token=made["token"])
    assert status == 200 and hello["user"] == "ana", hello
    assert Path(hello["store"]["where"]).resolve() == (home / ".mlops_nb").resolve()
    for token in ("", "wrong"):
        assert call(f"{routes}hello", token=token)[0] != 200 or "store" not in call(f"{routes}hello", token=token)[1]
    status, done = call(f"{routes}verbs/describe", "POST", {"words": ["churn", "whose it is"]}, made["token"])
    assert status == 200, done
    assert space.store.model_changes("churn")[-1].by.user == "ana"
    space.close()


CELL = """
import mlops_nb
with mlops_nb.start_run(run_name="of her kernel"):
    mlops_nb.log_metric("m", 1)
assert mlops_nb.workspace.current().flush(60)
"""


def test_runs_carry_the_name_of_the_hubs_user(hub: tuple[str, Path]) -> None:
    """What her kernel logs, and what is logged through MLflow's routes of her Jupyter server, whatever it says."""
    address, home = hub
    status, made = call(f"{address}hub/api/users/ana/tokens", "POST", {"note": "test"})
    assert status == 201
    server = f"{address}user/ana/"
    mine = {"experiment_id": "0", "run_name": "of her script", "start_time": 1, "user_id": "root"}
    status, answer = call(f"{server}mlops-nb/api/2.0/mlflow/runs/create", "POST", mine, made["token"])
    assert (status, answer["run"]["info"]["user_id"]) == (200, "ana")
    status, kernel = call(f"{server}api/kernels", "POST", {}, made["token"])
    assert status == 201
    assert asyncio.run(execute(f"{server}api/kernels/{kernel['id']}/channels", made["token"], CELL)) == "ok"
    space = open_workspace(str(home / ".mlops_nb"))
    users = {run.name: run.user for run in space.store.search_runs().items}
    space.close()
    assert users["of her script"] == users["of her kernel"] == "ana", users


async def execute(url: str, token: str, code: str) -> str:
    """Run a cell in a kernel of a Jupyter server, as its pages do: the status of the answer."""
    from tornado.httpclient import HTTPRequest
    from tornado.websocket import websocket_connect

    socket = await websocket_connect(
        HTTPRequest(url.replace("http://", "ws://", 1), headers={"Authorization": f"token {token}"})
    )
    header = {
        "msg_id": "1", "msg_type": "execute_request", "session": "tests", "username": "", "version": "5.3", "date": "",
    }  # fmt: skip
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
    await socket.write_message(
        json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"})
    )
    while True:
        told = json.loads(str(await socket.read_message()))
        if told["header"]["msg_type"] == "execute_reply":
            socket.close()
            return str(told["content"]["status"])


def test_the_panels_in_a_browser(hub: tuple[str, Path], tmp_path: Path) -> None:
    """Logged in by the hub's form: rows come live, pages open, and what is sent passes the hub's check of origins."""
    from tests.browser.lab import FLAGS, STEP_LIMIT, find_chromium

    address, home = hub
    playwright, executable = pytest.importorskip("playwright.sync_api"), find_chromium()
    if executable is None:
        pytest.skip("no Chromium is installed; name one with MLOPS_NB_CHROMIUM")
    write_run(home, "behind the hub")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, headless=True, args=FLAGS)
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.set_default_timeout(STEP_LIMIT)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address}hub/login?next={BASE}user/ana/lab")
        page.locator("#username_input").fill("ana")
        page.locator("#password_input").fill("anything")
        page.locator("#login_submit").click()
        page.wait_for_function("window.jupyterapp && window.jupyterapp.started")
        page.evaluate("jupyterapp.restored.then(() => true)")
        page.locator('.jp-SideBar li[data-id="mlops-nb-runs"]').click()
        row = page.locator(".mlops-Row-run", has_text="behind the hub")
        page.locator(".mlops-Row-run, .mlops-Sidebar .mlops-Trouble, .mlops-Sidebar .mlops-Empty").first.wait_for()
        page.screenshot(path=str(Path(SCREENSHOTS or tmp_path) / "hub.png"))
        row.wait_for()
        write_run(home, "while she looks")
        page.locator(".mlops-Row-run", has_text="while she looks").wait_for()
        row.click()
        page.locator(".mlops-RunPage h1", has_text="behind the hub").wait_for()
        page.get_by_label("Add a tag").fill("seen=yes")
        page.get_by_label("Add a tag").press("Enter")  # a POST, which the hub lets pass only with its token
        page.locator(".mlops-Tags .mlops-Chip", has_text="seen = yes").wait_for()
        page.screenshot(path=str(Path(SCREENSHOTS or tmp_path) / "hub.png"))
        assert not page.locator(".mlops-Sidebar .mlops-Trouble").is_visible()
        browser.close()
    assert errors == []


def write_run(home: Path, name: str) -> None:
    """A run from elsewhere, in her store."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MLOPS_NB_", "JPY_"))}
    env |= {"PYTHONPATH": str(ROOT), "MLOPS_NB_STORE": str(home / ".mlops_nb")}
    code = f"import mlops_nb\nwith mlops_nb.start_run(run_name={name!r}): mlops_nb.log_metric('accuracy', 0.5)"
    subprocess.run([sys.executable, "-c", code], cwd=home, env=env, check=True)
