"""The checkout as data, for the tests of the house rules: which files there are, and what stands in them."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "mlops_nb"


def python_files(*folders: str) -> list[Path]:
    """Python files of these folders of the checkout, sorted."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, nested ones included."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def public_functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef, bool]]:
    """(qualified name, function, is it a method) of a module's public functions and its public classes' methods."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node.name, node, False
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for member in node.body:
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) and not member.name.startswith("_"):
                    yield f"{node.name}.{member.name}", member, True


def module_name(path: Path) -> str:
    """The dotted name of a file of the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def exported_names(path: Path) -> set[str]:
    """Names that the room of this file exports, by the ``__all__`` of the room's folder and of the one above."""
    if path.parent == PACKAGE:
        return declared_names(path)
    return declared_names(path.parent / "__init__.py") | declared_names(path.parent.parent / "__init__.py")


def declared_names(path: Path) -> set[str]:
    """What stands in a file's ``__all__``, where it is a plain list."""
    for node in tree_of(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value)) if isinstance(node.value, ast.List) else set()
    return set()


def code_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function, its docstring not counted: documenting is not what makes one long."""
    doc = function.body[0] if ast.get_docstring(function) is not None else None
    length = (function.end_lineno or 0) - function.lineno + 1
    return length - ((doc.end_lineno or 0) - doc.lineno + 1 if doc else 0)


def map_of(folder: Path, depth: int = 0) -> list[str]:
    """A line for each room and module of the package: its name, and the first sentence of its docstring."""
    lines = [_entry(f"{folder.name}/", folder / "__init__.py", depth)]
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name)):
        if path.is_dir() and (path / "__init__.py").exists():
            lines += map_of(path, depth + 1)
        elif path.suffix == ".py" and path.name != "__init__.py":
            lines.append(_entry(path.name, path, depth + 1))
    return lines


def _entry(name: str, path: Path, depth: int) -> str:
    doc = (ast.get_docstring(tree_of(path)) or "").partition("\n\n")[0].replace("\n", " ")
    sentence = re.split(r"(?<=\.)\s", doc)[0].rstrip(".")
    return f"{'  ' * depth + name:<24} {textwrap.shorten(sentence, 95, placeholder=' ...')}".rstrip()


def architecture() -> str:
    """ARCHITECTURE.md with the map of today in it."""
    document = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    found = re.search(r"(?<=^```text\n)mlops_nb/.*?(?=^```)", document, re.MULTILINE | re.DOTALL)
    assert found, "ARCHITECTURE.md has no ```text block that begins with mlops_nb/"
    return document[: found.start()] + "\n".join(map_of(PACKAGE)) + "\n" + document[found.end() :]


if __name__ == "__main__":
    (ROOT / "ARCHITECTURE.md").write_text(architecture(), encoding="utf-8")
