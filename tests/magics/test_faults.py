"""No fault of ours costs the user a cell: its result is untouched, and one warning line says what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kernels import Kernel, Reply, running_kernel

ROOT = Path(__file__).resolve().parents[2]
CELL = (
    "%%track -n {name}\nimport mlops_nb\nvalue = 0\nfor i in range(5):\n    value += i\n"
    "    mlops_nb.log_metric('loss', 1.0, step=i)\nvalue"
)


def listed(store: Path, *words: str) -> Any:
    """``mlops-nb runs --json`` in a process of its own."""
    environment = {**os.environ, "MLOPS_NB_STORE": str(store), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "mlops_nb.cli", *(words or ("runs",)), "--json"],
        env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def is_untouched(reply: Reply) -> None:
    assert reply.status == "ok", reply.text
    assert reply.result == "10"
    assert "Traceback" not in reply.text


def warnings_of(reply: Reply) -> list[str]:
    return [line for line in reply.stream("stderr").splitlines() if line.startswith("mlops_nb:")]


def test_a_store_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with running_kernel(tmp_path, MLOPS_NB_STORE=str(tmp_path / "file" / "store")) as kernel:
        assert kernel.run("%load_ext mlops_nb").status == "ok"
        reply = kernel.run(CELL.format(name="a"))
        is_untouched(reply)
        said = warnings_of(reply)
        assert len(said) == 1 and "cannot be made" in said[0] and "MLOPS_NB_STORE" in said[0], reply.text
        assert reply.card["outputs_kept"] is None and "nothing of this run is kept" in reply.card["notes"][0]


def test_a_full_disk(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:
        kernel.run("%load_ext mlops_nb")
        is_untouched(kernel.run(CELL.format(name="before")))
        kernel.run("import mlops_nb.workspace as w; w.current().flush()")
        kernel.run(
            "import resource, signal\n_ = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))"
        )
        reply = kernel.run(CELL.format(name="full"))
        is_untouched(reply)
        said = warnings_of(reply)
        assert len(said) == 1 and "cannot be" in said[0], reply.text
        kernel.run("resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)")
        is_untouched(kernel.run(CELL.format(name="after")))
    names = {run["name"]: run for run in listed(tmp_path / ".mlops_nb")}
    assert names["before"]["status"] == names["after"]["status"] == "FINISHED"
    assert names["after"]["metrics"] == {"loss": 1.0, "value": 10.0}
    assert not list((tmp_path / ".mlops_nb").rglob("*.tmp"))


def test_a_store_that_is_deleted_while_the_kernel_runs(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:
        kernel.run("%load_ext mlops_nb")
        is_untouched(kernel.run(CELL.format(name="lost")))
        kernel.run("import mlops_nb.workspace as w; w.current().flush()")
        shutil.rmtree(tmp_path / ".mlops_nb")
        for name in ("one", "two"):
            is_untouched(kernel.run(CELL.format(name=name)))
        kernel.run("w.current().flush()")
    names = {run["name"]: run for run in listed(tmp_path / ".mlops_nb")}
    assert {"one", "two"} <= set(names)
    assert names["one"]["metrics"]["loss"] == 1.0 and names["one"]["status"] == "FINISHED"


def test_a_corrupt_database(tmp_path: Path) -> None:
    store = tmp_path / ".mlops_nb"
    store.mkdir()
    (store / "store.db").write_bytes(b"this is not a database at all" * 1000)
    with running_kernel(tmp_path) as kernel:
        kernel.run("%load_ext mlops_nb")
        reply = kernel.run(CELL.format(name="a"))
        is_untouched(reply)
        later = kernel.run("import mlops_nb.workspace as w\nprint(w.current().flush())")
        assert "False" in later.text
        said = warnings_of(reply) + warnings_of(later)
        assert len(said) == 1 and "store.db" in said[0], (reply.text, later.text)
        reading = kernel.run("%mlops runs")
        assert len(reading.text.strip().splitlines()) == 1 and "store.db" in reading.text
    assert list((store / "journal").glob("*.journal")), "what was logged waits for a store that can take it"
    (store / "store.db").unlink()
    run = listed(store)[0]
    assert run["name"] == "a" and run["metrics"]["loss"] == 1.0 and run["status"] == "FINISHED"


def test_a_broken_capture_is_one_line(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:
        kernel.run("%load_ext mlops_nb")
        kernel.run(
            "import mlops_nb.magics.tracked as t\n"
            "def broken(*a, **k): raise RuntimeError('we are broken')\nt.metrics_after = broken"
        )
        reply = kernel.run(CELL.format(name="a"))
        is_untouched(reply)
        assert len(warnings_of(reply)) == 1 and "we are broken" in warnings_of(reply)[0]
        kernel.run("import mlops_nb.workspace as w; w.current().flush()")
    assert listed(tmp_path / ".mlops_nb")[0]["status"] == "FINISHED"


def test_disabled(tmp_path: Path) -> None:
    with running_kernel(tmp_path, MLOPS_NB_DISABLE="1") as kernel:
        assert kernel.run("%load_ext mlops_nb").status == "ok"
        reply = kernel.run("%%track -n off\n20 + 1")
        assert reply.result == "21" and not reply.cards
        by_hand = kernel.run(
            "import mlops_nb\nmlops_nb.set_experiment('e')\nmlops_nb.log_metric('m', 1)\n"
            "with mlops_nb.start_run(nested=True):\n    mlops_nb.log_param('p', 2)\n    mlops_nb.log_text('x', 'x.txt')"
        )
        assert by_hand.status == "ok" and not by_hand.text
    assert not (tmp_path / ".mlops_nb").exists()


def test_eight_processes_write_at_once(tmp_path: Path) -> None:
    script = (
        "import sys, mlops_nb\nmlops_nb.connect(sys.argv[1])\n"
        "for r in range(5):\n    with mlops_nb.start_run(run_name=f'{sys.argv[2]}-{r}'):\n"
        "        for i in range(200): mlops_nb.log_metric('x', float(i), step=i)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "s"), str(n)],
            env=environment, stderr=subprocess.PIPE, text=True,
        )
        for n in range(8)
    ]  # fmt: skip
    for process in processes:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0 and errors == "", errors
    runs = listed(tmp_path / "s", "runs", "--limit", "100")
    assert len(runs) == 40
    assert {run["status"] for run in runs} == {"FINISHED"}
    assert {run["metrics"]["x"] for run in runs} == {199.0}


@pytest.mark.parametrize("source", ["x = '\\ud800'", "x = 'a\\x00b'", "print('🎈' * 1000)", "π = 3.5\ny = π * 2"])
def test_odd_text(shared: Kernel, source: str) -> None:
    reply = shared.run(f"%%track\n{source}")
    assert reply.status == "ok" and reply.card["status"] == "FINISHED", reply.text
    assert not warnings_of(reply)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A kernel for cells that do no harm to it."""
    with running_kernel(tmp_path_factory.mktemp("odd")) as kernel:
        kernel.run("%load_ext mlops_nb")
        yield kernel


