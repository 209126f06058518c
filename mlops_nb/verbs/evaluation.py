"""The verb ``evaluate``: how good a model is on data whose truth is known."""

from __future__ import annotations

import argparse

from mlops_nb.errors import InvalidInput
from mlops_nb.models.data_files import read_frame
from mlops_nb.registry import evaluate
from mlops_nb.verbs.table import Result


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Options of ``evaluate``."""
    add = parser.add_argument
    add("model", metavar="MODEL_URI", help="models:/NAME/VERSION, models:/NAME@ALIAS, runs:/RUN/PATH or a folder")
    add("data", metavar="FILE", help="rows with the truth in a column: CSV, Parquet, JSON")
    add("--target", required=True, metavar="COLUMN", help="the column that holds the truth")
    add("--compare-to", metavar="MODEL_URI", help="another model, asked about the same rows")
    add("--slices", action="append", default=[], metavar="COLUMN", help="metrics for each value of a column, too")
    add("--kind", choices=["classifier", "regressor"], help="by default told from the model and the truth")
    add("-n", "--name", metavar="RUN_NAME", help="the name of the run that keeps it")


def do_evaluate(asked: argparse.Namespace) -> Result:
    """Evaluate a model, and keep what is found as a run."""
    frame = read_frame(asked.data)
    if asked.target not in frame.columns:
        columns = ", ".join(map(str, frame.columns[:12]))
        raise InvalidInput(f"{asked.data!r} has no column {asked.target!r}.", hint=f"It has: {columns}.")
    found = evaluate(
        asked.model, frame, asked.target, compare_to=asked.compare_to, slices=asked.slices or None, kind=asked.kind,
        name=asked.name,
    ).to_json()  # fmt: skip
    return Result("evaluation", {**found, "source": asked.data, "rows": len(frame), "target": asked.target}, found)
