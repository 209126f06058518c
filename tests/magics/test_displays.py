"""Values of ours that a cell ends with are shown as views, and cost nothing before."""

from __future__ import annotations

import sys

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import mlops_nb
from mlops_nb.entities import ModelVersion
from mlops_nb.models.evaluation import Evaluation
from mlops_nb.models.info import ModelInfo
from mlops_nb.models.signature import Column, Signature, Tensor


def test_our_values_are_shown_as_views() -> None:
    shell = InteractiveShell()
    mlops_nb.load_ipython_extension(shell)
    with mlops_nb.start_run(run_name="fit <b>") as run:
        mlops_nb.log_metric("acc", 0.9)
    bundle, _ = shell.display_formatter.format(mlops_nb.get_run(run.run_id))
    assert bundle["text/plain"].startswith("✓ fit <b>") and "fit &lt;b&gt;" in bundle["text/html"]
    found = Evaluation("classifier", {"f1_score": 0.5}, comparison={"model": "m/1", "metrics": {"f1_score": 0.4},
                       "better": ["f1_score"]}, model="<i>m</i>/2")  # fmt: skip
    bundle, _ = shell.display_formatter.format(found)
    assert "m/1" in bundle["text/plain"] and "<i>" not in bundle["text/html"] and "0.4" in bundle["text/html"]
    columns = (Column("double", "<age>"), Column({"type": "array", "items": {"type": "string"}}, "words", False))
    signature = Signature(columns, (Tensor("float32", (-1, 2)),))
    made = ModelInfo("m <b>", "m", "sklearn", "sha256:0", uri="runs:/1/m", size=2048, note="failed: <i>",
                     signature=signature, requirements=("a==1", "b==2"))  # fmt: skip
    assert len(repr(made)) < 100
    bundle, _ = shell.display_formatter.format(made)
    plain = bundle["text/plain"]
    assert plain.startswith("m <b> · sklearn · 2.05 kB · runs:/1/m\n2 inputs, 1 output\n") and "! failed: <i>" in plain
    assert "array of string, optional" in plain and "float32 [any, 2]" in plain and "a==1, b==2" in plain
    assert "&lt;age&gt;" in bundle["text/html"] and "<i>" not in bundle["text/html"]
    bundle, _ = shell.display_formatter.format(ModelVersion("churn", 3, aliases=("champion",)))
    assert bundle["text/plain"] == "✓ version 3 of churn" and "@champion" in bundle["text/html"]
    mlops_nb.unload_ipython_extension(shell)


def test_the_verb_alone_lists_the_verbs_and_hints_are_as_typed_in_a_cell() -> None:
    shell = InteractiveShell()
    mlops_nb.load_ipython_extension(shell)
    bundle, _ = shell.display_formatter.format(shell.run_line_magic("mlops", ""))
    assert "%mlops runs" in bundle["text/html"] and "list runs" in bundle["text/plain"]
    with pytest.raises(UsageError, match="List runs with: %mlops runs"):
        shell.run_line_magic("mlops", "show nothing-like-this")
    mlops_nb.unload_ipython_extension(shell)


def test_shown_values_are_not_imported_for_it() -> None:
    import subprocess

    code = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell as S; import mlops_nb;"
        "mlops_nb.load_ipython_extension(S()); print('mlops_nb.models' in sys.modules, 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"
