"""Data for a model out of a file: one frame, by the file's ending."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlops_nb.errors import InvalidInput, NotFound

READERS = {
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".parquet": "read_parquet",
    ".feather": "read_feather",
    ".json": "read_json",
    ".jsonl": "read_json",
}
"""Which of pandas' readers reads a file; none of them runs code of the file (pickles are not among them)."""


def read_frame(path: str | Path) -> Any:
    """Read a file of rows.

    Parameters
    ----------
    path : str or Path
        CSV (also compressed, as ``.csv.gz``), TSV, Parquet, Feather, JSON or JSON lines.

    Returns
    -------
    DataFrame

    Raises
    ------
    NotFound
        If there is no such file.
    InvalidInput
        If its ending is not known, or what is in it is not what the ending says.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("rows.csv").write_text("a,b\\n1,2\\n")
    >>> read_frame("rows.csv").columns.tolist()
    ['a', 'b']
    """
    import pandas

    file = Path(path)
    if not file.is_file():
        raise NotFound(f"There is no file {str(path)!r}.", hint="Name a file of rows, for instance test.csv.")
    ending = next((each for each in reversed(file.suffixes) if each.lower() in READERS), "").lower()
    if not ending:
        known = ", ".join(READERS)
        raise InvalidInput(f"{file.name!r} has no ending that says how to read it.", hint=f"There are: {known}.")
    known_options: dict[str, dict[str, Any]] = {".tsv": {"sep": "\t"}, ".jsonl": {"lines": True}}
    options = known_options.get(ending, {})
    try:
        return getattr(pandas, READERS[ending])(file, **options)
    except Exception as error:  # each reader raises errors of its own for a file that is not what its name says
        reason = str(error).strip().partition("\n")[0][:200]
        raise InvalidInput(f"{file.name!r} cannot be read as {ending[1:]}: {reason}") from error
