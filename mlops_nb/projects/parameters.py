"""What a notebook takes: the typed contract that its ``parameters`` cell states, checked before anything runs. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path, PurePath
from typing import Any

from mlops_nb.entities import ParamValue
from mlops_nb.errors import InvalidInput
from mlops_nb.projects.declarations import Parameter, closest, read_parameters
from mlops_nb.projects.kinds import Kind, Text

__all__ = ["Contract", "Parameter", "contract", "load_values", "parse_assignment", "recordable"]

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Contract:
    """The parameters of a notebook, by name, in the order of its cell.

    `stated` is False where the notebook has no cell tagged ``parameters`` and so takes none. `language` is the
    kernel's; of another than Python only the names are checked, since its cell cannot be read here.
    """

    notebook: str
    parameters: dict[str, Parameter] = field(default_factory=dict)
    stated: bool = True
    language: str = "python"

    def defaults(self) -> dict[str, Any]:
        """Names with the defaults that are known without running the notebook.

        Examples
        --------
        >>> Contract("nb.ipynb", read_parameters("lr = 0.1\\nhome = os.environ['HOME']")).defaults()
        {'lr': 0.1}
        """
        return {p.name: p.default for p in self.parameters.values() if not p.required and not p.computed}

    def check(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values as the contract's types; nothing that does not fit gets through.

        Parameters
        ----------
        values : mapping of str to object
            Python values, or text as it comes from a command line or a YAML file.

        Returns
        -------
        dict
            What was given, typed; defaults are not filled in.

        Raises
        ------
        InvalidInput
            All that is wrong in one sentence: unknown names, types, ranges, choices, what is missing.

        Examples
        --------
        >>> Contract("nb.ipynb", read_parameters("lr = 0.1  # (0, 1]")).check({"lr": "0.5"})
        {'lr': 0.5}
        """
        if not self.stated and values:
            raise InvalidInput(
                f"{self.notebook} has no cell tagged 'parameters', so it takes none, but {_listed(values)} was given.",
                hint="Assign the defaults in one cell and give that cell the tag 'parameters'.",
            )
        typed: dict[str, Any] = {}
        problems: list[str] = []
        for given, value in values.items():
            name = unicodedata.normalize("NFKC", given)  # as Python itself reads identifiers
            try:
                typed[name] = self._convert(name, value)
            except ValueError as error:
                problems.append(str(error))
        missing = [p.name for p in self.parameters.values() if p.required and p.name not in values]
        if missing:
            problems.append(f"{_listed(missing)} has no default and was not given")
        if problems:
            raise InvalidInput(
                f"{self.notebook} cannot run with these parameters: {'; '.join(problems)}.",
                hint=f"See what it takes with: mlops-nb run {self.notebook} --help",
            )
        return typed

    def _convert(self, name: str, value: Any) -> Any:
        if self.language != "python":
            if not re.fullmatch(r"[^\W\d][\w.]*", name):
                raise ValueError(f"{name!r} is not a name that a parameter can have")
            return Kind().convert(value)
        parameter = self.parameters.get(name)
        if parameter is None:
            guess = closest(name, self.parameters)
            raise ValueError(f"it has no parameter {name!r}{guess or f' (it has {_listed(self.parameters)})'}")
        try:
            return parameter.convert(value)
        except ValueError as error:
            shown = str(value) if isinstance(value, str) else repr(value)
            shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
            raise ValueError(f"{name}={shown} {error}") from None

    def describe(self) -> str:
        """What ``mlops-nb run NOTEBOOK --help`` prints of the notebook's parameters.

        Examples
        --------
        >>> print(Contract("nb.ipynb", read_parameters("lr = 0.1  # step size (0, 1]")).describe())
        Parameters of nb.ipynb (-p NAME=VALUE):
          lr  float in (0, 1], default 0.1
              step size
        """
        if not self.stated:
            return f"{self.notebook} takes no parameters: it has no cell tagged 'parameters'."
        if not self.parameters:
            return f"{self.notebook} takes no parameters: its cell tagged 'parameters' assigns none that can be read."
        width = min(24, max(map(len, self.parameters)))
        lines = [f"Parameters of {self.notebook} (-p NAME=VALUE):"]
        for parameter in self.parameters.values():
            lines.append(f"  {parameter.name:<{width}}  {_described(parameter)}")
            if parameter.help:
                lines.append(f"  {'':<{width}}  {parameter.help}")
        return "\n".join(lines)


