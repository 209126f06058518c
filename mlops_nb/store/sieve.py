"""The tree of a filter, tried on one experiment in memory."""

from __future__ import annotations

import operator
import re
from typing import Any

from mlops_nb.entities import Experiment
from mlops_nb.store.matching import match, translate_like
from mlops_nb.store.terms import Compare, Contains, Field, Group, Node, Not, Order

_OPERATORS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(node: Node, experiment: Experiment) -> bool:
    """Whether a filter holds for an experiment.

    Parameters
    ----------
    node : Node
        Of `search.parse_filter` with `EXPERIMENT_WORDS`.
    experiment : Experiment
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
        results = (holds(term, experiment) for term in node.terms)
        return all(results) if node.word == "and" else any(results)
    if isinstance(node, Not):
        return not holds(node.term, experiment)
    if isinstance(node, Contains):
        texts = (experiment.name, *experiment.tags, *experiment.tags.values())
        return any(match("(?i)" + re.escape(node.text), text) for text in texts)
    value = _value_of(node.field, experiment)
    if node.operator == "null":
        return (value is None) is not node.negated
    return value is not None and _compare(node, value) is not node.negated


def sort_value(order: Order, experiment: Experiment) -> tuple[bool, Any]:
    """What an experiment is sorted by; one without the value comes last either way.

    Examples
    --------
    >>> sort_value(Order(Field("attribute", "name"), False), Experiment("1", "churn"))
    (False, 'churn')
    """
    value = _value_of(order.field, experiment)
    return ((value is None) is not order.descending, "" if value is None else value)


def _value_of(field: Field, experiment: Experiment) -> Any:
    return experiment.tags.get(field.key) if field.kind == "tag" else getattr(experiment, field.key)


def _compare(node: Compare, value: Any) -> bool:
    wanted = node.values[0]
    if node.operator == "in":
        return value in node.values
    if node.operator == "~":
        return bool(match(wanted, value))
    if node.operator in ("like", "ilike"):
        return bool(match(translate_like(str(wanted), ignore_case=node.operator == "ilike"), value))
    return bool(_OPERATORS[node.operator](value, wanted))