def test_hostile_objects_are_left_alone(shared: Kernel) -> None:
    shared.run(
        "calls = []\nclass Hostile:\n"
        "    def __getattr__(self, name):\n        calls.append(name); raise RuntimeError('getattr ' + name)\n"
        "    def __eq__(self, other): calls.append('eq'); raise RuntimeError('eq')\n"
        "    def __hash__(self): calls.append('hash'); raise RuntimeError('hash')\n"
        "    def __repr__(self): calls.append('repr'); raise RuntimeError('repr')\n"
        "    def __bool__(self): calls.append('bool'); raise RuntimeError('bool')\n"
        "    def __reduce__(self): calls.append('reduce'); raise RuntimeError('reduce')\n"
        "    @property\n    def value(self): calls.append('value'); raise RuntimeError('value')\n"
        "hostile = Hostile()\ncalls.clear()"
    )
    reply = shared.run("%%track\nother = hostile\nboth = [hostile, other]\nn = len(both)")
    assert reply.status == "ok" and reply.card["metrics"] == {"n": 2.0}
    assert shared.run("print(calls)").text.strip() == "[]"


def test_a_cell_that_deletes_the_folder_it_is_in_ends_as_it_did(kernel: Kernel, command: Callable[..., Any]) -> None:
    kernel.run("import os, tempfile; home = os.getcwd(); os.chdir(tempfile.mkdtemp())")
    try:
        kept = kernel.run("%%track -n gone\nos.rmdir(os.getcwd())\nx = len('abc') / 2")
        failed = kernel.run("%%track -n stopped\nraise KeyboardInterrupt")
    finally:
        kernel.run("os.chdir(home)")
    assert kept.status == "ok" and failed.status == "error"
    runs = {run["name"]: run for run in command("runs")}
    assert runs["gone"]["status"] == "FINISHED" and runs["gone"]["metrics"] == {"x": 1.5}
    assert runs["stopped"]["status"] == "KILLED"
    assert command("show", "gone")["environment"]["python"]
