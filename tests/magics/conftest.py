"""One kernel a module: starting it costs a second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernels import Kernel, running_kernel


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the module's kernel works."""
    return tmp_path_factory.mktemp("kernel")


@pytest.fixture(scope="module")
def kernel(folder: Path) -> Iterator[Kernel]:
    """A kernel with mlops_nb loaded."""
    with running_kernel(folder) as running:
        reply = running.run("%load_ext mlops_nb")
        assert reply.status == "ok", reply.text
        yield running


@pytest.fixture
def command(folder: Path) -> Callable[..., Any]:
    """The command line on the kernel's store, in a process of its own; gives what ``--json`` prints."""

    def call(*words: str) -> Any:
        environment = {**os.environ, "MLOPS_NB_STORE": str(folder / ".mlops_nb")}
        environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
        done = subprocess.run(
            [sys.executable, "-m", "mlops_nb.cli", *words, "--json"],
            cwd=folder, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call
