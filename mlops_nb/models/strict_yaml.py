"""YAML from outside: plain data only, within limits of size, depth and expansion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlops_nb.errors import CorruptData, InvalidInput, NotFound

SIZE_LIMIT = 16 << 20
"""Bytes of a file: a signature of 50,000 columns has 4 MB."""

DEPTH_LIMIT = 64
NODE_LIMIT = 500_000
"""Values after every alias is followed; a "billion laughs" file has few nodes and a billion of these."""

_TOO_DEEP = f"{{name}} is nested more than {DEPTH_LIMIT} levels deep."
_CORE = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(f"{_CORE}{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map", "timestamp"))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file whose top is a mapping.

    Parameters
    ----------
    path : Path
        For instance an ``MLmodel`` file.

    Returns
    -------
    dict

    Raises
    ------
    NotFound
        If there is no such file.
    InvalidInput
        If it asks for Python objects, or is too large, too deep, or grows beyond all bounds when aliases are followed.
    CorruptData
        If it is no YAML, or not a mapping.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "MLmodel")
    >>> _ = path.write_text("flavors: {python_function: {loader_module: mlflow.sklearn}}")
    >>> list(read_yaml(path)["flavors"])
    ['python_function']
    """
    try:
        size = path.stat().st_size
        if size > SIZE_LIMIT:
            raise InvalidInput(f"{path.name} has {size:,} bytes; {SIZE_LIMIT:,} are the most.")
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        hint = "Name the folder that holds the file MLmodel." if path.name == "MLmodel" else ""
        raise NotFound(f"There is no file {str(path)!r}.", hint=hint) from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise CorruptData(f"{path.name} is not UTF-8 text.", hint="Fetch the model again from where it came.") from None
    return parse_yaml(text, path.name)


def parse_yaml(text: str, name: str = "the text") -> dict[str, Any]:
    """Parse YAML under the rules of `read_yaml`; `name` is for messages.

    Examples
    --------
    >>> parse_yaml("a: [1, 2.5, x]")
    {'a': [1, 2.5, 'x']}
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_events(yaml.parse(text, Loader=loader), name)
        found = yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        if "nesting depth" in str(error):  # libyaml's own limit, which newer releases have: they look ahead
            raise InvalidInput(_TOO_DEEP.format(name=name)) from None
        place = getattr(error, "problem_mark", None)
        where = f" in line {place.line + 1}" if place is not None else ""
        raise CorruptData(
            f"{name} is not valid YAML{where}: {getattr(error, 'problem', None) or 'unreadable'}.",
            hint="Fetch the model again from where it came.",
        ) from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise CorruptData(f"{name} is not valid YAML: {error}.") from None
    if not isinstance(found, dict):
        raise CorruptData(f"{name} does not hold a mapping.", hint="Fetch the model again from where it came.")
    _measure(found, name)
    return found


def _check_events(events: Any, name: str) -> None:
    depth = 0
    for event in events:
        tag = getattr(event, "tag", None)
        if tag is not None and tag not in _PLAIN_TAGS and tag != "!":
            raise InvalidInput(
                f"{name} asks for an object of the kind {tag!r:.100}; only plain values are read.",
                hint="Remove the tag from the file if you know what it is.",
            )
        kind = type(event).__name__
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            depth += 1
            if depth > DEPTH_LIMIT:
                raise InvalidInput(_TOO_DEEP.format(name=name))
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            depth -= 1


def _measure(top: Any, name: str) -> None:
    """Follow aliases as a reader would, within a budget."""
    count = 0
    stack: list[tuple[Any, int]] = [(top, 1)]
    while stack:
        value, depth = stack.pop()
        count += 1
        if count > NODE_LIMIT or depth > 2 * DEPTH_LIMIT:
            raise InvalidInput(f"{name} grows to more than {NODE_LIMIT:,} values when its aliases are followed.")
        if isinstance(value, dict):
            stack.extend((each, depth + 1) for each in value.values())
        elif isinstance(value, list):
            stack.extend((each, depth + 1) for each in value)
