"""What a notebook will probably read and write, by its text: the order of stages that have never run. Pure."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from mlops_nb.capture.source import parse_cell

__all__ = ["foresee"]

_WRITING = ("to_", "write", "save", "dump", "export")
_JOINING = ("Path", "PurePath", "join", "joinpath")
_READING = ("read", "load", "open", "scan_", "from_", "glob", "imread")


def foresee(notebook: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Paths that stand in a notebook's calls, by whether these sound like reading or like writing.

    Parameters
    ----------
    notebook : mapping
        As nbformat 4 JSON.

    Returns
    -------
    (set of str, set of str)
        What is read and not written before, and what is written; as they stand there.

    Examples
    --------
    >>> source = "rows = pd.read_csv('raw.csv')\\nrows.to_csv('clean.csv'); open('log.txt', 'w')"
    >>> reads, writes = foresee({"cells": [{"cell_type": "code", "source": source}]})
    >>> sorted(reads), sorted(writes)
    (['raw.csv'], ['clean.csv', 'log.txt'])
    """
    reads: set[str] = set()
    writes: set[str] = set()
    for cell in notebook.get("cells", ()):
        source = cell.get("source", "")
        text = source if isinstance(source, str) else "".join(source)
        tree = parse_cell(text) if cell.get("cell_type") == "code" else None
        if tree is None:
            continue
        for path, writing in _touched(tree):
            if writing:
                writes.add(path)
            elif path not in writes:
                reads.add(path)
    return reads, writes


def _touched(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node)
        writing = name.startswith(_WRITING) or (name == "open" and _opens_for_writing(node))
        if not writing and not name.startswith(_READING):
            continue
        for path in _paths(node):
            yield path, writing


def _opens_for_writing(node: ast.Call) -> bool:
    modes = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "mode")]
    if isinstance(node.func, ast.Attribute):
        modes += node.args[:1]  # Path("x").open("w")
    return any(isinstance(m, ast.Constant) and isinstance(m.value, str) and set(m.value) & set("wax+") for m in modes)


def _paths(node: ast.Call) -> Iterator[str]:
    """Texts that look like paths: among the arguments, or in a ``Path(...)`` that the method is called on."""
    parts: list[ast.AST] = [*node.args, *(word.value for word in node.keywords)]
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call | ast.BinOp):
        parts.append(node.func.value)
    while parts:
        part = parts.pop()
        if isinstance(part, ast.Call) and _name(part) not in _JOINING:
            continue  # a call of its own, which says itself whether it reads or writes
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and _is_path(part.value):
            yield posixpath.normpath(part.value)
        parts += ast.iter_child_nodes(part)


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else str(getattr(call.func, "id", ""))


def _is_path(text: str) -> bool:
    stem, dot, ending = text.rpartition(".")
    return bool(stem and dot and 1 <= len(ending) <= 10 and ending.isalnum()) and len(text) < 300 and " " not in text
