"""Notebooks executed in real kernels: what is told live, what is kept, and how it ends."""

from __future__ import annotations

import asyncio
import errno
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from mlops_nb.entities import Status
from mlops_nb.errors import InvalidInput, InvalidState
from mlops_nb.projects import client, saving
from mlops_nb.projects.events import Interruption, NotebookFailed, NotebookInterrupted
from mlops_nb.projects.execution import (
    Outcome,
    check_output,
    execute,
    find_kernel,
    inject,
    load_notebook,
    prepare,
)
from tests.house import ROOT
from tests.projects.notebooks import Record, book, kernels, text_of

VALUES = {"text": "it's \"q\"\n__import__('os')", "number": -math.inf, "nested": {1: [None, True, {"a": "\ud800"}]}}

GOOD = [
    "text = number = nested = None",
    "import json, math; print(ascii(text), number, ascii(nested))",
    "get_ipython().events.register('pre_run_cell', lambda info: print('id', info.cell_id))",
    "import os; print(os.getcwd(), os.environ['GIVEN'])",
    "from IPython.display import display, HTML\nh = display(HTML('one'), display_id=True); h.update(HTML('two'))",
    "for i in range(3): print(f'\\r{i} of 3', end='', flush=True)\nprint()\nimport sys; print('err', file=sys.stderr)",
    "   ",
    "1 / 0",
    "raise SystemExit",
]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Record, Path]:
    """A notebook that shows most of what can be seen, executed once."""
    folder = tmp_path_factory.mktemp("good")
    notebook = book(*GOOD, tags={0: ["parameters"], 7: ["raises-exception"]})
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell("# Title"))
    inject(notebook, VALUES)
    record = Record()
    outcome = execute(notebook, folder / "out.ipynb", cwd=folder, env={"GIVEN": "value"}, listener=record)
    return outcome, record, folder


def test_a_notebook_runs_to_its_end(good: tuple[Outcome, Record, Path]) -> None:
    outcome, record, folder = good
    assert outcome.status is Status.FINISHED
    assert outcome.failure is None
    assert record.events[0] == ("start", 9)
    assert record.events[-1] == ("end", Status.FINISHED)
    saved = nbformat.read(folder / "out.ipynb", 4)
    assert saved.cells[-1].metadata.papermill.status == "completed"
    assert saved.metadata.papermill.exception is None
    assert saved.metadata.language_info.name == "python"
    outcome.raise_for_failure("it")


def test_the_kernel_gets_exactly_the_values(good: tuple[Outcome, Record, Path]) -> None:
    printed = f"{VALUES['text']!a} -inf {VALUES['nested']!a}\n"
    assert text_of(good[0].notebook.cells[3]) == printed


def test_the_kernel_knows_the_ids_of_cells(good: tuple[Outcome, Record, Path]) -> None:
    assert text_of(good[0].notebook.cells[5]).startswith("id c3\n")


def test_the_kernel_gets_its_folder_and_environment(good: tuple[Outcome, Record, Path]) -> None:
    assert text_of(good[0].notebook.cells[5]).endswith(f"{good[2].resolve()} value\n")


def test_outputs_are_told_as_they_come(good: tuple[Outcome, Record, Path]) -> None:
    told = [event for event in good[1].events if event[1] == 6]
    assert [event[0] for event in told] == ["cell", "output", "output", "output", "done"]
    assert [event[2] for event in told[2:4]] == ["display_data", "update_display_data"]
    assert "two" in told[3][3]


def test_a_line_drawn_over_is_kept_as_it_ended(good: tuple[Outcome, Record, Path]) -> None:
    outputs = good[0].notebook.cells[7].outputs
    assert [(out.name, out.text) for out in outputs if out.name == "stderr"] == [("stderr", "err\n")]
    assert "".join(out.text for out in outputs if out.name == "stdout") == "id c5\n2 of 3\n"


def test_an_update_stands_in_the_saved_notebook(good: tuple[Outcome, Record, Path]) -> None:
    assert [out.data["text/html"] for out in good[0].notebook.cells[6].outputs if "data" in out] == ["two"]


def test_an_error_that_the_cell_may_raise_is_no_failure(good: tuple[Outcome, Record, Path]) -> None:
    assert good[0].notebook.cells[9].outputs[-1].ename == "ZeroDivisionError"


