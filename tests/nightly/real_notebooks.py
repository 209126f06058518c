"""Real notebooks that we did not write: fetched from source distributions, run, and their slices proved.

``python -m tests.nightly.real_notebooks [NAME...]`` measures them and prints the table that stands in the documents.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.kernels import Kernel, running_kernel

ROOT = Path(__file__).resolve().parents[2]
CELL_SECONDS = 600
SINGLE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}


@dataclass(frozen=True, slots=True)
class Distribution:
    """A source distribution that ships notebooks; `install`: what the notebooks need beside our own test packages."""

    name: str
    version: str
    licence: str
    folder: str
    sha256: str
    preload: tuple[str, ...]
    install: bool = False


@dataclass(frozen=True, slots=True)
class RealNotebook:
    """A notebook of a distribution."""

    name: str
    source: Distribution


STATSMODELS = Distribution(
    "statsmodels", "0.15.0", "BSD-3-Clause", "examples/notebooks",
    "5d257fe58d0772bc46a557880ca78e2a8e07fec7bfd9d11074aef8e33e1aecbc",
    ("statsmodels.api", "statsmodels.formula.api", "matplotlib.pyplot"),
)  # fmt: skip
CONTROL = Distribution(
    "control", "0.10.2", "BSD-3-Clause", "examples",
    "d0cf63f6cfb68a4c8e827c26c3744d129e9777fedc9a5d86ca4740548f23a98b",
    ("control", "matplotlib.pyplot"), install=True,
)  # fmt: skip

NOTEBOOKS = [
    *(
        RealNotebook(name, STATSMODELS)
        for name in (
            "ols", "wls", "gls", "glm", "predict", "robust_models_0", "quantile_regression", "lowess", "kernel_density",
            "discrete_choice_overview", "copula", "tsa_dates",
        )
    ),
    *(RealNotebook(name, CONTROL) for name in ("stochresp", "interconnect_tutorial", "cds112-L6_stochastic-linsys")),
]  # fmt: skip


@dataclass(slots=True)
class Proof:
    """What was found for one notebook."""

    name: str
    cells: int = 0
    failed_cells: int = 0
    metrics: int = 0
    unsound: list[str] = field(default_factory=list)
    kept: list[float] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    start_seconds: float = 0.0
    plain_seconds: float = 0.0
    tracked_seconds: float = 0.0

    @property
    def share_kept(self) -> float:
        """The mean share of the earlier cells that a slice keeps."""
        return sum(self.kept) / max(1, len(self.kept))

    @property
    def allowed(self) -> float:
        """Seconds of processor time that following and tracking may take: 10 %, or 20 ms a cell."""
        return max(0.1 * self.plain_seconds, 0.02 * self.cells)

    @property
    def overhead(self) -> float:
        """Seconds of processor time that following and tracking took."""
        return self.tracked_seconds - self.plain_seconds


def fetch(source: Distribution, folder: Path) -> Path:
    """Unpack a source distribution and give its folder of notebooks: uv finds it, its digest is checked."""
    target = folder / f"{source.name}-{source.version}"
    if not target.exists():
        wanted = f"{source.name}=={source.version}"
        lock = tomllib.loads(
            _uv("pip", "compile", "--quiet", "--no-deps", "--format", "pylock.toml", "-", given=wanted)
        )
        (package,) = lock["packages"]
        with urllib.request.urlopen(package["sdist"]["url"], timeout=300) as answer:
            content = answer.read()
        assert hashlib.sha256(content).hexdigest() == source.sha256, f"{wanted} is not what it was"
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(folder, filter="data")
        if source.install:
            _uv("pip", "install", "--quiet", "--no-deps", "--target", str(folder / "site"), wanted)
    return target / source.folder


def _uv(*words: str, given: str = "") -> str:
    from mlops_nb.projects.sites import find_uv

    command = [find_uv(), *words]
    return subprocess.run(command, input=given, check=True, stdout=subprocess.PIPE, text=True, timeout=600).stdout


def cells_of(path: Path) -> list[str]:
    """The sources of a notebook's code cells."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return [source for source in sources if source.strip()]


def prove(notebook: RealNotebook, downloads: Path, work: Path, *, reproduce: int = 1) -> Proof:
    """Run a notebook without and with mlops_nb, each cell tracked, and each cell's slice alone."""
    cells = cells_of(fetch(notebook.source, downloads) / f"{notebook.name}.ipynb")
    variables = {**SINGLE_THREAD, "PYTHONPATH": os.pathsep.join([str(ROOT), str(downloads / "site")])}
    proof = Proof(notebook.name, len(cells))
    with tempfile.TemporaryDirectory(dir=work) as folder, running_kernel(Path(folder), **variables) as kernel:
        proof.plain_seconds, _ = _run_cells(kernel, cells)
    place = work / notebook.name
    place.mkdir()
    with running_kernel(place, **variables) as kernel:
        assert kernel.run("%load_ext mlops_nb").status == "ok"
        proof.start_seconds, _ = _run_cells(kernel, ["%%track\nwarm = 1"], place / ".mlops_nb" / "journal")
        assert kernel.run("%track auto").status == "ok"
        proof.tracked_seconds, proof.failed_cells = _run_cells(kernel, cells, place / ".mlops_nb" / "journal")
    runs = _tracked(place, variables)[1:]
    assert len(runs) == len(cells), f"{len(runs)} of {len(cells)} cells of {notebook.name} are runs"
    with _replayer(notebook.source.preload, variables) as ask:
        for number, run in enumerate(runs):
            _compare(number, run, ask(run["parts"]), proof)
    chosen = [run["run_id"] for run in runs if run["metrics"]][-reproduce:] or [runs[-1]["run_id"]]
    for run_id in chosen[:reproduce]:
        proof.verdicts.append(_reproduce(run_id, place, variables))
    return proof