def _described(parameter: Parameter) -> str:
    shown = str(parameter.type)
    if parameter.choices:
        shown += f" of {', '.join(map(str, parameter.choices))}"
    if parameter.range:
        shown += f" in {parameter.range}"
    if parameter.required:
        return f"{shown}, required"
    return f"{shown}, default {parameter.computed or recordable(parameter.default)!s}"


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(repr(str(name)) for name in names) or "none"


def contract(notebook: Mapping[str, Any], name: str = "the notebook") -> Contract:
    """The contract that a notebook states.

    Parameters
    ----------
    notebook : mapping
        The notebook as nbformat 4 JSON.
    name : str
        What to call it in messages: its path as the user typed it.

    Returns
    -------
    Contract
        Without parameters if there is no cell tagged ``parameters``.

    Raises
    ------
    InvalidInput
        If that cell is not valid Python.

    Examples
    --------
    >>> cell = {"cell_type": "code", "source": "lr = 0.1", "metadata": {"tags": ["parameters"]}}
    >>> contract({"cells": [cell]}).defaults()
    {'lr': 0.1}
    """
    cells = [cell for cell in notebook.get("cells", ()) if cell.get("cell_type") == "code"]
    tagged = [cell for cell in cells if "parameters" in cell.get("metadata", {}).get("tags", ())]
    metadata = notebook.get("metadata", {})
    language = metadata.get("language_info", {}).get("name") or metadata.get("kernelspec", {}).get("language")
    language = str(language or "python").lower()
    if not tagged:
        return Contract(name, stated=False, language=language)
    if language != "python":
        return Contract(name, language=language)
    source = tagged[0].get("source", "")
    try:
        return Contract(name, read_parameters(source if isinstance(source, str) else "".join(source)))
    except SyntaxError as error:
        raise InvalidInput(
            f"The cell tagged 'parameters' of {name} is not valid Python: {error.msg} in its line {error.lineno}.",
            hint="Correct the cell; it is read before anything runs.",
        ) from error


def parse_assignment(text: str) -> tuple[str, Text]:
    """Name and text of a ``-p NAME=VALUE``.

    Parameters
    ----------
    text : str
        What was typed; the first ``=`` divides it.

    Returns
    -------
    (str, Text)
        The text is read by the parameter's type in `Contract.check`.

    Raises
    ------
    InvalidInput
        If there is no ``=`` or no name.

    Examples
    --------
    >>> parse_assignment("query=a=1")
    ('query', 'a=1')
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InvalidInput(f"{text!r} is not a parameter.", hint="Write -p NAME=VALUE, for instance -p lr=0.1")
    return name.strip(), Text(value)


def load_values(path: str | Path) -> dict[str, Any]:
    """Values of parameters from a YAML or JSON file (``-f PARAMS.yaml``).

    Parameters
    ----------
    path : str or Path
        A file with one mapping of names to values.

    Returns
    -------
    dict
        Values as the file has them; only plain data is read, no Python objects.

    Raises
    ------
    InvalidInput
        If it cannot be read, or is not such a mapping.

    Examples
    --------
    >>> _ = Path("params.yaml").write_text("lr: 0.1\\nlayers: [64, 32]\\n")
    >>> load_values("params.yaml")
    {'lr': 0.1, 'layers': [64, 32]}
    """
    import yaml  # 70 ms of CPU: only for who has such a file

    hint = "Write one 'name: value' a line."
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"The parameter file {path} cannot be read: {error.strerror}.", hint=hint) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InvalidInput(f"The parameter file {path} is not valid YAML: {reason}.", hint=hint) from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise InvalidInput(f"The parameter file {path} is not a mapping of names to values.", hint=hint)
    return values


def recordable(value: Any) -> ParamValue:
    """A typed value as a run's param: dates as ISO text, paths as text, tuples and sets as lists.

    Parameters
    ----------
    value : object
        A value that `Contract.check` gave.

    Returns
    -------
    object
        Plain JSON data.

    Examples
    --------
    >>> recordable({"since": date(2024, 1, 31), "size": (3, 4)})
    {'since': '2024-01-31', 'size': [3, 4]}
    """
    match value:
        case datetime() | date():
            return value.isoformat()
        case PurePath():
            return str(value)
        case dict():
            return {str(key): recordable(item) for key, item in value.items()}
        case list() | tuple():
            return [recordable(item) for item in value]
        case set():
            return sorted((recordable(item) for item in value), key=repr)
        case bytes():
            return value.decode("latin-1")
    return value
