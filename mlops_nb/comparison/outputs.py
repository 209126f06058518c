"""What two runs displayed: streams joined, displays paired, each by its richest comparable form."""

from __future__ import annotations

import base64
import binascii
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlops_nb.comparison.images import compare_images
from mlops_nb.comparison.masks import Window, canonical_markup
from mlops_nb.comparison.tables import compare_tables, read_tables, read_text
from mlops_nb.comparison.texts import compare_texts, diff_code, summarise
from mlops_nb.comparison.values import Level, compare_values, delta_of
from mlops_nb.comparison.views import MISSING, Difference, Tolerance

__all__ = ["compare_outputs"]

_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_TEXTS = ("text/markdown", "text/latex", "image/svg+xml", "application/javascript", "text/plain")
_WIDGETS = ("application/vnd.jupyter.widget-view+json", "application/vnd.jupyterlab")
_MADE_ANEW = ("sk-container-id", "sk-estimator", "anywidget", "jupyter-widgets", "<script")
_EMBEDDED = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,([A-Za-z0-9+/=\s]+)")
_LEAF_LIMIT = 50
Windows = tuple[Window | None, Window | None]


def compare_outputs(
    expected: Sequence[Mapping[str, Any]],
    actual: Sequence[Mapping[str, Any]],
    tolerance: Tolerance,
    windows: Windows = (None, None),
) -> Iterator[Difference]:
    """The differences between two lists of nbformat outputs.

    Streams are joined by name, since how they interleave is chance. What goes to stderr (warnings, progress) is told,
    not judged. Displays are paired in order; execution counts and metadata are left out. Errors have their own fact.

    Parameters
    ----------
    expected, actual : sequence of nbformat outputs
        What was displayed.
    tolerance : Tolerance
        For the numbers in them.
    windows : pair of Window
        When each ran, by which dates are told from data.

    Examples
    --------
    >>> one = [{"output_type": "stream", "name": "stdout", "text": "loss 0.5"}]
    >>> [d.kind for d in compare_outputs(one, [], Tolerance())]
    ['output']
    """
    for name in ("stdout", "stderr"):
        yield from _compare_streams(name, _stream(expected, name), _stream(actual, name), tolerance, windows)
    left, right = _displays(expected), _displays(actual)
    for number, one, other in _pair(left, right):
        name = f"display {number}"
        if one is None or other is None:
            shown = [MISSING if side is None else _describe(side) for side in (one, other)]
            yield Difference("output", name, shown[0], shown[1], None, False, "displayed by one run only")
        else:
            yield from _compare_bundles(name, _data(one), _data(other), tolerance, windows)


