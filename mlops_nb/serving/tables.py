"""Entries of the request log as Arrow tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlops_nb.serving.recorder import Answer, Truth

INPUT = "input."
OUTPUT = "output."
"""What stands before the names of a request's columns, and of an answer's, in the log."""


def answers_table(answers: Sequence[Answer], model: str, redacted: frozenset[str] = frozenset()) -> Any:
    """A table with a row for every row of the answers; columns that are redacted are not in it.

    Examples
    --------
    >>> answers_table([], "churn").column_names[:3]
    ['request_id', 'row', 'time']
    """
    import pyarrow as arrow

    counts = [max(1, answer.rows) for answer in answers]
    spread = [place for place, count in enumerate(counts) for _ in range(count)]

    def column(values: list[Any], kind: Any) -> Any:
        made = arrow.array(values, kind)
        return made if len(spread) == len(values) else made.take(arrow.array(spread, arrow.int64()))

    text = arrow.string()
    made: dict[str, Any] = {
        "request_id": column([each.request_id for each in answers], text),
        "row": arrow.array([row for count in counts for row in range(count)], arrow.int64()),
        "time": column([round(each.time * 1e6) for each in answers], arrow.int64()).cast(
            arrow.timestamp("us", tz="UTC")
        ),
        "model": column([model] * len(answers), text),
        "version": column([each.version for each in answers], text),
        "run_id": column([each.run_id for each in answers], text),
        "role": column([each.role for each in answers], text),
        "latency_ms": column([each.latency_ms for each in answers], arrow.float64()),
        "status": column([each.status for each in answers], arrow.int64()),
        "error": column([_error(each, redacted) for each in answers], text),
    }
    for prefix, part in ((INPUT, "inputs"), (OUTPUT, "outputs")):
        columns = [getattr(each, part) for each in answers]
        shapes = dict.fromkeys(map(tuple, columns))  # hardly ever more than one
        for name in dict.fromkeys(name for shape in shapes for name in shape if name not in redacted):
            made[f"{prefix}{name}"] = join_values([each.get(name) for each in columns], counts)
    return arrow.table(made)


def feedback_table(truths: Sequence[Truth]) -> Any:
    """A table with a row for every truth.

    Examples
    --------
    >>> feedback_table([]).column_names
    ['request_id', 'row', 'time', 'truth']
    """
    import pyarrow as arrow

    return arrow.table(
        {
            "request_id": arrow.array([each.request_id for each in truths], arrow.string()),
            "row": arrow.array([each.row for each in truths], arrow.int64()),
            "time": arrow.array([round(each.time * 1e6) for each in truths], arrow.int64()).cast(
                arrow.timestamp("us", tz="UTC")
            ),
            "truth": join_values([[each.truth] for each in truths], [1] * len(truths)),
        }
    )


def groups_of(parts: Sequence[Any]) -> list[list[int]]:
    """Numbers of tables that can become one: neighbours whose columns of one name are of one kind (or of none yet).

    Examples
    --------
    >>> import pyarrow
    >>> parts = [pyarrow.table({"a": [1]}), pyarrow.table({"a": [None], "b": [2]}), pyarrow.table({"a": ["x"]})]
    >>> groups_of(parts)
    [[0, 1], [2]]
    """
    import pyarrow.types as types

    made: list[list[int]] = []
    kinds: dict[str, Any] = {}
    for number, part in enumerate(parts):
        number_like = {each.name: types.is_integer(each.type) or types.is_floating(each.type) for each in part.schema}
        fields = {
            each.name: "number" if number_like[each.name] else each.type
            for each in part.schema
            if not types.is_null(each.type)
        }
        if not made or any(kinds.get(name, kind) != kind for name, kind in fields.items()):
            made.append([])
            kinds = {}
        made[-1].append(number)
        kinds |= fields
    return made


def join_tables(parts: Sequence[Any]) -> Any:
    """One table out of a group, as Parquet keeps it: what a part lacks is null there, what has no value is text.

    Examples
    --------
    >>> import pyarrow
    >>> join_tables([pyarrow.table({"a": [1]}), pyarrow.table({"a": [0.5], "b": [2]})]).to_pydict()
    {'a': [1.0, 0.5], 'b': [None, 2]}
    """
    import pyarrow as arrow

    made = parts[0] if len(parts) == 1 else arrow.concat_tables(parts, promote_options="permissive")
    kinds = [each.with_type(arrow.string()) if arrow.types.is_null(each.type) else each for each in made.schema]
    return made.cast(arrow.schema(kinds))


def release_memory() -> None:
    """Give back what Arrow has kept of writing, which it would need again in seconds only."""
    import pyarrow as arrow

    arrow.default_memory_pool().release_unused()


def join_values(pieces: Sequence[Any], counts: Sequence[int]) -> Any:
    """One column out of the requests' pieces (lists, arrays, series; None for a request without it).

    What has no common type becomes text: JSON of each value.

    Examples
    --------
    >>> join_values([[1, 2], None, [0.5]], [2, 1, 1]).to_pylist()
    [1.0, 2.0, None, 0.5]
    >>> join_values([[1], ["a"]], [1, 1]).to_pylist()
    ['1', 'a']
    """
    import pyarrow as arrow

    values: list[Any] = [piece[0] for piece in pieces if type(piece) is list and len(piece) == 1]
    if len(values) != len(pieces) or len(values) != sum(counts):  # not one row a request, as nearly all are
        values = []
        for piece, count in zip(pieces, counts, strict=True):
            found = [None] * count if piece is None else _plain(piece)
            values += found if len(found) == count else [None] * count
    try:
        made = arrow.array(values, from_pandas=True)
    except (arrow.ArrowException, OverflowError, TypeError, ValueError):
        try:  # whole numbers and fractions are numbers
            numbers = all((isinstance(v, (int, float)) and not isinstance(v, bool)) or v is None for v in values)
            made = arrow.array(values, arrow.float64() if numbers else arrow.string(), from_pandas=True)
        except (arrow.ArrowException, OverflowError, TypeError, ValueError):
            made = arrow.array([_as_text(value) for value in values], arrow.string())
    return made


def _plain(piece: Any) -> list[Any]:
    found = piece.tolist() if hasattr(piece, "tolist") else piece
    return found if isinstance(found, list) else [found]


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, default=str)


def _error(answer: Answer, redacted: frozenset[str]) -> str | None:
    if answer.error and any(f"'{name}'" in answer.error for name in redacted):
        return "A redacted column does not fit."  # the sentence would quote its value
    return answer.error
