"""The build hook: what is stale, what is missing, and what a release refuses."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.house import ROOT


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    pytest.importorskip("hatchling")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path, hook: ModuleType) -> Path:
    """A checkout whose bundle is of its sources."""
    sources, bundle = tmp_path / "labextension", tmp_path / "mlops_nb" / "labextension"
    (sources / "src").mkdir(parents=True)
    (bundle / "static").mkdir(parents=True)
    (sources / "package.json").write_text("{}")
    (sources / "src" / "index.ts").write_text("export default 1;")
    (bundle / "package.json").write_text('{"version": "0.1.0"}')
    (bundle / "sources.sha256").write_text(hook.digest_sources(sources) + "\n")
    return tmp_path


def test_a_changed_source_makes_the_bundle_stale(hook: ModuleType, checkout: Path) -> None:
    assert hook.state_of(checkout) == "built"
    (checkout / "labextension" / "src" / "index.test.ts").write_text("a test is no source")
    assert hook.state_of(checkout) == "built"
    (checkout / "labextension" / "src" / "index.ts").write_text("export default 2;")
    assert hook.state_of(checkout) == "stale"
    (checkout / "mlops_nb" / "labextension" / "package.json").unlink()
    assert hook.state_of(checkout) == "missing"


def test_a_source_distribution_has_nothing_to_compare_with(hook: ModuleType, checkout: Path) -> None:
    (checkout / "labextension" / "package.json").unlink()
    assert hook.state_of(checkout) == "built"


def test_a_release_refuses_what_is_not_built(hook: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class App:
        said: list[str] = []

        def display_warning(self, text: str) -> None:
            self.said.append(text)

    def build() -> dict[str, Any]:
        data: dict[str, Any] = {}
        made = hook.FrontEnd(str(checkout), {}, None, None, str(checkout), "wheel", app=App())
        made.initialize("standard", data)
        return data

    monkeypatch.setenv("MLOPS_NB_NO_NODE", "1")
    monkeypatch.setenv("MLOPS_NB_RELEASE", "1")
    assert build()["shared_data"] == {hook.BUNDLE: "share/jupyter/labextensions/mlops-nb"}
    (checkout / "labextension" / "src" / "index.ts").write_text("export default 2;")
    with pytest.raises(RuntimeError, match="stale: a release needs it"):
        build()
    monkeypatch.delenv("MLOPS_NB_RELEASE")
    build()
    assert "stale" in App.said[-1]


def test_the_committed_bundle_is_of_the_committed_sources(hook: ModuleType) -> None:
    if not (ROOT / "labextension" / "package.json").is_file():
        pytest.skip("this checkout has no front end yet")
    assert hook.state_of(ROOT) == "built", "build it with: cd labextension && npm ci && npm run build:prod"


@pytest.mark.nightly
def test_the_wheel_puts_everything_where_jupyter_looks(tmp_path: Path) -> None:
    subprocess.run(
        ["uv", "build", "--wheel", "--python", sys.executable, "--out-dir", str(tmp_path), str(ROOT)],
        check=True, env={**os.environ, "MLOPS_NB_NO_NODE": "1"},
    )  # fmt: skip
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    data = [name.partition(".data/data/")[2] for name in names if ".data/data/" in name]
    assert "etc/jupyter/jupyter_server_config.d/mlops_nb.json" in data
    assert "share/jupyter/labextensions/mlops-nb/install.json" in data
    assert "share/jupyter/labextensions/mlops-nb/package.json" in data
    assert any(name.startswith("mlops_nb/lab/settings/labconfig/") for name in names)
    assert not any(name.startswith("mlops_nb/labextension/") for name in names)
