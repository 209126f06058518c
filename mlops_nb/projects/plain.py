"""Notebooks as plain JSON with named cells, read without nbformat, whose import takes as long as a check may take."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from mlops_nb.errors import InvalidInput

__all__ = ["name_cells", "read_plain", "skip_slow_grammar"]

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def name_cells(cells: list[Any]) -> None:
    """Give each cell that has no id of its own one by its place, the same one each time.

    Parameters
    ----------
    cells : list of dict
        Changed in place.

    Examples
    --------
    >>> cells = [{}, {"id": "fit"}, {"id": "fit"}]
    >>> name_cells(cells); [cell["id"] for cell in cells]
    ['cell-1', 'fit', 'cell-3']
    """
    seen = {cell.get("id") for cell in cells}
    kept: set[str] = set()
    for index, cell in enumerate(cells):
        name = cell.get("id")
        if not isinstance(name, str) or not _ID.fullmatch(name) or name in kept:
            name = f"cell-{index + 1}"
            while name in seen or name in kept:
                name += "-"
            cell["id"] = name
        kept.add(name)


def read_plain(path: str | Path) -> dict[str, Any]:
    """A notebook as it stands in its file, cells named as `name_cells` does.

    Parameters
    ----------
    path : str or Path
        A notebook of nbformat 4; older ones are brought up to date.

    Returns
    -------
    dict

    Raises
    ------
    InvalidInput
        If it is not there, or is not a notebook.

    Examples
    --------
    >>> _ = Path("nb.ipynb").write_text('{"cells": [{}], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}')
    >>> read_plain("nb.ipynb")["cells"]
    [{'id': 'cell-1'}]
    """
    hint = "Give the path of an .ipynb file."
    try:
        text = Path(path).read_text(encoding="utf-8")
        raw: Any = json.loads(text)
        if isinstance(raw, dict) and raw.get("nbformat") != 4:
            import nbformat

            raw = dict(nbformat.reads(text, as_version=4))
    except OSError as error:
        raise InvalidInput(f"The notebook {path} cannot be read: {error.strerror}.", hint=hint) from error
    except Exception as error:  # no JSON, or what nbformat raises of its own
        raise InvalidInput(f"{path} is not a notebook: {type(error).__name__}.", hint=hint) from error
    cells = raw.get("cells") if isinstance(raw, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise InvalidInput(f"{path} is not a notebook: it has no cells.", hint=hint)
    if not isinstance(raw.get("metadata"), dict):
        raise InvalidInput(f"{path} is not a notebook: it has no metadata.", hint=hint)
    name_cells(cells)
    found: dict[str, Any] = raw
    return found


def skip_slow_grammar() -> None:
    """Save two or three seconds of start-up in a process that is all ours, before nbformat is imported.

    nbformat imports jsonschema, which builds a grammar of internationalised addresses where that package is installed
    (as it is beside JupyterLab), to check a format that notebooks do not have.

    Examples
    --------
    >>> skip_slow_grammar()  # doctest: +SKIP
    """
    if "jsonschema" not in sys.modules:
        sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # None makes its import fail, as if absent
