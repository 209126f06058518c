"""The build: puts JupyterLab's front end and the server extension's switch where Jupyter finds them.

The front end's bundle is committed, stamped with the digest of its sources, so that a checkout needs no Node. Where
it is missing or older than its sources, and npm is there, it is built; else the package is installed without it, and
`mlops-nb lab` says so. With MLOPS_NB_RELEASE=1 a missing or stale bundle is an error.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLE = "mlops_nb/labextension"
STAMP = "sources.sha256"
SINGLE = ("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "webpack.config.js")
FOLDERS = ("src", "style", "schema", "scripts")
SHARED = {
    BUNDLE: "share/jupyter/labextensions/mlops-nb",
    "install.json": "share/jupyter/labextensions/mlops-nb/install.json",
    "jupyter-config/mlops_nb.json": "etc/jupyter/jupyter_server_config.d/mlops_nb.json",
}
BUILDER = "jupyter-builder==1.3.0"


def digest_sources(sources: Path) -> str:
    """The digest of what the bundle is made of: paths and bytes, tests left out."""
    files = [sources / name for name in SINGLE if (sources / name).is_file()]
    files += [path for folder in FOLDERS for path in (sources / folder).rglob("*") if path.is_file()]
    named = {path.relative_to(sources).as_posix(): path for path in files}
    digest = hashlib.sha256()
    for name in sorted(named, key=str.encode):
        if name.endswith((".test.ts", ".test.tsx")):
            continue
        data = named[name].read_bytes()
        digest.update(b"\0".join((name.encode(), str(len(data)).encode(), data)))
    return digest.hexdigest()


def state_of(root: Path) -> str:
    """``built``, ``stale`` or ``missing``; a source distribution has the bundle, and no sources to compare it with."""
    bundle, sources = root / BUNDLE, root / "labextension"
    if not (bundle / "package.json").is_file() or not (bundle / "static").is_dir():
        return "missing"
    if not (sources / "package.json").is_file():
        return "built"
    stamp = bundle / STAMP
    held = stamp.read_text(encoding="ascii").strip() if stamp.is_file() else ""
    return "built" if held == digest_sources(sources) else "stale"


class FrontEnd(BuildHookInterface):
    """hatchling's hook."""

    def dependencies(self) -> list[str]:
        """jupyter-builder, only where there is something to build."""
        return [BUILDER] if self._must_build() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what has to be built, and name the files that go beside the package."""
        root = Path(self.root)
        if self._must_build():
            self._build(root / "labextension")
        state = state_of(root)
        if state != "built":
            if os.environ.get("MLOPS_NB_RELEASE", "") not in ("", "0"):
                raise RuntimeError(
                    f"The front end in {BUNDLE} is {state}: a release needs it. "
                    "Build it with: cd labextension && npm ci && npm run build:prod"
                )
            self.app.display_warning(f"mlops_nb: the JupyterLab front end is {state}; see: mlops-nb lab --check")
        if self.target_name == "wheel":
            shared = build_data.setdefault("shared_data", {})
            shared.update({source: target for source, target in SHARED.items() if (root / source).exists()})

    def _must_build(self) -> bool:
        root = Path(self.root)
        has_tools = shutil.which("npm") is not None and (root / "labextension" / "package-lock.json").is_file()
        return has_tools and state_of(root) != "built" and os.environ.get("MLOPS_NB_NO_NODE", "") in ("", "0")

    def _build(self, folder: Path) -> None:
        beside = str(Path(sys.executable).parent)  # where pip has put jupyter-builder
        environment = {**os.environ, "PATH": beside + os.pathsep + os.environ.get("PATH", "")}
        for words in (["npm", "ci"], ["npm", "run", "build:prod"]):
            done = subprocess.run(words, cwd=folder, env=environment, check=False)
            if done.returncode:
                self.app.display_warning(f"mlops_nb: {' '.join(words)} failed; the front end is not built anew")
                return