def _displays(outputs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What was displayed, run cards left out: they are ours, and name a run, a duration and a digest each."""
    kinds = ("display_data", "execute_result")
    return [o for o in outputs if o.get("output_type") in kinds and not any(map(_is_card, _data(o)))]


def _is_card(mime: Any) -> bool:
    return str(mime).startswith("application/vnd.mlops-nb.")


def _stream(outputs: Sequence[Mapping[str, Any]], name: str) -> str:
    found = [o for o in outputs if o.get("output_type") == "stream" and o.get("name", "stdout") == name]
    return "".join(_text(output.get("text", "")) for output in found)


def _text(value: Any) -> str:
    """nbformat allows text as a list of lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def _compare_streams(
    name: str, expected: str, actual: str, tolerance: Tolerance, windows: Windows
) -> Iterator[Difference]:
    level = compare_texts(expected, actual, tolerance, windows)
    if level is Level.SAME:
        return
    kind, within = ("stderr", None) if name == "stderr" else ("output", level.within)
    detail = diff_code(expected, actual, context=1)
    yield Difference(kind, name, summarise(expected), summarise(actual), None, within, summarise(detail, 4_000))


def _data(output: Mapping[str, Any]) -> Mapping[str, Any]:
    data = output.get("data")
    return data if isinstance(data, Mapping) else {}


def _describe(output: Mapping[str, Any]) -> str:
    data = _data(output)
    return summarise(_text(data["text/plain"])) if "text/plain" in data else ", ".join(sorted(map(str, data)))


def _pair(
    left: list[Mapping[str, Any]], right: list[Mapping[str, Any]]
) -> Iterator[tuple[int, Mapping[str, Any] | None, Mapping[str, Any] | None]]:
    """Displays beside each other, in order; where one side has more, those of the same kinds stand together."""
    if len(left) == len(right):
        yield from ((number, one, other) for number, (one, other) in enumerate(zip(left, right, strict=True), 1))
        return
    one, other = ([" ".join(sorted(map(str, _data(output)))) for output in side] for side in (left, right))
    number = 0
    for _, i1, i2, j1, j2 in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        for offset in range(max(i2 - i1, j2 - j1)):
            number += 1
            i, j = i1 + offset, j1 + offset
            yield number, left[i] if i < i2 else None, right[j] if j < j2 else None


def _compare_bundles(
    name: str, expected: Mapping[str, Any], actual: Mapping[str, Any], tolerance: Tolerance, windows: Windows
) -> Iterator[Difference]:
    """Compare by the richest form that both have and that says something about the result."""
    if expected == actual:
        return
    both = [kind for kind in expected if kind in actual]
    images = [kind for kind in _IMAGES if kind in both]
    if images:
        yield from _compare_pictures(name, expected[images[0]], actual[images[0]], tolerance)
        return
    structured = [kind for kind in both if kind.endswith("json") and not kind.startswith(_WIDGETS)]
    if structured:
        yield from _compare_structured(name, expected[structured[0]], actual[structured[0]], tolerance)
        return
    if "text/html" in both:
        one, other = _text(expected["text/html"]), _text(actual["text/html"])
        if not any(mark in one or mark in other for mark in _MADE_ANEW) or "text/plain" not in both:
            yield from _compare_html(name, one, other, tolerance, windows)
            return
    texts = [kind for kind in _TEXTS if kind in both] or both
    if not texts:
        yield Difference("output", name, ", ".join(expected), ", ".join(actual), None, False, "of another kind")
        return
    yield from _compare_printed(name, expected[texts[0]], actual[texts[0]], tolerance, windows)


def _compare_pictures(name: str, expected: Any, actual: Any, tolerance: Tolerance) -> Iterator[Difference]:
    try:
        pair = [base64.b64decode(_text(value)) for value in (expected, actual)]
    except (binascii.Error, ValueError):
        pair = [_text(value).encode() for value in (expected, actual)]
    level, delta, detail = compare_images(pair[0], pair[1], tolerance)
    if level is not Level.SAME:
        yield Difference("output", name, "a picture", "a picture", delta, level.within, detail)


def _compare_structured(name: str, expected: Any, actual: Any, tolerance: Tolerance) -> Iterator[Difference]:
    for count, leaf in enumerate(compare_values(expected, actual, tolerance)):
        if leaf.path.rsplit(".", 1)[-1] in ("uid", "id"):
            continue  # Plotly and Vega number their parts anew
        delta = delta_of(leaf.expected, leaf.actual)
        yield Difference("output", f"{name} {leaf.path}", leaf.expected, leaf.actual, delta, leaf.level.within)
        if count >= _LEAF_LIMIT and leaf.level is Level.FAR:
            return


def _compare_html(
    name: str, expected: str, actual: str, tolerance: Tolerance, windows: Windows
) -> Iterator[Difference]:
    one, other = canonical_markup(expected), canonical_markup(actual)
    if one == other:
        return
    left, right = read_tables(one), read_tables(other)
    if len(left) != len(right):
        yield Difference("output", name, f"{len(left)} tables", f"{len(right)} tables", None, False)
        return
    told = 0
    for number, (a, b) in enumerate(zip(left, right, strict=True), 1):
        where = name if len(left) == 1 else f"{name} table {number}"
        for leaf in compare_tables(a, b, tolerance, windows):
            told += 1
            if told <= _LEAF_LIMIT or leaf.level is Level.FAR:
                delta = delta_of(_number(leaf.expected), _number(leaf.actual))
                yield Difference("output", where + leaf.path, leaf.expected, leaf.actual, delta, leaf.level.within)
            if told > _LEAF_LIMIT and leaf.level is Level.FAR:
                return
    text, other_text = read_text(one), read_text(other)
    level = compare_texts(text, other_text, tolerance, windows)
    if level is not Level.SAME:
        yield Difference("output", name, summarise(text), summarise(other_text), None, level.within)
    elif not told:
        yield from _compare_markup(name, one, other, tolerance, windows)


def _compare_markup(
    name: str, expected: str, actual: str, tolerance: Tolerance, windows: Windows
) -> Iterator[Difference]:
    """HTML that reads the same: its pictures, its drawings, and what else stands in its tags."""
    one, other = _EMBEDDED.findall(expected), _EMBEDDED.findall(actual)
    if len(one) != len(other):
        yield Difference("output", name, f"{len(one)} pictures", f"{len(other)} pictures", None, False)
    for number, (left, right) in enumerate(zip(one, other, strict=False), 1):
        yield from _compare_pictures(f"{name} picture {number}", left, right, tolerance)
    bare, bare_other = _EMBEDDED.sub("", expected), _EMBEDDED.sub("", actual)
    level = compare_texts(bare, bare_other, tolerance, windows)
    if level is not Level.SAME:
        drawn = "<svg" in bare or "<svg" in bare_other
        within = tolerance.relative > 0 and (level.within or not drawn)
        detail = "a drawing differs" if drawn else "reads the same; only attributes or styles differ"
        yield Difference("output", name, "HTML", "HTML", None, within, detail)


def _number(cell: Any) -> Any:
    try:
        return float(cell.replace(",", ""))
    except (ValueError, AttributeError):
        return cell


def _compare_printed(
    name: str, expected: Any, actual: Any, tolerance: Tolerance, windows: Windows
) -> Iterator[Difference]:
    one, other = canonical_markup(_text(expected)), canonical_markup(_text(actual))
    level = compare_texts(one, other, tolerance, windows)
    if level is not Level.SAME:
        delta = delta_of(_number(one.strip()), _number(other.strip()))
        detail = summarise(diff_code(one, other, context=1), 4_000) if "\n" in one + other else ""
        yield Difference("output", name, summarise(one), summarise(other), delta, level.within, detail)
