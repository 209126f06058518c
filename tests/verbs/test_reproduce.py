"""The verdict, through the command line: identical, or the true cause named. Real kernels, real files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from nbformat import v4

from tests.verbs.lab import Lab, running_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


def test_hidden_state_is_cut_out_and_proved(lab: Lab) -> None:
    lab.run("scale = 10")
    lab.run("items = [1, 2]")
    lab.run("unrelated = 'never needed'")
    lab.run("items.append(3)")
    lab.run("scale = 7", "edited-later")
    lab.run("%%track -n hidden\ntotal = sum(items) * scale")
    lab.run("scale = 1", "edited-later")
    status, script = lab.command("code", "hidden")
    assert status == 0 and "unrelated" not in script and "scale = 10" not in script
    space: dict[str, Any] = {}
    exec(script, space)
    assert space["total"] == 42
    status, shown = lab.command("show", "hidden", "--json")
    assert [part["source"].splitlines()[-1] for part in shown["slice"]] == [
        "items = [1, 2]", "items.append(3)", "scale = 7", "total = sum(items) * scale",
    ]  # fmt: skip
    status, verdict = lab.command("reproduce", "hidden", "--json")
    assert (status, verdict["verdict"], verdict["causes"], verdict["differences"]) == (0, "identical", [], []), verdict
    assert lab.command("show", "hidden", "--json")[1]["tags"]["mlops_nb.verdict"] == "identical"
    assert lab.command("runs", "verdict = 'identical'", "--json")[1][0]["name"] == "hidden"


def test_unseeded_randomness_comes_back_bit_for_bit(lab: Lab) -> None:
    lab.run("import random\nimport numpy as np\nnoise = np.random.rand(3)")
    lab.run("rng = np.random.default_rng()")
    lab.run("%%track -n lucky\nscore = random.random() + np.random.rand() + rng.random() + noise.sum()")
    _, shown = lab.command("show", "lucky", "--json")
    assert any(reason.startswith("unseeded randomness") for reason in shown["restart_run_all"])
    status, verdict = lab.command("reproduce", "lucky", "--json", "--tolerance", "0")
    assert (status, verdict["verdict"]) == (0, "identical"), verdict


def test_a_changed_file_is_named(lab: Lab) -> None:
    data = lab.folder / "input.csv"
    data.write_text("x\n1\n2\n3\n")
    lab.run("import csv\nrows = [float(r['x']) for r in csv.DictReader(open('input.csv'))]")
    lab.run("%%track -n from_file\nmean = sum(rows) / len(rows)")
    _, shown = lab.command("show", "from_file", "--json")
    (read,) = [entry for entry in shown["data"] if entry["path"].endswith("input.csv")]
    assert read["mode"] == "read" and read["digest"].startswith("sha256:") and read["size"] == data.stat().st_size
    assert lab.command("reproduce", "from_file", "--json")[1]["verdict"] == "identical"
    data.write_text("x\n1\n2\n9\n")
    status, verdict = lab.command("reproduce", "from_file", "--json")
    assert (status, verdict["verdict"], verdict["causes"]) == (1, "diverged", ["data"])
    assert "input.csv" in verdict["reasons"][0]
    data.unlink()
    status, verdict = lab.command("reproduce", "from_file", "--json")
    assert (status, verdict["verdict"], verdict["causes"]) == (3, "failed", ["data"]), verdict


def test_what_the_slice_makes_is_made_again_and_left_as_it_was(lab: Lab) -> None:
    lab.run("import sqlite3\nbase = sqlite3.connect('made.db')\nbase.execute('create table t(a)')")
    lab.run("base.execute('insert into t values (3)')\nbase.commit()")
    lab.run("with open('made.txt', 'a') as out:\n    out.write('one line')")
    lab.run("%%track -n from_made\nn = len(open('made.txt').read())\nm = base.execute('select a from t').fetchone()[0]")
    (lab.folder / "made.txt").write_text("mine")
    before = (lab.folder / "made.db").read_bytes()
    status, verdict = lab.command("reproduce", "from_made", "--json")
    assert (status, verdict["verdict"]) == (0, "identical"), verdict
    assert (lab.folder / "made.txt").read_text() == "mine"
    assert (lab.folder / "made.db").read_bytes() == before
    assert not list(lab.folder.glob(".*aside"))


def test_a_changed_module_is_named(lab: Lab) -> None:
    module = lab.folder / "ours.py"
    module.write_text("def factor():\n    return 3\n")
    lab.run("import sys\nsys.path.insert(0, '.')\nimport ours")
    lab.run("%%track -n from_module\nresult = ours.factor() * 2.5")
    module.write_text("def factor():\n    return 44\n")
    status, verdict = lab.command("reproduce", "from_module", "--json")
    assert (status, verdict["verdict"], verdict["causes"]) == (1, "diverged", ["code"]), verdict
    assert "ours.py" in verdict["reasons"][0]


def test_time_is_residual_randomness(lab: Lab) -> None:
    lab.run("import time, uuid")
    lab.run("%%track -n clock\nstamp = uuid.uuid4().int % 1000003")
    status, verdict = lab.command("reproduce", "clock", "--json")
    assert (status, verdict["verdict"], verdict["causes"]) == (1, "diverged", ["randomness"]), verdict
    assert "uuid" in verdict["reasons"][0]


def test_a_tolerance_makes_it_equivalent(lab: Lab) -> None:
    lab.run("from time import time_ns")
    lab.run("%%track -n close\nalmost = 1 + (time_ns() % 1000) * 1e-7")
    status, verdict = lab.command("reproduce", "close", "--json", "--tolerance", "0.01")
    assert (status, verdict["verdict"]) == (0, "equivalent")
    assert verdict["tolerance"]["relative"] == 0.01


def test_one_thing_changed(lab: Lab) -> None:
    lab.run("rate = 0.5")
    lab.run("%%track -n base\nsteps = 4\noutcome = rate * steps")
    base = lab.command("show", "base", "--json")[1]
    status, runs = lab.command("run", "base", "-p", "rate=0.25", "--json")
    assert status == 0
    assert runs[0]["metrics"] == {"outcome": 1.0} and runs[0]["params"] == {"rate": 0.25, "steps": 4}
    assert runs[0]["parent_run_id"] == base["run_id"]
    shown = lab.command("show", runs[0]["run_id"], "--json")[1]
    assert shown["slice"][-1]["source"].splitlines()[0] == "# %%track Default -n base"
    status, words = lab.command("run", "base", "-p", "rat=0.25")
    assert status == 2 and "has no parameter 'rat'" in words


def test_p_and_seed_of_the_line_are_part_of_the_code(lab: Lab) -> None:
    lab.run("%%track -n given -p width=5 --seed 3\nimport random\nwidth = 2\narea = width * random.random()")
    script = lab.command("code", "given")[1]
    space: dict[str, Any] = {}
    exec(script, space)
    _, shown = lab.command("show", "given", "--json")
    assert space["area"] == shown["metrics"]["area"]
    assert lab.command("reproduce", "given", "--json")[1]["verdict"] == "identical"


def test_badges(lab: Lab) -> None:
    lab.run("left = 1", "b1")
    lab.run("left = 2", "b1")
    lab.run("%%track -n twice\nright = left * 3.5", "b2")
    _, shown = lab.command("show", "twice", "--json")
    assert shown["restart_run_all"] == "clean" or isinstance(shown["restart_run_all"], list)
    assert lab.command("runs", "name = 'twice' and restart_run_all != ''", "--json")[1]


def test_notebook_and_restore(lab: Lab) -> None:
    lab.run("base_value = 6")
    lab.run("%%track -n kept\nanswer = base_value * 7.0")
    assert lab.command("code", "kept", "--notebook", "-o", "kept.ipynb")[0] == 0
    assert lab.command("restore", "kept", "-o", "restored.ipynb")[0] == 0
    for name in ("kept.ipynb", "restored.ipynb"):
        content = json.loads((lab.folder / name).read_text())
        sources = ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]
        assert sources[-1].endswith("answer = base_value * 7.0") and len(sources) == 2
    assert "exists already" in lab.command("restore", "kept", "-o", "restored.ipynb")[1]


def test_lineage_by_content(lab: Lab) -> None:
    lab.run("%%track -n writer\nopen('made.txt', 'w').write('made here');\nsize = len('made here') * 1.0")
    lab.run("%%track -n reader\nlength = len(open('made.txt').read()) * 1.0")
    lab.settle()
    status, graph = lab.command("lineage", "reader", "--json")
    labels = {node["label"] for node in graph["nodes"]}
    assert status == 0 and {"reader", "writer"} <= labels, graph
    assert "writer" in lab.command("lineage", "made.txt")[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("reproduce", "nothing"), "There is no run 'nothing'"),
        (("reproduce", "hidden", "--env", "moon"), "There is no environment 'moon'"),
        (("code", "nothing"), "There is no run"),
        (("reproduce", "hidden", "--tolerance", "x"), "--tolerance"),
        (("run", "nowhere.ipynb"), "nowhere.ipynb"),
        (("run", "nowhere"), "neither a notebook nor a project here, nor a run"),
        (("reprduce", "x"), "Did you mean: mlops-nb reproduce"),
    ],
)
def test_bad_input_is_one_sentence(lab: Lab, words: tuple[str, ...], sentence: str) -> None:
    status, text = lab.command(*words)
    assert status == 2 and sentence in text
    assert len(text.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_notebooks_own_run_is_executed_again_as_it_is_stored(lab: Lab) -> None:
    data = lab.folder / "numbers.txt"
    data.write_text("1 2 3")
    path = lab.folder / "whole.ipynb"
    parameters = v4.new_code_cell("n = 2", metadata={"tags": ["parameters"]})
    cells = [
        "%load_ext mlops_nb", "import numpy as np\nnoise = np.random.rand(n)\nprint(noise)",
        "%%track -n sum\ntotal = float(open('numbers.txt').read().split()[0]) + noise.sum()\ntotal",
        "%%track -n drawn\nscore = total + np.random.default_rng().random()\nscore",
    ]  # fmt: skip
    v4_book = v4.new_notebook(cells=[parameters, *map(v4.new_code_cell, cells)])
    nbformat.write(v4_book, path)
    assert lab.command("run", "whole.ipynb", "-p", "n=3")[0] == 0
    path.unlink()  # what is executed again is what the run has kept
    status, verdict = lab.command("reproduce", "whole", "--json", "--tolerance", "0")
    assert (status, verdict["verdict"], verdict["differences"]) == (0, "identical", []), verdict
    assert lab.command("show", verdict["rerun_id"], "--json")[1]["params"] == {"n": 3}
    data.write_text("4 2 3")
    status, verdict = lab.command("reproduce", "whole", "--json")
    assert (status, verdict["verdict"], verdict["causes"]) == (1, "diverged", ["data"])
    told = {each["name"]: each["delta"] for each in verdict["differences"] if each["within"] is False}
    assert told["sum: total"] == pytest.approx(3) and "In [5] display 1" in told