def test_a_failing_notebook_is_saved_and_the_cell_is_named(tmp_path: Path) -> None:
    notebook = book("x = 1", "# divide\nprint('before')\nx / 0", "print('never')")
    record = Record()
    outcome = execute(notebook, tmp_path / "out.ipynb", listener=record)
    assert outcome.status is Status.FAILED
    with pytest.raises(NotebookFailed) as raised:
        outcome.raise_for_failure("train.ipynb")
    assert str(raised.value) == (
        "train.ipynb failed in cell 2 (In [2]: print('before')): ZeroDivisionError: division by zero."
    )
    failure = raised.value.failure
    assert (failure.cell_index, failure.cell_id, failure.execution_count) == (1, "c1", 2)
    assert "ZeroDivisionError" in "".join(failure.traceback)
    saved = nbformat.read(tmp_path / "out.ipynb", 4)
    assert text_of(saved.cells[1]) == "before\n"
    assert saved.cells[2].outputs == []
    assert saved.metadata.papermill.exception is True
    assert [cell.metadata.papermill.status for cell in saved.cells] == ["completed", "failed", "pending"]
    assert record.events[-1] == ("end", Status.FAILED)
    assert kernels() == []


def is_gone(pid: int) -> bool:
    """Whether the process ends within ten seconds; the system may take a moment to carry out a kill."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False


def test_a_kernel_that_dies_is_told_and_takes_its_children_along(tmp_path: Path) -> None:
    source = (
        "import os, signal, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('child', child.pid, flush=True)\n"
        "sys.stdout.flush()\nimport time; time.sleep(0.3)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    outcome = execute(book(source, "1"), tmp_path / "out.ipynb")
    assert outcome.status is Status.KILLED
    with pytest.raises(NotebookFailed, match=r"lost its kernel in cell 1 .* killed by SIGKILL"):
        outcome.raise_for_failure("nb.ipynb")
    saved = nbformat.read(tmp_path / "out.ipynb", 4)
    assert saved.cells[0].outputs[-1].ename == "DeadKernelError"
    assert saved.cells[0].metadata.papermill.status == "failed"
    child = int(saved.cells[0].outputs[0].text.split()[1])
    assert is_gone(child)


LOOP = "import time\nprint('begun', flush=True)\nwhile True: time.sleep(0.01)"


def test_a_request_interrupts_the_cell(tmp_path: Path) -> None:
    stop = Interruption()
    record = Record("begun", stop.request)
    outcome = execute(book(LOOP, "1"), tmp_path / "out.ipynb", listener=record, interruption=stop)
    assert outcome.status is Status.KILLED
    with pytest.raises(NotebookInterrupted, match=r"^nb\.ipynb was interrupted at cell 1 \(In \[1\]: import time\)\.$"):
        outcome.raise_for_failure("nb.ipynb")
    saved = nbformat.read(tmp_path / "out.ipynb", 4)
    assert saved.cells[0].outputs[-1].ename == "KeyboardInterrupt"
    assert kernels() == []


def test_a_cell_that_does_not_listen_is_killed_at_the_second_request() -> None:
    source = (
        "import signal, time\nsignal.signal(signal.SIGINT, lambda *_: print('again', flush=True))\n"
        "print('begun', flush=True)\nwhile True:\n    time.sleep(600)"
    )
    stop = Interruption()
    record = Record()

    def act() -> None:
        record.when = "again"
        stop.request()

    record.when, record.act = "begun", act
    outcome = execute(book(source), listener=record, interruption=stop)
    assert outcome.status is Status.KILLED
    assert outcome.failure is not None and outcome.failure.evalue == "the kernel did not react and was killed"
    assert kernels() == []


def test_a_cell_that_does_not_listen_is_killed_after_the_grace_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "GRACE_SECONDS", 0.2)
    stop = Interruption()
    source = (
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('begun', flush=True)\ntime.sleep(600)"
    )
    outcome = execute(book(source), listener=Record("begun", stop.request), interruption=stop)
    assert outcome.status is Status.KILLED
    assert kernels() == []


def test_insisting_while_the_kernel_ends_costs_a_finished_notebook_nothing() -> None:
    stop = Interruption()

    def insist() -> None:
        stop.request()
        stop.request()

    outcome = execute(book("1 + 1"), interruption=stop, after_cells=insist)
    assert (outcome.status, outcome.failure) == (Status.FINISHED, None)
    assert kernels() == []


def test_a_cell_that_swallows_the_interrupt_is_the_last_one() -> None:
    source = (
        "import time\ntry:\n    print('begun', flush=True)\n    time.sleep(600)\nexcept KeyboardInterrupt: print('ok')"
    )
    stop = Interruption()
    outcome = execute(book(source, "print('never')"), listener=Record("begun", stop.request), interruption=stop)
    assert outcome.status is Status.KILLED
    assert outcome.failure is not None and outcome.failure.cell_index == 1
    assert [text_of(cell) for cell in outcome.notebook.cells] == ["begun\nok\n", ""]


SCRIPT = """
import sys
from mlops_nb.projects.execution import execute, load_notebook
from mlops_nb.projects.events import Silence
class Print(Silence):
    def on_output(self, index, output):
        print(output.get("text", ""), flush=True)
