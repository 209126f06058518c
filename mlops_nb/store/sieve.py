"""The tree of a filter, tried on one thing in memory: an experiment, or a logged model."""

from __future__ import annotations

import operator
import re
from typing import Any

from mlops_nb.entities import Experiment
from mlops_nb.store.matching import match, translate_like
from mlops_nb.store.terms import Compare, Contains, Field, Group, Node, Not, Order
from mlops_nb.wire.logged import LoggedModel

_OPERATORS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(node: Node, thing: Experiment | LoggedModel) -> bool:
    """Whether a filter holds for a thing. Of a metric with several points, one that fits is enough.

    Parameters
    ----------
    node : Node
        Of `search.parse_filter` with `EXPERIMENT_WORDS` or `LOGGED_WORDS`.
    thing : Experiment or LoggedModel
        What is tried.

    Returns
    -------
    bool
        As the same filter would be in SQL.

    Examples
    --------
    >>> holds(Compare(Field("attribute", "name"), "ilike", ("CH%",)), Experiment("1", "churn"))
    True
    """
    if isinstance(node, Group):
        results = (holds(term, thing) for term in node.terms)
        return all(results) if node.word == "and" else any(results)
    if isinstance(node, Not):
        return not holds(node.term, thing)
    if isinstance(node, Contains):
        texts = (thing.name, *thing.tags, *thing.tags.values())
        return any(match("(?i)" + re.escape(node.text), text) for text in texts)
    values = _values_of(node.field, thing)
    if node.operator == "null":
        return (not values) is not node.negated
    return any(_compare(node, value) is not node.negated for value in values)


def sort_value(order: Order, experiment: Experiment) -> tuple[bool, Any]:
    """What an experiment is sorted by; one without the value comes last either way.

    Examples
    --------
    >>> sort_value(Order(Field("attribute", "name"), False), Experiment("1", "churn"))
    (False, 'churn')
    """
    value = next(iter(_values_of(order.field, experiment)), None)
    return ((value is None) is not order.descending, "" if value is None else value)


def _values_of(field: Field, thing: Experiment | LoggedModel) -> list[Any]:
    """What a field is: nothing, one value, or that of each point of a metric."""
    if field.kind == "metric":
        return [point.value for point in getattr(thing, "points", ()) if point.key == field.key]
    if field.kind == "attribute":
        return [getattr(thing, field.key)]
    among: dict[str, Any] = thing.tags if field.kind == "tag" else getattr(thing, "params", {})
    return [among[field.key]] if field.key in among else []


def _compare(node: Compare, value: Any) -> bool:
    wanted = node.values[0]
    if node.operator == "in":
        return value in node.values
    if node.operator == "~":
        return bool(match(wanted, value))
    if node.operator in ("like", "ilike"):
        return bool(match(translate_like(str(wanted), ignore_case=node.operator == "ilike"), value))
    return bool(_OPERATORS[node.operator](value, wanted))
