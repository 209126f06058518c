"""What stands around the user's object in a ``python_function``; pickled with its code, so it needs nothing of ours."""

from __future__ import annotations

import types
from typing import Any


class PythonModel:
    """The user's function or object, behind the calls that MLflow makes of a model.

    Parameters
    ----------
    target : object
        What the user gave.
    method : str
        Its method that predicts; empty if it is called itself.
    style : str
        ``params``: it takes a dict of params; ``keywords``: it takes them by name; ``plain``: it takes none.
    """

    def __init__(self, target: Any, method: str, style: str) -> None:
        self.target = target
        self.method = method
        self.style = style

    @property
    def predict_type_hints(self) -> Any:
        """MLflow asks for these; the signature says it all."""
        return types.SimpleNamespace(input=None, output=None)

    def load_context(self, context: Any) -> None:
        """The user's own ``load_context`` is given the files that were saved with the model."""
        prepare = getattr(self.target, "load_context", None)
        if callable(prepare):
            prepare(context)

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Ask the user's object."""
        call = getattr(self.target, self.method) if self.method else self.target
        if self.style == "context":
            return call(context, model_input)
        if self.style == "context params":
            return call(context, model_input, params=params)
        if self.style == "params":
            return call(model_input, params=params)
        if self.style == "keywords":
            return call(model_input, **(params or {}))
        return call(model_input)
