"""The fresh process that loads a model and asks it once, to see what that imports. Started by `requirements.probe`."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import warnings
from pathlib import Path


def main(folder: str) -> None:
    """Print, as the last line, which modules were imported and what failed."""
    from mlops_nb.models import loading

    before = set(sys.modules)
    fault = ""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = loading.load_own(Path(folder))
            example = model.read_example()
            if example is not None:
                model.predict(*example)
        except Exception as error:  # whatever the user's model does: it is told to them
            fault = f"{type(error).__name__}: {error}"
    modules = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
    sys.__stdout__.write("\n" + json.dumps({"modules": modules, "fault": fault}) + "\n")  # type: ignore[union-attr]
