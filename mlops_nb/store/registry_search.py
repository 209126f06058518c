"""Finding registered models and versions: the language of filters to SQL, and pages in any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, false, func, literal, not_, or_, select, tuple_

from mlops_nb.errors import InvalidInput
from mlops_nb.store import registry_schema as tables
from mlops_nb.store.clauses import Clauses
from mlops_nb.store.engine import Database, Transaction
from mlops_nb.store.pages import check_limit, open_token, seal_token
from mlops_nb.store.rows import split_head, storable
from mlops_nb.store.search import parse_filter, parse_order
from mlops_nb.store.terms import Compare, Contains, Group, Node, Not, Vocabulary

_TAGS = {
    "tag": "tag",
    "tags": "tag",
    "attribute": "attribute",
    "attributes": "attribute",
    "attr": "attribute",
}
_TIMES = {
    "creation_time": ("creation_time", "time"),
    "creation_timestamp": ("creation_time", "time"),
    "created": ("creation_time", "time"),
    "last_update_time": ("last_update_time", "time"),
    "last_updated_timestamp": ("last_update_time", "time"),
    "timestamp": ("last_update_time", "time"),
}

MODEL_WORDS = Vocabulary(
    attributes={
        "name": ("name", "text"),
        "description": ("description", "text"),
        "user": ("user_id", "text"),
        "user_id": ("user_id", "text"),
        **_TIMES,
    },
    prefixes=_TAGS,
)

VERSION_WORDS = Vocabulary(
    attributes={
        "name": ("name", "text"),
        "version": ("version", "number"),
        "version_number": ("version", "number"),
        "run_id": ("run_id", "text"),
        "source": ("source", "text"),
        "source_path": ("source", "text"),
        "path": ("path", "text"),
        "digest": ("digest", "text"),
        "size": ("size", "number"),
        "description": ("description", "text"),
        "stage": ("stage", "text"),
        "current_stage": ("stage", "text"),
        "status": ("status", "text"),
        "user": ("user_id", "text"),
        "user_id": ("user_id", "text"),
        **_TIMES,
    },
    prefixes=_TAGS,
)

Keys = tuple[tuple[str, bool], ...]
"""Columns of an order, each with whether it descends."""


class Listing:
    """One kind of rows that can be listed: where they stand, what may be asked of them, and their order.

    Parameters
    ----------
    name : str
        For messages and for the cache of statements.
    words : Vocabulary
        Fields of filters and sort terms.
    rows : callable
        Makes the SELECT of whole rows.
    order : Keys
        The order when none is asked for; its columns also end any other order, so that no two rows are equal.
    version : ColumnElement or None
        What `model_tags.version` is for these rows; None is 0, that of a model itself.
    """

    def __init__(
        self, name: str, words: Vocabulary, rows: Callable[[], Select[Any]], order: Keys, version: Any
    ) -> None:
        self.name = name
        self.words = words
        self.rows = rows
        self.order = order
        self.version = version
        self.columns: dict[str, ColumnElement[Any]] = {column.name: column for column in rows().selected_columns}

    def fetch(
        self,
        database: Database,
        transaction: Transaction,
        filter: str,
        order_by: Sequence[str],
        limit: int,
        page_token: str | None,
    ) -> tuple[list[tuple[Any, ...]], str | None]:
        """A page of rows, and the token of the next one."""
        check_limit(limit, "all")
        node = parse_filter(storable(filter), self.words)
        question = [self.name, filter, list(order_by)]
        keys = self._keys(order_by)
        after = _check_position(open_token(page_token, question), len(keys))
        statement = database.statement(
            (self.name, node, keys, after is None),
            lambda: self._query(database, node, keys, is_first=after is None),
        )
        given = {f"after_{place}": value for place, value in enumerate(after or ())}
        rows = transaction.all(statement, most=limit + 1, **given)
        if len(rows) <= limit:
            return rows, None
        places = [list(self.columns).index(name) for name, _ in keys]
        last = rows[limit - 1]
        return rows[:limit], seal_token(question, ["" if last[place] is None else last[place] for place in places])

    def _keys(self, order_by: Sequence[str]) -> Keys:
        keys: dict[str, bool] = {}
        for order in parse_order([storable(term) for term in order_by], self.words):
            if order.field.kind != "attribute":
                raise InvalidInput(
                    f"A list of {self.name} is not sorted by tags.", hint="Sort by name or last_update_time."
                )
            keys[order.field.key] = order.descending
        for name, descending in self.order:
            keys.setdefault(name, descending)
        return tuple(keys.items())

    def _query(self, database: Database, node: Node | None, keys: Keys, *, is_first: bool) -> Select[Any]:
        query = self.rows()
        if node is not None:
            query = query.where(self._condition(Clauses(sqlite=database.is_sqlite), node))
        columns = [(self._sorted(name), descending) for name, descending in keys]
        if not is_first:
            query = query.where(_follows(columns))
        order = [column.desc() if descending else column.asc() for column, descending in columns]
        return query.order_by(*order).limit(bindparam("most"))

    def _sorted(self, name: str) -> ColumnElement[Any]:
        column = self.columns[name]
        return func.coalesce(column, "") if name == "run_id" else column

    def _condition(self, clauses: Clauses, node: Node) -> ColumnElement[bool]:
        if isinstance(node, Group):
            return (and_ if node.word == "and" else or_)(*(self._condition(clauses, term) for term in node.terms))
        if isinstance(node, Not):
            return not_(self._condition(clauses, node.term))
        if isinstance(node, Contains):
            return self._contains(clauses, node.text)
        if node.field.kind == "attribute":
            return clauses.compare_column(self.columns[node.field.key], node)
        row = tables.tags.alias()
        if node.operator in ("=", "in") and not node.negated:
            return self._is_tagged(row, node)
        mine = and_(self._is_mine(row), row.c.key == node.field.key)
        if node.operator == "null":
            found = exists().where(mine)
            return found if node.negated else not_(found)
        return exists().where(mine, clauses.compare_column(func.coalesce(row.c.text, row.c.head), node))

    def _is_tagged(self, row: Any, node: Compare) -> ColumnElement[bool]:
        """What has one of the values of a tag, found by the index."""
        some: list[ColumnElement[bool]] = []
        for value in node.values:
            head, text = split_head(str(value))
            some.append(row.c.head == head if text is None else and_(row.c.head == head, row.c.text == text))
        return self._is_among(row, and_(row.c.key == node.field.key, or_(false(), *some)))

    def _contains(self, clauses: Clauses, text: str) -> ColumnElement[bool]:
        row = tables.tags.alias()
        value = func.coalesce(row.c.text, row.c.head)
        tagged = self._is_among(row, or_(clauses.holds_text(row.c.key, text), clauses.holds_text(value, text)))
        models = tables.models.alias()
        named = select(models.c.model_id).where(clauses.holds_text(models.c.name, text))
        said = clauses.holds_text(self.columns["description"], text)
        return or_(self.columns["model_id"].in_(named), said, tagged)

    def _is_among(self, row: Any, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """Whether a tag that a condition holds for is one of this row's; asked once, not for every row."""
        found = select(row.c.model_id, row.c.version).where(condition)
        return tuple_(self.columns["model_id"], self._version()).in_(found)

    def _version(self) -> ColumnElement[Any]:
        return literal(0) if self.version is None else self.version

    def _is_mine(self, row: Any) -> ColumnElement[bool]:
        return and_(row.c.model_id == self.columns["model_id"], row.c.version == self._version())


