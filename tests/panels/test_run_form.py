"""The form of a notebook's parameters: fields by type, the same checks as the command line, a run by a click."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from mlops_nb.panels.run_form import RunForm
from mlops_nb.projects.declarations import read_parameters
from mlops_nb.projects.parameters import Contract
from tests.kernels import running_kernel
from tests.projects.notebooks import book

CELL = """
lr: float = 0.1  # learning rate (0, 1]
depth = 4  # 2..16
solver = 'adam'  # in {adam, sgd}
shuffle = True
since: date = date(2024, 1, 31)
layers = [64, 32]
note: str | None = None
data: Path
home = os.environ['HOME']
"""


def form(execute: Any = lambda values, listener: {}) -> RunForm:
    return RunForm(Contract("nb.ipynb", read_parameters(CELL)), execute)


def test_each_type_has_its_field() -> None:
    fields = form().fields
    kinds = {name: type(field).__name__ for name, field in fields.items()}
    assert kinds == {
        "lr": "Text", "depth": "Text", "solver": "Dropdown", "shuffle": "Checkbox", "since": "DatePicker",
        "layers": "Text", "note": "Text", "data": "Text",
    }  # fmt: skip
    assert (fields["lr"].value, fields["layers"].value, fields["note"].placeholder) == ("0.1", "[64, 32]", "None")
    assert [label for label, _ in fields["solver"].options] == ["adam", "sgd"]


def test_what_does_not_fit_is_said_beside_its_field_and_nothing_runs() -> None:
    ran: list[dict[str, Any]] = []
    shown = form(lambda values, listener: ran.append(values) or {})
    shown.start()
    assert "has no default and was not given" in shown.message.value
    shown.fields["data"].value = "a.csv"
    shown.fields["lr"].value = "<script>"
    assert shown.button.disabled and len(shown.problems()) == 1
    notes = [row.children[2].value for row in shown.children if len(getattr(row, "children", ())) == 3]
    assert any("&lt;script&gt;" in note for note in notes) and "<script>" not in "".join(notes)
    assert ran == []


def test_a_click_runs_it_with_typed_values() -> None:
    ran: list[dict[str, Any]] = []
    shown = form(lambda values, listener: ran.append(values) or {"text/html": "<b>done</b>"})
    for name, value in {"data": "a b.csv", "lr": "1e-2", "shuffle": False, "layers": "[1]", "solver": "sgd"}.items():
        shown.fields[name].value = value
    shown.button.click()
    shown.wait(30)
    assert ran == [{"data": Path("a b.csv"), "lr": 0.01, "shuffle": False, "layers": [1], "solver": "sgd"}]
    assert shown.result.value == "<b>done</b>" and not shown.button.disabled


def test_a_failure_is_said_in_the_form() -> None:
    def fail(values: dict[str, Any], listener: Any) -> dict[str, Any]:
        raise ValueError("no <b>")

    shown = form(fail)
    shown.fields["data"].value = "a"
    shown.start()
    shown.wait(30)
    assert "ValueError: no &lt;b&gt;" in shown.message.value and not shown.button.disabled


@pytest.mark.slow
def test_the_magic_shows_the_form_and_the_click_makes_a_run(tmp_path: Path) -> None:
    nbformat.write(
        book("lr = 0.5", "import mlops_nb; mlops_nb.log_metric('m', lr)", tags={0: ["parameters"]}),
        tmp_path / "nb.ipynb",
    )
    with running_kernel(tmp_path) as kernel:
        kernel.run("%load_ext mlops_nb")
        reply = kernel.run("form = get_ipython().run_line_magic('mlops', 'run nb.ipynb')\nform")
        data = reply.outputs[-1]["data"]
        assert "application/vnd.jupyter.widget-view+json" in data and "lr  float" in data["text/plain"]
        kernel.run("form.fields['lr'].value = '0.25'; form.button.click(); form.wait(200)", timeout=240)
        assert kernel.value("(form.message.value, form.button.disabled)") == ("", False)
        found = "[(r.name, r.metrics) for r in __import__('mlops_nb').search_runs(output_format='list')]"
        assert ("nb", {"m": 0.25}) in kernel.value(found)
