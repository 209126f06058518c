"""The methods of a store as calls over HTTP: which there are, who may make them, what goes in and comes out.

All of it is read from the Protocols' annotations: server, client and description cannot differ.
"""

from __future__ import annotations

import inspect
import typing
from dataclasses import dataclass, make_dataclass
from functools import cache
from typing import Any

from mlops_nb.entities import Experiment, ModelVersion, RegisteredModel, Run
from mlops_nb.store.protocol import Store
from mlops_nb.wire.logged import LoggedModel

ROOT = "/api/mlops-nb/v1"
STORE = f"{ROOT}/store"
"""What stands before the name of a method in its path."""

READ = frozenset(
    "artifacts changes count_runs data data_of delivered digests facts find_experiment find_runs get_experiment "
    "get_logged_model get_model get_run get_setting get_version group_runs history info last_change last_points "
    "latest_versions line_runs logged_model_files logs model_changes model_versions open_runs outline param_history "
    "point_counts run_keys run_values runs_with_data search_experiments search_logged_models search_models "
    "search_runs search_versions version_files".split()
)
WRITE = frozenset(
    "apply create_experiment create_logged_model create_model create_version delete_model delete_version "
    "keep_logged_files keep_notes log_model_points move_version note_change update_experiment update_logged_model "
    "update_model update_run update_version".split()
)
ADMIN = frozenset("purge_runs set_setting".split())
LOCAL = frozenset({"close"})
"""What is not called over HTTP."""

_ITEMS: dict[str, type] = {
    "search_runs": Run,
    "search_experiments": Experiment,
    "search_models": RegisteredModel,
    "search_versions": ModelVersion,
    "search_logged_models": LoggedModel,
}


@dataclass(frozen=True, slots=True)
class Call:
    """A method of a store: its path, the role that it asks for, its arguments and its result by their types."""

    name: str
    role: str
    about: str
    arguments: dict[str, Any]
    needed: tuple[str, ...]
    result: Any
    signature: inspect.Signature

    @property
    def path(self) -> str:
        """Where it is called, with POST."""
        return f"{STORE}/{self.name.replace('_', '-')}"


@cache
def all_calls() -> dict[str, Call]:
    """Every method that is called over HTTP, by name.

    Examples
    --------
    >>> all_calls()["get_run"].path
    '/api/mlops-nb/v1/store/get-run'
    """
    roles = {**dict.fromkeys(READ, "read"), **dict.fromkeys(WRITE, "write"), **dict.fromkeys(ADMIN, "admin")}
    return {name: _read_call(name, role) for name, role in sorted(roles.items())}


def _read_call(name: str, role: str) -> Call:
    method = getattr(Store, name)
    hints = typing.get_type_hints(method)
    result = hints.pop("return")
    signature = inspect.signature(method)
    parameters = [each for each in signature.parameters.values() if each.name != "self"]
    needed = tuple(each.name for each in parameters if each.default is inspect.Parameter.empty)
    if name in _ITEMS:
        item = _ITEMS[name]
        fields: Any = [("items", list[item]), ("next_token", typing.Optional[str], None)]  # type: ignore[valid-type]  # noqa: UP045
        result = make_dataclass(f"PageOf{item.__name__}", fields, frozen=True, slots=True)
        result.__doc__ = f"A page of a listing of {item.__name__}, and the token that gets the next one."
    return Call(name, role, inspect.getdoc(method) or "", hints, needed, result, signature)
