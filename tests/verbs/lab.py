"""A folder with a kernel whose cells are tracked, and the command line on its store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.kernels import Kernel, running_kernel

ROOT = Path(__file__).resolve().parents[2]


class Lab:
    """A folder with a kernel whose cells are tracked, and the command line on its store."""

    def __init__(self, folder: Path, kernel: Kernel, variables: dict[str, str]) -> None:
        self.folder = folder
        self.kernel = kernel
        self.variables = variables

    def run(self, source: str, cell_id: str | None = None) -> None:
        reply = self.kernel.run(source, cell_id)
        assert reply.status == "ok", reply.text

    def settle(self) -> None:
        """Wait until the kernel has delivered all that it recorded: journals that are delivered are taken away."""
        deadline = time.monotonic() + 60
        while list((self.folder / ".mlops_nb" / "journal").glob("*.journal")) and time.monotonic() < deadline:
            time.sleep(0.05)

    def command(self, *words: str, seconds: float = 240, **variables: str) -> tuple[int, Any]:
        self.settle()
        environment = {
            **os.environ,
            "MLOPS_NB_STORE": str(self.folder / ".mlops_nb"),
            "PYTHONPATH": str(ROOT),
            **self.variables,
            **variables,
        }
        done = subprocess.run(
            [sys.executable, "-m", "mlops_nb.cli", *words],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=seconds,
        )  # fmt: skip
        assert "Traceback" not in done.stderr and (done.stdout or "--json" not in words), done.stderr
        return done.returncode, json.loads(done.stdout) if "--json" in words else done.stdout + done.stderr


@contextmanager
def running_lab(folder: Path, **variables: str) -> Iterator[Lab]:
    """A lab that lasts as long as the block; the variables are those of the kernel and of the command line."""
    with running_kernel(folder, **variables) as kernel:
        assert kernel.run("%load_ext mlops_nb").status == "ok"
        yield Lab(folder, kernel, variables)
