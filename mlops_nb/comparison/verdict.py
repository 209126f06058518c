"""Whether a rerun gave what the original gave."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from mlops_nb.comparison.contents import compare_contents
from mlops_nb.comparison.outputs import compare_outputs
from mlops_nb.comparison.paths import paired
from mlops_nb.comparison.records import (
    code_of,
    data_read,
    data_written,
    environment_of,
    flatten,
    is_duration,
    randomness_of,
    sources_of,
    window_of,
)
from mlops_nb.comparison.texts import compare_texts, diff_code, summarise
from mlops_nb.comparison.values import Level, compare_numbers, compare_values, delta_of
from mlops_nb.comparison.views import MISSING, Difference, Judgement, RunView, Tolerance
from mlops_nb.errors import MlopsError

__all__ = ["find_differences", "judge"]

_SIZE_LIMIT = 256 << 20
_CAUSES = {
    "code": "code",
    "param": "code",
    "data": "data",
    "environment": "environment",
    "randomness": "randomness",
}
_PLACES = frozenset("executable prefix base_prefix cwd folder argv path host hostname user kernel".split())
"""Facts of an environment that say where it is and not what it is: told, and no suspects."""
_ORDER = ("code", "data", "environment", "randomness")


def judge(
    original: RunView, rerun: RunView, tolerance: float | None = None, *, ignore: Collection[str] = ()
) -> Judgement:
    """Whether `rerun` gave the results of `original`.

    Parameters
    ----------
    original, rerun : RunView
        The two runs.
    tolerance : float, optional
        Relative tolerance of numbers, integers included; 0 asks for exactly the same. Without it floats may differ by a
        millionth, and integers not at all.
    ignore : collection of str
        Patterns of artifact paths that are no results, such as ``*.ipynb``.

    Returns
    -------
    Judgement
        The verdict, what differs (results that differ most first, then what they were made from), and the suspects.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from mlops_nb.entities import Run, Status
    >>> run = Run("a", "a", "0", "e", Status.FINISHED, 0, metrics={"acc": 0.9})
    >>> judge(RunView(run), RunView(run)).verdict
    'identical'
    >>> judge(RunView(run), RunView(replace(run, metrics={"acc": 0.8}))).explain()
    'diverged: metric acc beyond the tolerance (relative 1e-06, absolute 1e-09).'
    """
    limits = Tolerance.of(tolerance)
    found = list(find_differences(original, rerun, limits, ignore=ignore))
    verdict = "identical"
    if any(difference.within is False for difference in found):
        verdict = "diverged"
    elif any(difference.within for difference in found):
        verdict = "equivalent"
    rank = {False: 0, True: 1, None: 2}
    found.sort(key=lambda difference: rank[difference.within])
    causes = {_CAUSES[d.kind] for d in found if d.kind in _CAUSES and d.name.rsplit(".", 1)[-1] not in _PLACES}
    suspects = tuple(cause for cause in _ORDER if cause in causes)
    return Judgement(verdict, limits, [difference.as_json() for difference in found], suspects)


def find_differences(
    original: RunView, rerun: RunView, tolerance: Tolerance, *, ignore: Collection[str] = ()
) -> Iterator[Difference]:
    """Everything in which two runs differ: results, then what they were made from.

    Examples
    --------
    >>> from mlops_nb.entities import Run, Status
    >>> run = Run("a", "a", "0", "e", Status.FINISHED, 0)
    >>> one, other = RunView(run, {"code": "x = 1"}), RunView(run, {"code": "x = 2"})
    >>> [difference.name for difference in find_differences(one, other, Tolerance())]
    ['cell']
    """
    yield from _compare_ends(original, rerun, tolerance)
    yield from _compare_metrics(original, rerun, tolerance)
    windows = (window_of(original), window_of(rerun))
    outputs = [view.facts.get("outputs") or () for view in (original, rerun)]
    yield from compare_outputs(outputs[0], outputs[1], tolerance, windows)
    yield from _compare_files("artifact", _files(original, ignore), _files(rerun, ignore), (original, rerun), tolerance)
    yield from _compare_written(original, rerun, tolerance)
    yield from _compare_models(original, rerun, tolerance)
    yield from _compare_code(original, rerun)
    yield from _compare_exactly("param", original.run.params, rerun.run.params)
    read = data_read(original)
    yield from _compare_exactly("data", read, paired(read, data_read(rerun), windows))
    yield from _compare_exactly("environment", environment_of(original), environment_of(rerun))
    yield from _compare_exactly("git", *(flatten(view.facts.get("git") or {}) for view in (original, rerun)))
    yield from _compare_exactly("randomness", randomness_of(original), randomness_of(rerun))


def _compare_ends(original: RunView, rerun: RunView, tolerance: Tolerance) -> Iterator[Difference]:
    one, other = (view.facts.get("error") or {} for view in (original, rerun))
    status = original.run.status.value, rerun.run.status.value
    if status[0] != status[1]:
        yield Difference("status", "status", *status, None, False)
    if bool(one) != bool(other):
        shown = [f"{error.get('ename')}: {error.get('evalue')}" if error else MISSING for error in (one, other)]
        yield Difference("error", "exception", shown[0], shown[1], None, False)
    elif one.get("ename") != other.get("ename"):
        yield Difference("error", "exception", one.get("ename"), other.get("ename"), None, False)
    else:
        said = [str(error.get("evalue", "")) for error in (one, other)]
        level = compare_texts(said[0], said[1], tolerance, (window_of(original), window_of(rerun)))
        if level is not Level.SAME:
            yield Difference("error", "message", summarise(said[0]), summarise(said[1]), None, level.within)


def _compare_metrics(original: RunView, rerun: RunView, tolerance: Tolerance) -> Iterator[Difference]:
    one, other = original.run.metrics, rerun.run.metrics
    for key in _keys(one, other):
        expected, actual = one.get(key, MISSING), other.get(key, MISSING)
        if isinstance(expected, int | float) and isinstance(actual, int | float):
            level = compare_numbers(expected, actual, tolerance)
            if level is Level.SAME:
                continue
            kind, within = ("duration", None) if is_duration(key) else ("metric", level.within)
            yield Difference(kind, key, expected, actual, delta_of(expected, actual), within)
        else:
            yield Difference("metric", key, expected, actual, None, False, "logged by one run only")


def _keys(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys([*one, *other]))


def _files(view: RunView, ignore: Collection[str]) -> dict[str, str]:
    kept = {a.path: a.digest for a in view.artifacts if not any(fnmatchcase(a.path, pattern) for pattern in ignore)}
    return dict(sorted(kept.items()))


def _compare_files(
    kind: str, one: Mapping[str, str], other: Mapping[str, str], views: tuple[RunView, RunView], tolerance: Tolerance
) -> Iterator[Difference]:
    sizes = {artifact.digest: artifact.size for view in views for artifact in view.artifacts}
    sizes |= {ref.digest: ref.size for view in views for ref in view.data}
    said = {ref.digest: ref.profile["content"] for view in views for ref in view.data if ref.profile.get("content")}
    for path in _keys(one, other):
        expected, actual = one.get(path, MISSING), other.get(path, MISSING)
        if expected == actual:
            continue
        if expected is MISSING or actual is MISSING:
            yield Difference(kind, path, expected, actual, None, False, "written by one run only")
            continue
        if said.get(str(expected), 0) == said.get(str(actual), 1):
            continue
        contents = None
        if max(sizes.get(str(expected), 0), sizes.get(str(actual), 0)) <= _SIZE_LIMIT:
            contents = _read(views[0].read, str(expected)), _read(views[1].read, str(actual))
        if contents is None or contents[0] is None or contents[1] is None:
            yield Difference(kind, path, expected, actual, None, False, "compared by digest")
            continue
        level, delta, detail = compare_contents(contents[0], contents[1], path, tolerance)
        if level is not Level.SAME:
            yield Difference(kind, path, expected, actual, delta, level.within, detail)


def _compare_written(original: RunView, rerun: RunView, tolerance: Tolerance) -> Iterator[Difference]:
    """Files that the code makes. What a cell wrote before following began (the one that loads us) was not seen: such a
    file is as it was read afterwards, and if nobody read it, that only the rerun wrote it says nothing."""
    one, read = data_written(original), data_read(original)
    other = paired(one, data_written(rerun), (window_of(original), window_of(rerun)))
    unseen = other.keys() - one.keys()
    expected = {**one, **{path: read[path] for path in sorted(unseen & read.keys())}}
    for found in _compare_files("written", expected, other, (original, rerun), tolerance):
        late = found.name in unseen - read.keys() and _began_late(original)
        yield replace(found, within=None, detail="written before mlops_nb was loaded, or never") if late else found


def _began_late(view: RunView) -> bool:
    info = view.facts.get("slice_info")
    notes = info.get("notes") if isinstance(info, Mapping) else None
    return any("ran before mlops_nb was loaded" in str(note) for note in notes or ())


def _read(read: Callable[[str], bytes] | None, digest: str) -> bytes | None:
    if read is None:
        return None
    try:
        return read(digest)
    except (MlopsError, LookupError, OSError):
        return None  # not kept, or of an algorithm that is not the store's: its digest has to do


def _compare_models(original: RunView, rerun: RunView, tolerance: Tolerance) -> Iterator[Difference]:
    one, other = (_models(view) for view in (original, rerun))
    for name in _keys(one, other):
        if name not in one or name not in other:
            shown = [name if name in side else MISSING for side in (one, other)]
            yield Difference("model", name, shown[0], shown[1], None, False, "made by one run only")
            continue
        for leaf in compare_values(one[name], other[name], tolerance, name):
            if not is_duration(leaf.path.replace("[", "_").split("]")[0]):
                delta = delta_of(leaf.expected, leaf.actual)
                yield Difference("model", leaf.path, leaf.expected, leaf.actual, delta, leaf.level.within)


def _models(view: RunView) -> dict[str, Any]:
    models = view.facts.get("models")
    if not isinstance(models, list):
        return {}
    return {str(m.get("name", n)) if isinstance(m, Mapping) else str(n): m for n, m in enumerate(models)}


def _compare_code(original: RunView, rerun: RunView) -> Iterator[Difference]:
    diff = diff_code(code_of(original), code_of(rerun), (original.run.name, rerun.run.name))
    if diff:
        yield Difference("code", "cell", summarise(code_of(original)), summarise(code_of(rerun)), None, None, diff)
    one, other = sources_of(original), sources_of(rerun)
    if one and other:
        diff = diff_code("\n\n".join(one), "\n\n".join(other), (original.run.name, rerun.run.name))
        if diff:
            yield Difference("code", "slice", f"{len(one)} cells", f"{len(other)} cells", None, None, diff)


def _compare_exactly(kind: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Difference]:
    for name in _keys(one, other):
        expected, actual = one.get(name, MISSING), other.get(name, MISSING)
        if any(True for _ in compare_values(expected, actual, _EXACT)):
            yield Difference(kind, name, expected, actual, delta_of(expected, actual))


_EXACT = Tolerance(0.0, 0.0)
