"""The stages of a pipeline: which notebooks there are, and in which order what they read and write puts them. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mlops_nb.errors import InvalidInput
from mlops_nb.projects.declarations import closest
from mlops_nb.projects.spec import inside, read_raw

__all__ = ["Stage", "arrange", "declared_stages", "find_notebooks", "links"]

NAMES = (
    ("get", "fetch", "download", "ingest", "extract", "collect", "load"),
    ("prepare", "clean", "data", "preprocess", "split"),
    ("feature", "features", "transform", "engineer"),
    ("design", "explore", "select"),
    ("train", "fit", "tune", "optimise", "optimize"),
    ("evaluate", "eval", "test", "validate", "score", "compare"),
    ("report", "register", "deploy", "publish"),
    ("serve", "predict"),
    ("monitor",),
)
"""The stages of a model's life, in order, by the words that notebooks are called after."""

_KEYS = {"notebook", "reads", "writes", "inputs", "outputs", "after", "params", "parameters", "stage"}


@dataclass(frozen=True, slots=True)
class Stage:
    """A notebook of a pipeline. `reads` and `writes` are paths, folders or patterns, seen from the project's folder.

    `stated` says that they were declared; else they are learnt. `life` is what its runs carry as their stage.
    """

    name: str
    notebook: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    life: str = ""
    stated: bool = False


