"""A model that can be asked, whatever library made it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlops_nb.models.enforcement import Enforcer
from mlops_nb.models.examples import read_example
from mlops_nb.models.mlmodel import Description
from mlops_nb.models.signature import Signature


class LoadedModel:
    """A model that can be asked, with one ``predict`` whatever library made it.

    Attributes
    ----------
    name : str
    flavor : str
    folder : Path
        Where its files are; not to be written.
    description : Description
        What its MLmodel file says.
    differences : dict of str to (str, str)
        Packages whose version here is not the one it was saved with.
    """

    def __init__(
        self,
        name: str,
        flavor: str,
        folder: Path,
        description: Description,
        score: Callable[[Any, dict[str, Any]], Any],
        differences: dict[str, tuple[str, str]] | None = None,
        *,
        native: Callable[[], Any] = lambda: None,
    ) -> None:
        self.name = name
        self.flavor = flavor
        self.folder = folder
        self.description = description
        self.differences = differences or {}
        self.enforcer = Enforcer(description.signature)
        self._score = score
        self._native = native

    @property
    def native(self) -> Any:
        """The library's own object."""
        return self._native()

    @property
    def signature(self) -> Signature | None:
        """What it takes and gives."""
        return self.description.signature

    @property
    def metadata(self) -> dict[str, Any]:
        """What the user said of it."""
        return self.description.metadata

    @property
    def input_example(self) -> Any:
        """The example that it was saved with; None if there is none."""
        found = self.read_example()
        return None if found is None else found[0]

    def read_example(self) -> tuple[Any, dict[str, Any] | None] | None:
        """The example and its params."""
        info = self.description.example
        return read_example(self.folder, info) if info else None

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Ask the model.

        Parameters
        ----------
        data : pandas, polars or arrow frame, array, dict of columns, list of dicts, list
            Brought into the signature's form; refused by column if that would change a value.
        params : mapping, optional
            Settings of this call that the signature knows.

        Returns
        -------
        object
            What the library gives.

        Raises
        ------
        InvalidInput
            Naming the column, what was expected and what was found.
        """
        settings = self.enforcer.params(params)
        if self.description.keeps_form and isinstance(data, (list, dict, str)):
            self.enforcer.check(data)
            return self._score(data, settings)
        return self._score(self.enforcer(data), settings)

    def score(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Ask the model about data that is in the signature's form already: what serves has checked each value."""
        return self._score(data, self.enforcer.params(params))

    __call__ = predict

    def __repr__(self) -> str:
        return f"<LoadedModel {self.name!r} {self.flavor}>"
