"""The fresh process that loads a model and asks it once, to see what that imports. Started by `requirements.probe`."""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import sys
import warnings
from pathlib import Path
from typing import Any

_DIRECT = ("cloudpickle", "pickle", "mlops_nb.models.flavors", "mlops_nb.models.examples", "mlops_nb.models.inputs")
"""Modules that import for the model: what it holds, and what its flavor needs; beside the user's own code."""


def main(folder: str) -> None:
    """Print, as the last line, which modules were imported, which of them for the model itself, and what failed."""
    from mlops_nb.capture.installed import is_installed
    from mlops_nb.models import loading

    before = set(sys.modules)
    direct: set[str] = set()
    genuine = builtins.__import__

    def watch(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        if not level:
            importer, file = (globals or {}).get("__name__") or "", (globals or {}).get("__file__")
            own = file is not None and not importer.startswith("mlops_nb") and not is_installed(file)
            if own or importer == "__main__" or importer.startswith(_DIRECT):
                direct.add(name.partition(".")[0])
        return genuine(name, globals, locals, fromlist, level)

    fault = ""
    builtins.__import__ = watch
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = loading.load_own(Path(folder))
            example = model.read_example()
            if example is not None:
                model.predict(*example)
        except Exception as error:  # whatever the user's model does: it is told to them
            fault = f"{type(error).__name__}: {error}"
        finally:
            builtins.__import__ = genuine
    seen = {name.partition(".")[0] for name in set(sys.modules) - before}
    answer = {"modules": sorted(seen), "direct": sorted(direct & seen), "fault": fault}
    sys.__stdout__.write(f"\n{json.dumps(answer)}\n")  # type: ignore[union-attr]
