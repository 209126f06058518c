"""The order of runs in SQL, and where a page begins in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, not_, null, or_, select, true

from mlops_nb.store import schema
from mlops_nb.store.clauses import MLFLOW_TAGS, TABLES, TAGS, Condition
from mlops_nb.store.terms import Field, Order

_NEVER_NULL = {
    "run_id", "name", "status", "start_time", "user_id", "experiment", "experiment_id", "revision", "source_type",
    "lifecycle_stage", "creation_time", "last_update_time",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SortKey:
    """An expression to sort by, ascending or not; what is NULL comes last."""

    expression: ColumnElement[Any]
    descending: bool
    nullable: bool


def sort_keys(orders: tuple[Order, ...]) -> list[SortKey]:
    """What runs are sorted by: the given terms, then the newest first, then by id.

    Parameters
    ----------
    orders : tuple of Order
        Of `search.parse_order`.

    Returns
    -------
    list of SortKey
        Ending with keys that tell any two runs apart.

    Examples
    --------
    >>> [key.descending for key in sort_keys(())]
    [True, False]
    """
    keys: list[SortKey] = []
    for order in orders:
        keys += [SortKey(each, order.descending, _may_lack(order.field)) for each in _expressions(order.field)]
    runs = schema.runs.c
    return [*keys, SortKey(runs.start_time, True, False), SortKey(runs.run_id, False, False)]


def has_second_part(orders: tuple[Order, ...]) -> bool:
    """Whether some runs may lack a value for the first sort term.

    Examples
    --------
    >>> has_second_part((Order(Field("metric", "acc"), True),)), has_second_part(())
    (True, False)
    """
    return bool(orders) and _may_lack(orders[0].field)


def _may_lack(field: Field) -> bool:
    return field.kind != "attribute" or field.key not in _NEVER_NULL


def _expressions(field: Field) -> list[ColumnElement[Any]]:
    runs = schema.runs.c
    if field.kind == "attribute":
        if field.key == "duration":
            return [runs.end_time - runs.start_time]
        if field.key == "experiment":
            names = schema.experiments.c
            return [select(names.name).where(names.experiment_id == runs.experiment_id).scalar_subquery()]
        if field.key not in TAGS:
            return [runs[field.key]]
        field = Field("tag", TAGS[field.key])
    if field.key in MLFLOW_TAGS and field.kind == "tag":
        return [runs[MLFLOW_TAGS[field.key]]]
    table = TABLES[field.kind]
    columns = {"metric": ("value",), "param": ("number", "head"), "tag": ("head",)}[field.kind]
    return [
        select(table.c[name]).where(table.c.run == runs.no, table.c.key == field.key).scalar_subquery()
        for name in columns
    ]


def walked_row(orders: tuple[Order, ...], part: int) -> Any:
    """The table whose rows hold the first sort key, under a name of its own; None if the runs hold it themselves.

    Examples
    --------
    >>> walked_row((Order(Field("metric", "acc"), True),), 0).c.key.name, walked_row((), 0)
    ('key', None)
    """
    field = orders[0].field if orders and part == 0 else None
    if field is None or field.kind not in TABLES or field.key in MLFLOW_TAGS:
        return None
    return TABLES[field.kind].alias()


def order_query(
    query: Select[Any], orders: tuple[Order, ...], part: int, after: tuple[bool, ...] | None, *, row: Any, walk: bool
) -> Select[Any]:
    """Sort a query, and let it begin after a given run.

    The runs that have a value for the first sort term are part 0, the rest part 1: each part can walk an index, which
    one statement with NULLs last can not.

    Parameters
    ----------
    query : Select
        Of columns of `runs`; the sort keys are added to its columns.
    orders : tuple of Order
        Of `search.parse_order`.
    part : int
        0 or 1; there is no part 1 where the first key is never NULL.
    after : tuple of bool or None
        For each key of the run to begin after, whether it is NULL; the values are parameters ``after_0`` ...
    row : alias or None
        Of `walked_row`.
    walk : bool
        Let the database walk the index of the first key; else it sorts what it finds.

    Returns
    -------
    Select
        With ORDER BY.
    """
    keys = sort_keys(orders)
    first = keys[0]
    if first.nullable:
        field = orders[0].field
        if part == 0:
            column = first.expression
            if row is not None:
                column = row.c[{"metric": "value", "param": "number", "tag": "head"}[field.kind]]
                query = query.join(row, and_(row.c.run == schema.runs.c.no, row.c.key == field.key))
            # No index serves an expression: that keeps SQLite from walking the order when it is to begin elsewhere.
            query = query.where((column if walk else func.coalesce(column, null())).is_not(None))
            first = SortKey(column, first.descending, False)
        else:
            query = query.where(first.expression.is_(None))
        keys = [first, *keys[1:]] if part == 0 else keys[1:]
    for key in keys:
        if key.nullable:
            query = query.order_by(key.expression.is_(None))
        query = query.order_by(key.expression.desc() if key.descending else key.expression)
    if after is not None:
        query = query.where(_after(keys, after))
    return query.add_columns(*(key.expression.label(f"key_{place}") for place, key in enumerate(keys)))


def _after(keys: list[SortKey], nulls: tuple[bool, ...]) -> Condition:
    """Later in the order than the run whose keys are the parameters ``after_0`` ..."""
    later: list[Condition] = []
    same: list[Condition] = []
    for place, (key, is_null) in enumerate(zip(keys, nulls, strict=True)):
        expression = key.expression
        if is_null:
            same.append(expression.is_(None))
            continue
        value = bindparam(f"after_{place}", type_=expression.type)
        behind: Condition = expression < value if key.descending else expression > value
        if key.nullable:
            behind = or_(behind, expression.is_(None))
        later.append(and_(*same, behind))
        same.append(expression == value)
    return or_(*later) if later else not_(true())
