"""Routes that help with filters: words to complete with, values, and whether a filter parses."""

from __future__ import annotations

import re

from mlops_nb.errors import InvalidInput
from mlops_nb.lab.context import Context, lab_route
from mlops_nb.lab.memory import until_written
from mlops_nb.lab.shapes import FilterCheck, Values, Words
from mlops_nb.lab.stores import has_store
from mlops_nb.server.routing import Request

OPERATORS = [*"= != > >= < <= LIKE ILIKE ~ !~ IN NOT AND OR".split(), "IS NULL", "IS NOT NULL"]
EXAMPLES = [
    "metrics.accuracy > 0.9 and params.lr < 0.1",
    "status = 'FAILED'",
    "code ~ 'Boosting'",
    "verdict = 'identical' or name LIKE 'first%'",
    "'any text in names, params, tags or code'",
]


def list_words(context: Context, request: Request) -> Words:
    """What a filter can be completed with, most used first."""
    from mlops_nb.store.terms import RUN_WORDS, STATUSES

    space = request.space
    found: Words = {
        "attributes": [{"name": name, "type": kind} for name, (_, kind) in RUN_WORDS.attributes.items()],
        "metrics": [], "params": [], "tags": [], "operators": OPERATORS, "statuses": list(STATUSES),
        "experiments": [], "examples": EXAMPLES,
    }  # fmt: skip
    if has_store(space):
        store = space.store
        keys = until_written(space, "keys", lambda: [store.run_keys(kind) for kind in ("metrics", "params", "tags")])
        found["metrics"], found["params"], found["tags"] = ([key for key, _ in each] for each in keys)
        found["experiments"] = [each.name for each in space.store.search_experiments(limit=300).items]
    return found


def list_values(context: Context, request: Request) -> Values:
    """Values that a field has, most used first."""
    field, space = request.fields["field"], request.space
    if not has_store(space):
        return {"values": []}
    if field in ("experiment", "experiment_name"):
        return {"values": [each.name for each in space.store.search_experiments(limit=50).items]}
    kind, dot, key = field.partition(".")
    plain = {"param": "params", "parameter": "params", "parameters": "params", "tag": "tags"}
    by = f"{plain.get(kind, kind)}.{key.strip('`')}" if dot else field
    if field in ("verdict", "restart_run_all"):
        by = f"tags.mlops_nb.{field}"
    values = until_written(space, ("values", by), lambda: space.store.run_values(by))
    return {"values": [value for value, _ in values]}


def check_filter(context: Context, request: Request) -> FilterCheck:
    """Whether a filter parses; if not, why, and at which character."""
    from mlops_nb.store.search import parse_filter

    text = request.fields.get("filter", "")
    try:
        parse_filter(text)
    except InvalidInput as error:
        answer: FilterCheck = {"ok": False, "message": str(error)}
        found = re.search(r"(?:at|character|place|column) (\d+)", str(error))
        if found:
            answer["place"] = int(found[1])
        return answer
    return {"ok": True}


ROUTES = (
    lab_route("GET", "/words", list_words, Words),
    lab_route("GET", "/values", list_values, Values, fields={"field": "text!"}),
    lab_route("GET", "/check", check_filter, FilterCheck, fields={"filter": "text"}),
)
