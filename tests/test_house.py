"""The house rules of CONTRIBUTING.md, held: budgets, names, imports, docstrings, public names, the map and the disk."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import grimp
import pytest

from tests.house import (
    PACKAGE,
    ROOT,
    architecture,
    code_length,
    exported_names,
    functions,
    module_name,
    public_functions,
    python_files,
    tree_of,
)

FILE_BUDGET = 450
FUNCTION_BUDGET = 60
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
HEAVY = ["pandas", "numpy", "sqlalchemy", "papermill", "jupyter_server", "nbformat", "nbclient", "fsspec"]

modules = pytest.mark.parametrize("path", python_files("mlops_nb"), ids=module_name)


def test_files_stay_within_their_budget() -> None:
    paths = python_files("mlops_nb", "tests", "benchmarks", "examples")
    assert len(paths) > 5
    long = {str(path.relative_to(ROOT)): count for path in paths if (count := _lines(path)) > FILE_BUDGET}
    assert not long, f"files over {FILE_BUDGET} lines: {long}"


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_functions_stay_within_their_budget() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}": length
        for path in python_files("mlops_nb", "tests", "benchmarks")
        for function in functions(tree_of(path))
        if (length := code_length(function)) > FUNCTION_BUDGET
    }
    assert not long, f"functions over {FUNCTION_BUDGET} lines: {long}"


def test_no_file_is_named_for_nothing() -> None:
    paths = [path for path in PACKAGE.rglob("*") if path.suffix == ".py" or path.is_dir()]
    bad = [str(path.relative_to(ROOT)) for path in paths if path.stem in FORBIDDEN_NAMES]
    assert not bad, f"name these for what they hold: {bad}"


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = grimp.build_graph("mlops_nb", exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    circles = []
    for start in sorted(imports):
        seen: set[str] = set()
        queue = list(imports[start])
        while queue:
            module = queue.pop()
            if module not in seen:
                seen.add(module)
                queue += imports[module]
        if start in seen:
            circles.append(start)
    assert not circles, f"these modules import themselves through others (lazy imports count): {circles}"


@modules
def test_public_functions_are_documented(path: Path) -> None:
    """Annotated throughout, with a docstring; what a room exports has an example, too, which is executed."""
    missing: list[str] = []
    if ast.get_docstring(tree_of(path)) is None and path.read_text(encoding="utf-8").strip():
        missing.append("the module has no docstring")
    exported = exported_names(path)
    for name, function, is_method in public_functions(tree_of(path)):
        missing += [f"{name}: {reason}" for reason in _undocumented(function, is_method)]
        if name in exported and ">>>" not in (ast.get_docstring(function) or ""):
            missing.append(f"{name}: no example (>>>) in the docstring")
    assert not missing, "\n".join(missing)


def _undocumented(function: ast.FunctionDef | ast.AsyncFunctionDef, is_method: bool) -> list[str]:
    decorators = {ast.unparse(decorator) for decorator in function.decorator_list}
    if decorators & {"overload", "typing.overload"} or any(name.endswith(".setter") for name in decorators):
        return []
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    arguments += [argument for argument in (function.args.vararg, function.args.kwarg) if argument]
    bare = [a.arg for a in arguments if a.annotation is None and not (is_method and a.arg in ("self", "cls"))]
    reasons = [f"not annotated: {bare or 'the result'}"] if bare or function.returns is None else []
    return reasons if ast.get_docstring(function) else [*reasons, "no docstring"]


@modules
def test_all_names_the_public_members(path: Path) -> None:
    """`__all__`, where there is one, is what is public; a room (a folder) and the package itself always have one."""
    module = importlib.import_module(module_name(path))
    declared = getattr(module, "__all__", None)
    if declared is None:
        assert path.name != "__init__.py" or not _public_definitions(module), f"{path.name} of a room needs __all__"
        return
    assert len(declared) == len(set(declared)), "a name stands twice in __all__"
    absent = [name for name in declared if not hasattr(module, name)]
    assert not absent, f"in __all__, but not there: {absent}"
    unlisted = sorted(_public_definitions(module) - set(declared))
    assert not unlisted, f"public, but not in __all__: {unlisted}"


def _public_definitions(module: ModuleType) -> set[str]:
    """Public classes and functions that the module itself defines."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
        and name not in ("load_ipython_extension", "unload_ipython_extension")
    }


def test_the_map_is_the_territory() -> None:
    """ARCHITECTURE.md lists every room and module, each with what its docstring begins with."""
    document = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert document == architecture(), "the map is out of date; write it again with: python -m tests.house"


def test_the_changelog_tells_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


LIGHT = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
assert shell.run_cell("%load_ext mlops_nb").success
print(json.dumps(sorted({name.split(".")[0] for name in set(sys.modules) - before})))
"""


def test_loading_the_extension_imports_nothing_heavy() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert answer.returncode == 0, answer.stderr
    loaded = json.loads(answer.stdout.splitlines()[-1])
    assert "mlops_nb" in loaded
    assert not set(loaded) & set(HEAVY), f"%load_ext imports {sorted(set(loaded) & set(HEAVY))}"


def test_examples_are_kept_without_outputs() -> None:
    """Outputs are made by running; cell ids stay, since they are what a run's history hangs on."""
    notebooks = sorted((ROOT / "examples").glob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        content = json.loads(path.read_text(encoding="utf-8"))
        for cell in content["cells"]:
            assert not cell.get("outputs") and not cell.get("execution_count"), f"{path.name}: {cell['id']} has outputs"
            assert not re.fullmatch(r"[0-9a-f]{8}(-.*)?", cell["id"]), f"{path.name}: name the cell {cell['id']}"
