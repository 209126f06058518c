"""From the tree of a filter to SQL: conditions, order, and where a page begins. Pure; every value is a bound parameter.

Each condition is true or false, never unknown, so that NOT means what it says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from math import isnan
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Double,
    Select,
    and_,
    bindparam,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
)  # fmt: skip

from mlops_nb.store import schema
from mlops_nb.store.matching import translate_like
from mlops_nb.store.plans import WALK, Plan
from mlops_nb.store.rows import encode_json, split_head, storable
from mlops_nb.store.terms import Compare, Contains, Field, Group, Node, Not, Value

TAGS = {"verdict": "mlops_nb.verdict", "restart_run_all": "mlops_nb.restart_run_all"}

# MLflow keeps these as tags; we keep them as columns, and find them under both names.
MLFLOW_TAGS = {
    "mlflow.runName": "name",
    "mlflow.user": "user_id",
    "mlflow.parentRunId": "parent_run_id",
    "mlflow.source.name": "notebook",
    "mlflow.source.type": "source_type",
}

Condition = ColumnElement[bool]

LISTED = 200
"""Ids of experiments beyond this number are one parameter: a statement with one for each takes seconds to make."""

MANY = "many"
"""What stands for them in the shape of a statement; they are in its parameter `IDS`, as JSON."""

IDS = "experiment_ids"


class Clauses:
    """Conditions on rows of `runs`.

    Parameters
    ----------
    sqlite : bool
        Patterns are searched by our own function there, by the server's operators elsewhere.
    """

    def __init__(self, *, sqlite: bool) -> None:
        self._sqlite = sqlite

    def narrow(
        self, query: Select[Any], node: Node | None, plan: Plan = WALK, number: ColumnElement[int] | None = None
    ) -> Select[Any]:
        """`query` for the runs that `node` holds for.

        The plan's driver becomes a join, the other terms are tried run by run: SQLite then begins with the driver, and
        without one walks the runs in their order. `number` is the column of what is walked that holds the run's number:
        what is tried by it alone is tried before the run's own row is looked up.
        """
        for place, term in enumerate(conjuncts(node)):
            if place == plan.driver and isinstance(term, Compare):
                row = TABLES[term.field.kind].alias()
                query = query.join(row, and_(row.c.run == schema.runs.c.no, *self._row_holds(row, term)))
            elif number is not None and place in plan.listed and isinstance(term, Compare):
                row = TABLES[term.field.kind].alias()
                query = query.where(number.in_(select(row.c.run).where(*self._row_holds(row, term))))
            else:
                query = query.where(self.condition(term, number))
        return query

    def of_experiments(self, column: ColumnElement[Any], ids: tuple[str, ...] | str) -> Condition:
        """The condition that a column is among ids of experiments, as `list_ids` gives them."""
        if not isinstance(ids, str):
            return among(column, ids)
        if self._sqlite:
            each = func.json_each(bindparam(IDS)).table_valued("value")
        else:
            each = func.json_array_elements_text(cast(bindparam(IDS), JSON)).table_valued("value")
        return column.in_(select(each.c.value))

    def count(self, term: Compare) -> Select[Any]:
        """How many runs a term leaves, counted no further than the parameter ``most``."""
        row = TABLES[term.field.kind].alias()
        some = select(literal(1).label("one")).where(*self._row_holds(row, term)).limit(bindparam("most")).subquery()
        return select(func.count()).select_from(some)

    def condition(self, node: Node, number: ColumnElement[int] | None = None) -> Condition:
        """The condition on `runs`, or on a column that holds their numbers, that a tree stands for."""
        if isinstance(node, Group):
            return (and_ if node.word == "and" else or_)(*(self.condition(term, number) for term in node.terms))
        if isinstance(node, Not):
            return not_(self.condition(node.term, number))
        if isinstance(node, Contains):
            return self._contains(node.text)
        field = node.field
        if field.kind == "attribute":
            return self._compare_attribute(node)
        if field.kind == "dataset":
            return self._compare_dataset(node)
        row = TABLES[field.kind].alias()
        run = schema.runs.c.no if number is None else number
        found: Condition = exists().where(row.c.run == run, *self._row_holds(row, node))
        if node.operator == "null" and not node.negated:
            found = not_(found)
        if field.kind == "tag" and field.key in MLFLOW_TAGS:
            column = Compare(Field("attribute", MLFLOW_TAGS[field.key]), node.operator, node.values, node.negated)
            either = and_ if node.operator == "null" and not node.negated else or_
            return either(found, self._compare_attribute(column))
        return found

    def _row_holds(self, row: Any, node: Compare) -> list[Condition]:
        key = row.c.key == node.field.key
        if node.operator == "null":
            return [key]
        if node.field.kind == "metric":
            return [key, _compare_metric(row.c.value, node)]
        return [key, self._compare_split(row, node)]

    def _compare_split(self, row: Any, node: Compare) -> Condition:
        """A comparison with a text that is kept as an indexed head and, where it is long, a whole."""
        whole = func.coalesce(row.c.text, row.c.head)
        if node.operator in ("like", "ilike", "~"):
            return self._match(whole, node)
        if node.operator in ("=", "!=", "in"):
            found = or_(false(), *(_equal_split(row, value) for value in node.values))
            return not_(found) if node.negated or node.operator == "!=" else found
        value = node.values[0]
        if isinstance(value, str):
            return _order(whole, node.operator, value)
        return and_(row.c.number.is_not(None), _order(row.c.number, node.operator, _double(float(value))))

    def _match(self, column: ColumnElement[Any], node: Compare) -> Condition:
        pattern = str(node.values[0])
        found: Condition
        if self._sqlite:
            regex = pattern if node.operator == "~" else translate_like(pattern, ignore_case=node.operator == "ilike")
            found = func.mlops_match(regex, column) == 1
        elif node.operator == "~":
            found = column.regexp_match(pattern)
        elif node.operator == "like":
            found = column.like(pattern, escape="")
        else:
            found = column.ilike(pattern, escape="")
        return and_(column.is_not(None), not_(found) if node.negated else found)

    def _compare_attribute(self, node: Compare) -> Condition:
        key = node.field.key
        runs = schema.runs.c
        if key in TAGS:
            return self.condition(Compare(Field("tag", TAGS[key]), node.operator, node.values, node.negated))
        if key == "code":
            return self._compare_code(node)
        if key == "experiment":
            names = schema.experiments.c
            inner = self.compare_column(names.name, node)
            return runs.experiment_id.in_(select(names.experiment_id).where(inner))
        if key == "duration":
            scaled = tuple(float(value) * 1000 for value in node.values)
            return self.compare_column(
                runs.end_time - runs.start_time, Compare(node.field, node.operator, scaled, node.negated)
            )
        return self.compare_column(runs[key], node)

    def compare_column(self, column: ColumnElement[Any], node: Compare) -> Condition:
        """A comparison of a plain column; what is NULL only matches IS NULL."""
        if node.operator == "null":
            return column.is_not(None) if node.negated else column.is_(None)
        if node.operator in ("like", "ilike", "~"):
            return self._match(column, node)
        if node.operator in ("=", "!=", "in"):
            found = among(column, node.values)
            if node.negated or node.operator == "!=":
                found = not_(found)
        else:
            found = _order(column, node.operator, _plain(node.values[0]))
        return and_(column.is_not(None), found)

    def _compare_code(self, node: Compare) -> Condition:
        facts, sources = schema.facts.c, schema.sources.c
        if node.operator == "null":
            found = exists().where(facts.run == schema.runs.c.no, facts.kind == "code")
            return found if node.negated else not_(found)
        # Many runs share a cell: the pattern is tried once for each text.
        return schema.runs.c.no.in_(
            select(facts.run).where(
                facts.kind == "code", facts.digest.in_(select(sources.digest).where(self._match(sources.text, node)))
            )
        )

    def _compare_dataset(self, node: Compare) -> Condition:
        column = schema.data.c[node.field.key]
        if node.operator == "null":
            found: Condition = exists().where(schema.data.c.run == schema.runs.c.no, column != "")
            return found if node.negated else not_(found)
        inner = self.compare_column(column, node)
        return schema.runs.c.no.in_(select(schema.data.c.run).where(inner))

    def _contains(self, text: str) -> Condition:
        params, tags, facts, sources = schema.params.c, schema.tags.c, schema.facts.c, schema.sources.c

        def holds(*columns: ColumnElement[Any]) -> Condition:
            return or_(*(self.holds_text(column, text) for column in columns))

        run = schema.runs.c
        return or_(
            holds(run.name),
            run.no.in_(select(params.run).where(holds(params.key, func.coalesce(params.text, params.head)))),
            run.no.in_(select(tags.run).where(holds(tags.key, func.coalesce(tags.text, tags.head)))),
            run.no.in_(
                select(facts.run).where(
                    facts.kind == "code", facts.digest.in_(select(sources.digest).where(holds(sources.text)))
                )
            ),
        )

    def holds_text(self, column: ColumnElement[Any], text: str) -> Condition:
        """Whether a text stands somewhere in a column, whatever its case."""
        if self._sqlite and not text.isascii():  # its LIKE knows the case of ASCII only
            return func.mlops_match("(?i)" + re.escape(text), column) == 1
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"
        return column.like(pattern, escape="\\") if self._sqlite else column.ilike(pattern, escape="\\")


TABLES = {"metric": schema.metrics, "param": schema.params, "tag": schema.tags}

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def conjuncts(node: Node | None) -> tuple[Node, ...]:
    """The terms that must all hold.

    Examples
    --------
    >>> len(conjuncts(Group("and", (Contains("a"), Contains("b"))))), conjuncts(None)
    (2, ())
    """
    if node is None:
        return ()
    return node.terms if isinstance(node, Group) and node.word == "and" else (node,)


def may_drive(term: Node) -> bool:
    """Whether an index gives the runs that a term leaves.

    Examples
    --------
    >>> may_drive(Compare(Field("metric", "acc"), ">", (0.9,))), may_drive(Compare(Field("param", "a"), "~", ("x",)))
    (True, False)
    """
    if not isinstance(term, Compare) or term.field.kind not in TABLES or term.field.key in MLFLOW_TAGS:
        return False
    return term.operator in ("=", "in", "<", "<=", ">", ">=") and not term.negated


def _order(column: ColumnElement[Any], operator: str, value: Any) -> Condition:
    found: Condition = _OPERATORS[operator](column, value)
    return found


def _double(value: float) -> ColumnElement[float]:
    return literal(value, Double)


def _plain(value: Value) -> ColumnElement[Any]:
    return _double(value) if isinstance(value, float) else literal(value)


def list_ids(ids: Sequence[str] | None) -> tuple[tuple[str, ...] | str | None, dict[str, str]]:
    """Ids of experiments as they stand in the shape of a statement, and the parameters that belong to it.

    Examples
    --------
    >>> list_ids(["b", "a", "b"]), list_ids(None)
    ((('a', 'b'), {}), (None, {}))
    """
    if ids is None:
        return None, {}
    found = tuple(sorted(set(map(storable, ids))))
    return (found, {}) if len(found) <= LISTED else (MANY, {IDS: encode_json(found)})


def among(column: ColumnElement[Any], values: Iterable[Value]) -> Condition:
    """``column IN (values)``, each a parameter of its own, so that the statement is compiled once and for all.

    Examples
    --------
    >>> str(among(schema.runs.c.name, ["a", "b"]))
    'runs.name IN (:param_1, :param_2)'
    """
    literals = [_plain(value) for value in values]
    return column.in_(literals) if literals else false()


def _compare_metric(column: ColumnElement[Any], node: Compare) -> Condition:
    """NULL in the column is NaN: unequal to all numbers, and what ``= nan`` asks for."""
    if node.operator in ("=", "!=", "in"):
        found = or_(
            false(),
            *(
                column.is_(None) if isnan(number) else and_(column.is_not(None), column == _double(number))
                for number in map(float, node.values)
            ),
        )
        return not_(found) if node.negated or node.operator == "!=" else found
    number = float(node.values[0])
    if isnan(number):
        return false()
    return and_(column.is_not(None), _order(column, node.operator, _double(number)))


def _equal_split(row: Any, value: Value) -> Condition:
    if isinstance(value, bool):
        return among(row.c.head, (str(value), str(value).lower()))
    if not isinstance(value, str):
        return and_(row.c.number.is_not(None), row.c.number == _double(float(value)))
    head, text = split_head(value)
    found: Condition = row.c.head == head
    return found if text is None else and_(found, func.coalesce(row.c.text, "") == text)