def declared_stages(folder: Path) -> list[Stage]:
    """The stages that MLproject (``stages:``) or pyproject.toml (``[tool.mlops_nb.stages]``) declares.

    Parameters
    ----------
    folder : Path
        The project's.

    Returns
    -------
    list of Stage
        In the order of the file; empty if none are declared.

    Raises
    ------
    InvalidInput
        If a declaration cannot be read, or names something that is not there or outside the folder.

    Examples
    --------
    >>> _ = Path("fit.ipynb").write_text("{}")
    >>> _ = Path("MLproject").write_text("stages: {train: {notebook: fit.ipynb, reads: [a.csv]}}")
    >>> [(stage.name, stage.notebook, stage.reads) for stage in declared_stages(Path("."))]
    [('train', 'fit.ipynb', ('a.csv',))]
    """
    place, raw = "MLproject", read_raw(folder).get("stages")
    if raw is None and (folder / "pyproject.toml").is_file():
        place = "pyproject.toml"
        try:
            found = tomllib.loads(inside(folder, place).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidInput(f"{folder / place} cannot be read: {error}.") from error
        raw = found.get("tool", {}).get("mlops_nb", {}).get("stages")
    if raw is None:
        return []
    if not isinstance(raw, dict) or not raw:
        raise InvalidInput(f"The stages in {place} are not a mapping of names.", hint="Write: stages: {train: {...}}")
    stages = [_stage(folder, place, str(name), each if each is not None else {}) for name, each in raw.items()]
    names = {stage.name for stage in stages}
    for stage in stages:
        for other in stage.after:
            if other not in names:
                raise InvalidInput(
                    f"The stage {stage.name!r} is after {other!r}, which is none{closest(other, names)}."
                )
    return stages


def _stage(folder: Path, place: str, name: str, raw: Any) -> Stage:
    raw = {"notebook": raw} if isinstance(raw, str) else raw
    if not isinstance(raw, dict):
        raise InvalidInput(f"The stage {name!r} in {place} is not a mapping.", hint="Write notebook: ... below it.")
    for key in raw:
        if key not in _KEYS:
            raise InvalidInput(f"The stage {name!r} in {place} has a key {key!r}{closest(key, _KEYS)}.")
    notebook = str(raw.get("notebook") or f"{name}.ipynb")
    if not notebook.endswith(".ipynb") or not inside(folder, notebook).is_file():
        raise InvalidInput(f"The stage {name!r} in {place} names the notebook {notebook!r}, which is not there.")
    reads = _texts(name, raw.get("reads", raw.get("inputs")))
    writes = _texts(name, raw.get("writes", raw.get("outputs")))
    for path in (*reads, *writes):
        if "://" not in path:
            inside(folder, re.split(r"[*?\[]", path)[0] or ".")
    params = raw.get("params", raw.get("parameters")) or {}
    if not isinstance(params, dict):
        raise InvalidInput(f"The params of the stage {name!r} are not a mapping of names to values.")
    life = str(raw.get("stage") or name)
    stated = bool(reads or writes)
    return Stage(name, notebook, reads, writes, _texts(name, raw.get("after")), params, life, stated)


def _texts(name: str, raw: Any) -> tuple[str, ...]:
    listed = (
        [raw] if isinstance(raw, str) else list(raw) if isinstance(raw, list | tuple) else [] if raw is None else None
    )
    if listed is None or not all(isinstance(each, str) for each in listed):
        raise InvalidInput(f"The stage {name!r} lists something that is no text: {raw!r}.")
    return tuple(str(each).removeprefix("./").rstrip("/") for each in listed)


def find_notebooks(folder: Path) -> list[Stage]:
    """The notebooks of a folder as stages, named after their files, a number in front left out.

    Parameters
    ----------
    folder : Path
        Its sub-folders are not looked into.

    Returns
    -------
    list of Stage
        By number, then by what notebooks of that name do in a model's life, then by name.

    Examples
    --------
    >>> for name in ("train.ipynb", "evaluate.ipynb", "prepare.ipynb"): _ = Path(name).write_text("{}")
    >>> [stage.name for stage in find_notebooks(Path("."))]
    ['prepare', 'train', 'evaluate']
    """
    found = sorted(path.name for path in folder.glob("*.ipynb") if not path.name.startswith("."))
    names = [re.sub(r"^\d+[\s_.-]*", "", name.removesuffix(".ipynb")) or name.removesuffix(".ipynb") for name in found]
    if len(set(names)) < len(names):
        names = [name.removesuffix(".ipynb") for name in found]
    pairs = sorted(zip(found, names, strict=True), key=lambda pair: (_number(pair[0]), _rank(pair[1]), pair[0]))
    return [Stage(name, file, life=name) for file, name in pairs]


def _number(file: str) -> int:
    match = re.match(r"\d{1,9}", file)
    return int(match[0]) if match else 0


def _rank(name: str) -> int:
    words = re.split(r"[^a-z]+", name.lower())
    ranks = [place for place, known in enumerate(NAMES) if any(word in known for word in words)]
    return ranks[0] if ranks else len(NAMES) // 2


def links(stages: Sequence[Stage]) -> list[tuple[str, str, str]]:
    """Which stage feeds which: (from, to, the path), or an empty path where it was only said so.

    Parameters
    ----------
    stages : sequence of Stage
        With what they read and write, declared or learnt.

    Returns
    -------
    list of (str, str, str)

    Examples
    --------
    >>> links([Stage("a", "a.ipynb", writes=("d/x.csv",)), Stage("b", "b.ipynb", reads=("d",))])
    [('a', 'b', 'd/x.csv')]
    """
    found = [
        (writer.name, reader.name, written)
        for writer in stages
        for reader in stages
        if writer is not reader
        for written in writer.writes
        if not (written in writer.reads and written in reader.writes)  # both change it: neither is first
        if any(_same(written, read) for read in reader.reads)
    ]
    return found + [(other, stage.name, "") for stage in stages for other in stage.after]


def _same(written: str, read: str) -> bool:
    if written == read or read.startswith(f"{written}/") or written.startswith(f"{read}/"):
        return True
    return fnmatchcase(written, read) or fnmatchcase(read, written)


def arrange(stages: Sequence[Stage]) -> list[Stage]:
    """The stages in an order in which each comes after those that feed it; else in the order that they have.

    Parameters
    ----------
    stages : sequence of Stage
        In the order that is taken where nothing says another one.

    Returns
    -------
    list of Stage

    Raises
    ------
    InvalidInput
        If it is declared that they feed each other in a circle.

    Examples
    --------
    >>> [s.name for s in arrange([Stage("b", "b.ipynb", reads=("x",)), Stage("a", "a.ipynb", writes=("x",))])]
    ['a', 'b']
    """
    waiting: dict[str, set[str]] = {stage.name: set() for stage in stages}
    for source, target, _ in links(stages):
        if source != target:
            waiting[target].add(source)
    left, done = list(stages), list[Stage]()
    while left:
        ready = next((stage for stage in left if not waiting[stage.name] - {each.name for each in done}), None)
        if ready is None and not all(stage.stated for stage in left):
            ready = left[0]  # learnt or foreseen: the order that they have is as good as any
        if ready is None:
            circle = _circle(waiting, {stage.name for stage in left})
            raise InvalidInput(
                f"The stages feed each other in a circle: {' → '.join(circle)}.",
                hint="Let one of them write another file, or declare what they read and write.",
            )
        left.remove(ready)
        done.append(ready)
    return done


def _circle(waiting: Mapping[str, set[str]], left: Iterable[str]) -> list[str]:
    names = set(left)
    way = [min(names)]
    while way[-1] not in way[:-1]:
        way.append(min(waiting[way[-1]] & names))
    return way[way.index(way[-1]) :][::-1]