print(execute(load_notebook("in.ipynb"), "out.ipynb", listener=Print()).status)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    nbformat.write(book("import os\nprint('kernel', os.getpid(), flush=True)", LOOP), tmp_path / "in.ipynb")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        kernel = 0
        for line in process.stdout:
            if line.startswith("kernel"):
                kernel = int(line.split()[1])
            if line.startswith("begun"):
                process.send_signal(number)
                break
        assert process.stdout.read().split()[-1] == "KILLED"
        assert process.wait() == 0
    assert kernel and is_gone(kernel)
    assert nbformat.read(tmp_path / "out.ipynb", 4).cells[1].outputs[-1].ename == "KeyboardInterrupt"


def test_asked_to_stop_before_it_begins_it_executes_nothing() -> None:
    stop = Interruption()
    stop.request()
    outcome = execute(book("print('never')"), interruption=stop)
    assert outcome.status is Status.KILLED
    assert outcome.notebook.cells[0].outputs == []


def test_a_time_limit_is_a_failure(tmp_path: Path) -> None:
    outcome = execute(book("import time; time.sleep(600)"), tmp_path / "out.ipynb", timeout=1)
    assert outcome.status is Status.FAILED
    assert outcome.failure is not None and outcome.failure.ename == "CellTimeoutError"
    assert kernels() == []


def test_a_cell_that_prints_too_much_is_cut_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "STREAM_LIMIT", 1000)
    outcome = execute(book("for i in range(100):\n    print('x' * 99, flush=True)", "'after'"))
    assert outcome.status is Status.FINISHED
    assert len(text_of(outcome.notebook.cells[0])) < 1200
    assert "the rest is left out" in text_of(outcome.notebook.cells[0])
    assert text_of(outcome.notebook.cells[1]) == "'after'"


class Faulty(Record):
    """A listener that raises at every output."""

    def on_output(self, index: int, output: Any) -> None:
        """Raise."""
        raise ValueError("mine")


def test_a_fault_of_a_listener_costs_nothing_but_a_warning() -> None:
    faulty = Faulty()
    with pytest.warns(UserWarning, match="Faulty stopped following the notebook: ValueError") as warned:
        outcome = execute(book("print(1)", "print(2)"), listener=faulty)
    assert len(warned) == 1
    assert outcome.status is Status.FINISHED
    assert faulty.events[-1] == ("cell", 0)


def test_it_works_inside_a_running_loop() -> None:
    async def inside() -> Outcome:
        return execute(book("1 + 1"))

    assert text_of(asyncio.run(inside()).notebook.cells[0]) == "2"