def _run_cells(kernel: Kernel, cells: list[str], journal: Path | None = None) -> tuple[float, int]:
    """Processor seconds of the kernel for all cells, what it does in the background included; cells that failed."""
    process = psutil.Process(kernel.pid)
    before = process.cpu_times()
    failed = 0
    for number, source in enumerate(cells):
        failed += kernel.run(source, f"cell-{number}", timeout=CELL_SECONDS).status != "ok"
    deadline = time.monotonic() + 60
    while journal is not None and list(journal.glob("*.journal")) and time.monotonic() < deadline:
        time.sleep(0.1)
    after = process.cpu_times()
    return after.user + after.system - before.user - before.system, failed


READER = """
import json
from mlops_nb import workspace
from mlops_nb.capture.randomness import pin_source
from mlops_nb.projects.slices import parts_of
from mlops_nb.tracking.reading import load_view
space = workspace.current()
found = []
for run in sorted(space.store.search_runs(None, "", limit=1000).items, key=lambda run: run.run_id):
    view = load_view(run.run_id, space)
    parts = [[part.source, pin_source(part.state, list(part.entropy)) if part.state or part.entropy else "",
              part.execution_count] for part in parts_of(view)]
    shown = "".join(o.get("text", "") if o["output_type"] == "stream" and o["name"] == "stdout"
                    else o.get("data", {}).get("text/plain", "") for o in view.facts["outputs"])
    metrics = {key: repr(value) for key, value in view.run.metrics.items()}
    found.append({"run_id": run.run_id, "parts": parts, "metrics": metrics, "shown": shown,
                  "status": run.status.value, "total": view.facts["slice_info"]["total"]})
print(json.dumps(found))
"""


def _tracked(place: Path, variables: dict[str, str]) -> list[dict[str, Any]]:
    """The notebook's runs in order: their slices with random state, metrics, and what they showed."""
    environment = {**os.environ, **variables, "MLOPS_NB_STORE": str(place / ".mlops_nb")}
    done = subprocess.run(
        [sys.executable, "-c", READER], cwd=place, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@contextmanager
def _replayer(preload: tuple[str, ...], variables: dict[str, str]) -> Iterator[Any]:
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("replaying.py")), *preload],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **variables},
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None

    def ask(parts: list[Any]) -> dict[str, Any]:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(parts) + "\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer

    try:
        yield ask
    finally:
        process.communicate()


def _compare(number: int, run: dict[str, Any], answer: dict[str, Any], proof: Proof) -> None:
    """A slice is sound if it ends as the cell ended, with the same metrics and the same text, addresses masked."""
    from mlops_nb.comparison.masks import mask_text

    proof.metrics += len(run["metrics"])
    if number:
        proof.kept.append((len(run["parts"]) - 1) / number)  # the first cell has none before it
    wrong = []
    if bool(answer["error"]) != (run["status"] != "FINISHED"):
        wrong.append(f"ended with {answer['error'] or 'no error'}")
    if answer.get("metrics") != run["metrics"] and run["status"] == "FINISHED":
        wrong.append(f"gave {answer.get('metrics')} for {run['metrics']}")
    shown = [
        "".join(re.sub(r"(?m)^Out\[\d+\]: ?", "", mask_text(text)).split())
        for text in (answer.get("shown", ""), run["shown"])
    ]
    if run["status"] == "FINISHED" and shown[0] != shown[1]:
        wrong.append(f"showed {shown[0][:300]!r} for {shown[1][:300]!r}")
    proof.unsound += [f"cell {number} ({run['parts'][-1][0][:60]!r}) {each}" for each in wrong]


def _plain(text: str) -> str:
    """Without what a shell and a kernel do differently: the mark of a result, and white space around outputs."""
    return "".join(re.sub(r"(?m)^Out\[\d+\]: ?", "", text).split())


def _reproduce(run_id: str, place: Path, variables: dict[str, str]) -> dict[str, Any]:
    environment = {**os.environ, **variables, "MLOPS_NB_STORE": str(place / ".mlops_nb")}
    done = subprocess.run(
        [sys.executable, "-m", "mlops_nb.cli", "reproduce", run_id, "--json"],
        cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=CELL_SECONDS,
    )  # fmt: skip
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


def as_row(proof: Proof) -> str:
    """One line of the table."""
    sound = proof.cells - len({each.split(" (")[0] for each in proof.unsound})
    verdicts = ", ".join(" ".join([each["verdict"], *each["causes"]]) for each in proof.verdicts)
    cost = f"{proof.plain_seconds:.1f} s | {proof.start_seconds:.1f} s | {1000 * proof.overhead / proof.cells:.0f} ms"
    return (
        f"| {proof.name} | {sound} of {proof.cells} | {proof.metrics} | {proof.share_kept:.2f} | {verdicts} | {cost} |"
    )


def main() -> None:
    """Measure, and print a line for each notebook."""
    wanted = sys.argv[1:]
    downloads = Path(os.environ.get("REAL_NOTEBOOKS", "") or tempfile.mkdtemp())
    with tempfile.TemporaryDirectory() as work:
        for notebook in NOTEBOOKS:
            if not wanted or notebook.name in wanted:
                proof = prove(notebook, downloads, Path(work))
                print(as_row(proof), *proof.unsound, sep="\n", flush=True)  # noqa: T201
                for verdict in proof.verdicts:
                    if verdict["verdict"] != "identical":
                        print(json.dumps(verdict)[:3000], flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
