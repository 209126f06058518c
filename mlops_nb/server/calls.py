"""Our own routes of the store: each method of its Protocols, with strict JSON in and out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mlops_nb.entities import Batch, Signed
from mlops_nb.errors import InvalidInput
from mlops_nb.server.routing import Request, Route
from mlops_nb.store.calls import Call, all_calls
from mlops_nb.wire.records import dump, load, takes_nothing

APPLY_LIMIT = 128 << 20
"""Most bytes of a call: a journal's records are larger than a client's requests."""


def answer_call(call: Call, request: Request) -> dict[str, Any]:
    """Make a call of the store's.

    Parameters
    ----------
    call : Call
    request : Request
        Its fields are the arguments.

    Returns
    -------
    dict
        ``result``.
    """
    arguments = {name: load(call.arguments[name], value, name) for name, value in request.fields.items()}
    for name in call.needed:
        if name not in arguments:
            if not takes_nothing(call.arguments[name]):
                raise InvalidInput(f"Missing value for required parameter '{name}'.")
            arguments[name] = None
    if request.caller.name:
        arguments = {name: _sign(value, request.caller.name) for name, value in arguments.items()}
        if "by" in call.arguments:
            arguments.setdefault("by", Signed(request.caller.name))
    return {"result": dump(getattr(request.space.store, call.name)(**arguments))}


def _sign(value: Any, user: str) -> Any:
    """What is written carries the name of the token, whatever the client says."""
    if isinstance(value, Signed):
        return replace(value, user=user)
    if isinstance(value, list):
        for each in value:
            if isinstance(each, Batch) and each.start is not None:
                each.start = replace(each.start, user=user)
    return value


def _bind(call: Call) -> Callable[[Request], dict[str, Any]]:
    return lambda request: answer_call(call, request)


ROUTES = tuple(
    Route(
        "POST",
        call.path,
        _bind(call),
        "read" if call.role == "read" else "write",
        call.role,
        dict.fromkeys(call.arguments, "any"),
        APPLY_LIMIT,
    )
    for call in all_calls().values()
)
