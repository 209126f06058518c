"""Runs with models in them, as the tests of the registry need them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import mlops_nb


def make_run(
    name: str = "fit",
    *,
    metrics: Mapping[str, float] | None = None,
    data: str | None = None,
    model: str | None = "model",
    tags: Mapping[str, str] | None = None,
    content: str | None = None,
) -> str:
    """A finished run; returns its id. `data` is the text of a file that it was tested on."""
    with mlops_nb.start_run(run_name=name) as run:
        if data is not None:
            path = Path(f"data-{abs(hash(data))}.csv")
            path.write_text(data)
            mlops_nb.log_dataset(path, context="test")
        for key, value in (metrics or {}).items():
            mlops_nb.log_metric(key, value)
        for key, text in (tags or {}).items():
            mlops_nb.set_tag(key, text)
        if model is not None:
            mlops_nb.log_text(content or f"flavors: {{{name}: {{}}}}", f"{model}/MLmodel")
            mlops_nb.log_text("weights", f"{model}/data/weights.txt")
    run_id: str = run.run_id
    return run_id