def _follows(columns: Sequence[tuple[ColumnElement[Any], bool]]) -> ColumnElement[bool]:
    """The rows after the one whose keys are the parameters ``after_0``, ``after_1`` ..."""
    found: ColumnElement[bool] = false()
    same: list[ColumnElement[bool]] = []
    for place, (column, descending) in enumerate(columns):
        last: Any = bindparam(f"after_{place}")
        found = or_(found, and_(*same, column < last if descending else column > last))
        same.append(column == last)
    first, descending = columns[0]
    bound: Any = bindparam("after_0")
    return and_(first <= bound if descending else first >= bound, found)  # the first half is what an index can use


def _check_position(position: Any, count: int) -> list[Any] | None:
    """The keys that a page token holds; tokens come from outside."""
    if position is None:
        return None
    if isinstance(position, list) and len(position) == count and all(isinstance(each, (str, int)) for each in position):
        return position
    raise InvalidInput("The page token is damaged.", hint="Begin again without a page token.")


def select_models() -> Select[Any]:
    """Whole rows of registered models."""
    return select(tables.models)


def select_versions() -> Select[Any]:
    """Whole rows of versions, with their model's name and aliases."""
    models, versions = tables.models.c, tables.versions
    return select(models.name, models.aliases, versions).join(tables.models, models.model_id == versions.c.model_id)
