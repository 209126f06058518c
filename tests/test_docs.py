"""What the documents say is done as they say it: every block of a document, in order, in a copy of the checkout.

A fenced ``bash`` block runs as a script (stopping at the first failure), a ``python`` block as a notebook cell, so that
magics may stand in it. Blocks marked with a further word are not for every run: ``bash install`` downloads (nightly),
``bash by-hand`` needs a person or hours. Any other language (``text``, ``console``) is for reading.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import ROOT

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("**/*.md"))]
BLOCK = re.compile(r"^```(?P<kind>bash|python)(?P<mark> [a-z-]+)?\n(?P<source>.*?)^```", re.MULTILINE | re.DOTALL)

RUNNER = """
import json, subprocess, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for place, kind, source in json.loads(sys.stdin.read()):
    print("==", place, flush=True)
    if kind == "bash":
        subprocess.run(["bash", "-euo", "pipefail", "-c", source], check=True, stdin=subprocess.DEVNULL)
    elif not shell.run_cell(source, store_history=True).success:
        sys.exit(f"{place} failed")
"""


def blocks(document: Path, mark: str = "") -> list[tuple[str, str, str]]:
    """(place, language, source) of each block of the document that carries just this mark."""
    text = document.read_text(encoding="utf-8")
    return [
        (f"{document.name}:{text[: match.start()].count(chr(10)) + 1}", match["kind"], match["source"])
        for match in BLOCK.finditer(text)
        if (match["mark"] or "").strip() == mark
    ]


def run_blocks(found: list[tuple[str, str, str]], folder: Path, environment: dict[str, str]) -> None:
    """Run the blocks in order in one session; fail with all that they printed."""
    done = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input=json.dumps(found),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what one gets by cloning: no environment, no caches, no store."""
    ignored = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "tests", "build", "dist", "*.egg-info")
    return shutil.copytree(ROOT, tmp_path / "mlops_nb", ignore=ignored)


@pytest.fixture
def environment() -> dict[str, str]:
    """As in a terminal with the project's environment active, and no setting of ours."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_NB_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), ours["PATH"]])
    return ours | {"PATH": path, "MPLBACKEND": "agg", "COLUMNS": "120"}


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if blocks(d)], ids=lambda path: path.name)
def test_the_documents_do_what_they_say(document: Path, checkout: Path, environment: dict[str, str]) -> None:
    run_blocks(blocks(document), checkout, environment)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("document", [d for d in DOCUMENTS if blocks(d, "install")], ids=lambda path: path.name)
def test_a_new_clone_installs_as_the_documents_say(document: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(tmp_path / "clone")], check=True)
    run_blocks(blocks(document, "install"), tmp_path / "clone", environment)


def test_every_mark_is_known() -> None:
    marks = {
        (match["mark"] or "").strip() for document in DOCUMENTS for match in BLOCK.finditer(document.read_text("utf-8"))
    }
    assert marks <= {"", "install", "by-hand"}, marks
