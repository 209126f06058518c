"""The contract of a notebook: what is checked before anything runs, and in which words."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mlops_nb.errors import InvalidInput
from mlops_nb.projects.kinds import Text
from mlops_nb.projects.parameters import Contract, contract, load_values, parse_assignment, recordable


def notebook(source: str | None, **metadata: Any) -> nbformat.NotebookNode:
    """A notebook whose second cell is the parameters cell."""
    cells = [nbformat.v4.new_code_cell("import os")]
    if source is not None:
        cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]}))
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


@pytest.fixture
def train() -> Contract:
    return contract(notebook('lr = 0.1  # (0, 1]\ndepth = 4\nloss: Literal["log", "hinge"] = "log"'), "train.ipynb")


def test_the_command_lines_text_becomes_typed(train: Contract) -> None:
    assert train.check({"lr": Text("0.5"), "depth": Text("3")}) == {"lr": 0.5, "depth": 3}
    assert train.defaults() == {"lr": 0.1, "depth": 4, "loss": "log"}


def test_all_that_is_wrong_is_one_sentence(train: Contract) -> None:
    with pytest.raises(InvalidInput) as refusal:
        train.check({"lrr": 1, "lr": Text("2"), "depth": Text("deep"), "loss": "lag"})
    assert refusal.value.message == (
        "train.ipynb cannot run with these parameters: it has no parameter 'lrr' (did you mean 'lr'?); "
        "lr=2 is not in (0, 1]; depth=deep is not an int; loss=lag is not one of 'log', 'hinge' (did you mean 'log'?)."
    )
    assert refusal.value.hint == "See what it takes with: mlops-nb run train.ipynb --help"


def test_an_unknown_name_like_no_other_gets_the_list(train: Contract) -> None:
    with pytest.raises(InvalidInput, match=r"no parameter 'zzz' \(it has 'lr', 'depth', 'loss'\)"):
        train.check({"zzz": 1})


def test_a_required_parameter_has_to_be_given() -> None:
    needs = contract(notebook("data: Path\nout: Path = 'o'"))
    with pytest.raises(InvalidInput, match="'data' has no default and was not given"):
        needs.check({})
    assert needs.check({"data": "x.csv"}) == {"data": Path("x.csv")}


def test_a_long_value_is_shown_short(train: Contract) -> None:
    with pytest.raises(InvalidInput) as refusal:
        train.check({"depth": Text("9" * 10_000 + "x")})
    assert len(refusal.value.message) < 200


def test_a_notebook_without_the_cell_takes_none() -> None:
    without = contract(notebook(None), "plain.ipynb")
    assert without.check({}) == {}
    with pytest.raises(InvalidInput, match="no cell tagged 'parameters', so it takes none, but 'lr' was given"):
        without.check({"lr": 1})
    assert "takes no parameters" in without.describe()


def test_a_name_is_compared_as_python_compares_it() -> None:
    assert contract(notebook("ﬁ = 1")).check({"ﬁ": "2"}) == {"fi": 2}


def test_a_broken_cell_is_named_with_its_line() -> None:
    with pytest.raises(InvalidInput, match=r"parameters' of nb\.ipynb is not valid Python: .* in its line 2"):
        contract(notebook("x = 1\ny = = 2"), "nb.ipynb")


def test_another_language_checks_names_only() -> None:
    ofr = contract(notebook("lr <- 0.1", language_info={"name": "R"}))
    assert ofr.check({"learning.rate": Text("0.1")}) == {"learning.rate": 0.1}
    with pytest.raises(InvalidInput, match="is not a name"):
        ofr.check({"x; system('ls')": 1})


def test_the_help_tells_all() -> None:
    text = contract(
        notebook("lr: float = 0.1  # step (0, 1]\ndata: Path\nhome = os.environ['HOME']\nm = 'a'  # in {a, b}"),
        "nb.ipynb",
    ).describe()
    assert text.splitlines() == [
        "Parameters of nb.ipynb (-p NAME=VALUE):",
        "  lr    float in (0, 1], default 0.1",
        "        step",
        "  data  path, required",
        "  home  any, default os.environ['HOME']",
        "  m     str of a, b, default a",
    ]


@pytest.mark.parametrize("text", ["lr", "=1", "", " =1"])
def test_what_is_not_an_assignment_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="-p NAME=VALUE"):
        parse_assignment(text)


def test_an_assignment_is_divided_at_the_first_equals_sign() -> None:
    assert parse_assignment("q=a=b\n'c'") == ("q", "a=b\n'c'")
    assert parse_assignment("empty=") == ("empty", "")


def test_files_of_values(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("lr: 1e-3\nday: 2024-02-29\nnested: {a: [1, .nan]}\n", encoding="utf-8")
    assert load_values(path)["lr"] == "1e-3"  # YAML 1.1 has it as text; the contract reads it as the float it is
    assert contract(notebook("lr = 0.1\nday: date\nnested = {}")).check(load_values(path))["lr"] == 0.001
    assert load_values(path)["day"] == date(2024, 2, 29)
    path.write_text("", encoding="utf-8")
    assert load_values(path) == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a: [", "is not valid YAML"), (b"- 1", "is not a mapping"), (b"1: a", "is not a mapping"),
        (b"\xff\xfe\xfa", "is not valid YAML"), (b"a: !!python/object/apply:os.system ['true']", "is not valid YAML"),
    ],
)  # fmt: skip
def test_files_that_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=reason):
        load_values(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_values(tmp_path / "absent.yaml")


def test_what_is_recorded_is_plain_data() -> None:
    given = {"d": date(2024, 1, 1), "t": datetime(2024, 1, 1, 2), "p": Path("a/b"), "s": {2, 1}, "l": (1, None), 3: 4}
    assert recordable(given) == {
        "d": "2024-01-01", "t": "2024-01-01T02:00:00", "p": "a/b", "s": [1, 2], "l": [1, None], "3": 4
    }  # fmt: skip
