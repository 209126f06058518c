"""The verb ``evaluate``: a file with its truth in a column, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mlops_nb
from mlops_nb.cli import main


@pytest.fixture
def sign() -> Path:
    frame = pd.DataFrame({"x": np.linspace(-1, 1, 40), "side": ["left", "right"] * 20})
    frame["truth"] = frame["x"] > 0
    frame.to_csv("rows.csv", index=False)
    for cut in (0.0, 0.5):
        with mlops_nb.start_run():
            mlops_nb.log_model(lambda rows, cut=cut: rows["x"] > cut, registered_model_name="sign", requirements=[])
    return Path("rows.csv")


def test_a_file_is_evaluated(sign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "models:/sign/1", str(sign), "--target", "truth", "--compare-to", "models:/sign/2"]
    assert main([*words, "--slices", "side", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["metrics"]["accuracy_score"] == 1.0 and found["comparison"]["metrics"]["accuracy_score"] == 0.75
    assert [(each["value"], each["rows"]) for each in found["slices"]] == [("left", 20), ("right", 20)]
    assert main(words) == 0
    assert "accuracy_score" in capsys.readouterr().out
    run = mlops_nb.get_run(found["run_id"])
    assert run.metrics["accuracy_score"] == 1.0 and "evaluates" in str(run.tags)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.csv", "--target", "truth"], "There is no file 'nowhere.csv'"),
        (["rows.csv", "--target", "truht"], "has no column 'truht'"),
        (["rows.pkl", "--target", "truth"], "no ending that says how to read it"),
        (["broken.parquet", "--target", "truth"], "cannot be read as parquet"),
    ],
)
def test_bad_data_is_one_sentence(sign: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("rows.pkl").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    Path("broken.parquet").write_bytes(b"PAR1 and no more")
    assert main(["evaluate", "models:/sign/1", *words]) == 2
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err and not Path("ran").exists()