def test_a_kernel_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "kernels" / "broken"
    folder.mkdir(parents=True)
    specification = {"argv": [sys.executable, "-c", "pass"], "display_name": "Broken", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(specification), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    with pytest.raises(InvalidState, match="The kernel 'broken' did not start"):
        execute(book("1"), tmp_path / "out.ipynb", kernel="broken")


def test_a_kernel_of_elsewhere_is_stood_in_for() -> None:
    foreign = book("1", kernelspec={"name": "conda-env-x-py", "display_name": "x", "language": "python"})
    assert find_kernel(foreign) == (
        "python3", "The kernel 'conda-env-x-py' is not installed here: 'python3' executes the notebook instead."
    )  # fmt: skip
    with pytest.raises(InvalidInput, match="kernel 'ir' is not installed"):
        find_kernel(book("1", kernelspec={"name": "ir", "display_name": "R", "language": "R"}))
    with pytest.raises(InvalidInput, match="kernel 'other' is not installed"):
        find_kernel(book("1"), "other")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not a notebook"), (b"not json", "is not a notebook"), (b"[]", "is not a notebook"),
        (b'{"cells": 1, "nbformat": 4, "nbformat_minor": 4, "metadata": {}}', "is not a notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 4, "metadata": {}}', "is not a notebook"),
        (b"\xff\xfe", "not UTF-8"), (b'{"nbformat": 99, "cells": []}', "is not a notebook"),
    ],
)  # fmt: skip
def test_what_is_not_a_notebook_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "nb.ipynb"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=reason):
        load_notebook(path)


def test_a_notebook_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_notebook(tmp_path / "absent.ipynb")


def test_cells_without_ids_get_the_same_ones_each_time(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "source": ["1"], "metadata": {}, "outputs": [], "execution_count": None}
    old = {"cells": [cell, cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 2}
    (tmp_path / "old.ipynb").write_text(json.dumps(old), encoding="utf-8")
    assert [cell.id for cell in load_notebook(tmp_path / "old.ipynb").cells] == ["cell-1", "cell-2"]
    double = {"cells": [cell | {"id": "a"}, cell | {"id": "a"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "double.ipynb").write_text(json.dumps(double), encoding="utf-8")
    assert [cell.id for cell in load_notebook(tmp_path / "double.ipynb").cells] == ["a", "cell-2"]


def test_parameters_go_behind_their_cell_and_replace_older_ones() -> None:
    notebook = book("import os", "lr = 1", "lr", tags={1: ["parameters"]})
    inject(notebook, {"lr": 2})
    inject(notebook, {"lr": 3})
    assert [cell.source for cell in notebook.cells] == ["import os", "lr = 1", "# Parameters\nlr = 3", "lr"]
    inject(notebook, {})
    assert [cell.source for cell in notebook.cells] == ["import os", "lr = 1", "lr"]


def test_a_value_that_cannot_be_written_leaves_the_notebook_as_it_was() -> None:
    notebook = book("lr = 1", tags={0: ["parameters"]})
    inject(notebook, {"lr": 2})
    with pytest.raises(InvalidInput):
        inject(notebook, {"lr": object()})
    assert [cell.source for cell in notebook.cells] == ["lr = 1", "# Parameters\nlr = 2"]


def test_another_language_is_written_by_papermill() -> None:
    notebook = book(
        "lr <- 1", tags={0: ["parameters"]}, kernelspec={"name": "ir", "display_name": "R", "language": "R"}
    )
    inject(notebook, {"lr": 0.5, "name": 'a"b'})
    assert notebook.cells[1].source.split("\n")[1:3] == ["lr = 0.5", r'name = "a\"b"']


def test_a_language_that_papermill_cannot_write_is_told() -> None:
    with pytest.raises(InvalidInput, match="cannot be passed to a notebook in cobol"):
        inject(book("x", kernelspec={"name": "c", "display_name": "c", "language": "cobol"}), {"x": 1})


def test_marks_of_an_earlier_failure_go() -> None:
    notebook = book("1", "2", tags={0: ["papermill-error-cell-tag"]})
    prepare(notebook)
    assert [cell.source for cell in notebook.cells] == ["2"]


def test_where_nothing_can_be_saved_is_told_before(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is a folder"):
        check_output(tmp_path)
    with pytest.raises(InvalidInput, match="does not exist"):
        check_output(tmp_path / "absent" / "out.ipynb")
    assert check_output(tmp_path / "out.ipynb") == tmp_path / "out.ipynb"


def test_a_disk_that_cannot_be_written_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(notebook: Any, path: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(saving, "save_notebook", full)
    outcome = execute(book("a = 1", "print(a + 1)"), tmp_path / "out.ipynb")
    assert outcome.status is Status.FINISHED and outcome.notebook.cells[1].outputs[0].text == "2\n"
    assert outcome.unsaved.endswith("out.ipynb: No space left on device.")
    assert capsys.readouterr().err.count("No space left") == 1
