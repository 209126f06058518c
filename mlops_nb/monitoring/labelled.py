"""Answers whose truth is known, as a table: to measure models on, and to train the next one with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlops_nb.errors import InvalidState
from mlops_nb.monitoring.performance import LEAST, Truths, seconds_of
from mlops_nb.serving.log import read_answers, read_feedback
from mlops_nb.serving.tables import INPUT

MOST = 200_000
"""Rows that are kept: the newest."""

HELD_OUT = 0.25
"""The share of them, the newest, that models are measured on and never trained with."""

LOG = "@log"
"""What stands for these rows as a parameter's value and as held-out data."""


def labelled_rows(folder: Path, target: str) -> Any:
    """The answers of a log whose truth is known, oldest first, of whatever version: inputs, and the truth as `target`.

    Parameters
    ----------
    folder : Path
        Of the log.
    target : str
        What the column of the truth is called.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    InvalidState
        If there are too few.

    Examples
    --------
    >>> labelled_rows(Path("nothing"), "left")
    Traceback (most recent call last):
    mlops_nb.errors.InvalidState: The truth of 0 answers is known, and 30 are needed. POST it to /feedback ...
    """
    import numpy
    import pandas

    truths = Truths(read_feedback(folder, on_damage=lambda _: None))
    parts, times = [], []
    for table in read_answers(folder, on_damage=lambda _: None) if len(truths) else ():
        if "role" in table.column_names:  # a shadow is asked the same again
            import pyarrow.compute as compute

            table = table.filter(compute.not_equal(table["role"], "shadow").fill_null(True))
        rows, truth = truths.join(table)
        if not len(rows):
            continue
        chosen = table.take(rows)
        names = [name for name in chosen.column_names if name.startswith(INPUT)]
        frame = chosen.select(names).rename_columns([name.removeprefix(INPUT) for name in names]).to_pandas()
        parts.append(frame.assign(**{target: _as_numbers(truth)}))
        times.append(seconds_of(chosen))
    count = sum(map(len, parts))
    if count < LEAST:
        raise InvalidState(
            f"The truth of {count} answers is known, and {LEAST} are needed.",
            hint="POST it to /feedback of the service, or name a file with --holdout.",
        )
    order = numpy.argsort(numpy.concatenate(times), kind="stable")[-MOST:]
    return pandas.concat(parts, ignore_index=True).iloc[order].reset_index(drop=True)


def _as_numbers(truth: Any) -> Any:
    """Whole numbers as such, since that is what classes mostly are."""
    import numpy

    if truth.dtype.kind == "f" and (truth == numpy.floor(truth)).all() and numpy.abs(truth).max(initial=0) < 2**53:
        return truth.astype(numpy.int64)
    return truth


def split(frame: Any) -> tuple[Any, Any]:
    """The older rows to train with, and the newest to measure on.

    Examples
    --------
    >>> import pandas as pd
    >>> [len(part) for part in split(pd.DataFrame({"a": range(100)}))]
    [75, 25]
    """
    cut = len(frame) - max(1, round(len(frame) * HELD_OUT))
    return frame.iloc[:cut], frame.iloc[cut:]


def write_training(frame: Any, folder: Path, like: object) -> Path:
    """Write the rows to train with, in the format of the file that the run was given before.

    Examples
    --------
    >>> import pandas as pd
    >>> write_training(pd.DataFrame({"a": [1]}), Path("out"), "train.csv").suffix
    '.csv'
    """
    import datetime as dt

    folder.mkdir(parents=True, exist_ok=True)
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S%f")
    is_text = str(like).lower().endswith((".csv", ".csv.gz"))
    path = folder / f"training-{stamp}{'.csv' if is_text else '.parquet'}"
    if is_text:
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    return path
