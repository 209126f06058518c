"""Routes of models, and of the light verbs: what the command line and the notebook do, under the caller's name."""

from __future__ import annotations

import io
import threading
from typing import Any

from mlops_nb import workspace as workspaces
from mlops_nb.errors import InvalidInput
from mlops_nb.lab.context import Context, lab_route
from mlops_nb.lab.job_routes import check_words, read_words
from mlops_nb.lab.shapes import ModelCard, Models, Offers, VerbAnswer
from mlops_nb.lab.stores import has_store
from mlops_nb.panels.format import plain_json
from mlops_nb.panels.models_record import model_record, models_record, offers_record
from mlops_nb.server.routing import Request
from mlops_nb.verbs import load_verb

LOOKS = ("runs", "show", "compare", "code", "artifacts", "lineage", "restore", "models", "card", "history", "gates")
CHANGES = ("register", "promote", "approve", "rollback", "describe")
TEXT_LIMIT = 200_000
_turn = threading.Lock()
"""The workspace that verbs work in is the process's: one verb at a time."""


def list_models(context: Context, request: Request) -> Models:
    """Registered models."""
    if not has_store(request.space):
        return {"models": []}
    return {"models": models_record(request.space, request.fields.get("search", ""))}


def show_model(context: Context, request: Request) -> dict[str, Any]:
    """All about a registered model: versions, gates, places, history."""
    return model_record(request.space, request.path["model"])


def show_card(context: Context, request: Request) -> ModelCard:
    """The card of a version."""
    from mlops_nb.registry.card import card

    made = card(f"models:/{request.path['model']}/{request.path['version']}", space=request.space)
    return {"markdown": made.markdown, "html": made.html}


def list_offers(context: Context, request: Request) -> Offers:
    """Models of runs that may be registered."""
    if not has_store(request.space):
        return {"offers": []}
    offers = offers_record(request.space)
    run_id = request.fields.get("run")
    if run_id:
        offers = [each for each in offers if each["uri"].startswith(f"runs:/{run_id}")] or _offers_of(request, run_id)
    return {"offers": offers}


def _offers_of(request: Request, run_id: str) -> list[dict[str, Any]]:
    """Those of an older run."""
    run = request.space.store.get_run(run_id)
    found = []
    for entry in request.space.store.artifacts(run_id):
        folder, _, name = entry.path.rpartition("/")
        if name == "MLmodel":
            uri = f"runs:/{run_id}/{folder}" if folder else f"runs:/{run_id}"
            found.append(
                {"uri": uri, "run": run.name, "path": folder, "time": run.start_time, "note": "",
                 "experiment": run.experiment}
            )  # fmt: skip
    return found


def verb_route(verb: str, role: str) -> Any:
    """The route of a verb, which is carried out in the store that the request is about, under the caller's name.

    Examples
    --------
    >>> callable(verb_route("models", "read"))
    True
    """

    def call(context: Context, request: Request) -> VerbAnswer:
        return call_here(request, verb)

    call.__name__, call.__doc__ = f"call_{verb}", f"The verb ``{verb}``."
    return lab_route("POST", f"/verbs/{verb}", call, VerbAnswer, fields={"words": "texts"}, role=role)


def call_here(request: Request, verb: str) -> VerbAnswer:
    """Carry out a verb."""
    from mlops_nb.panels.results import draw_terminal

    words = request.fields.get("words", [])
    check_words(words)
    asked = read_words(verb, words)
    if getattr(asked, "output", None):
        raise InvalidInput("Nothing is written to files here.", hint="Leave -o out; download what you want to keep.")
    asked.json = True
    with _turn, workspaces.using(request.space), workspaces.acting_as(request.caller.name):
        result = load_verb(verb).call(asked)
        text = io.StringIO()
        draw_terminal(result.kind, result.data, text)
    return {
        "status": result.status,
        "kind": result.kind,
        "plain": plain_json(result.plain),
        "note": result.note,
        "text": text.getvalue()[:TEXT_LIMIT],
    }


ROUTES = (
    lab_route("GET", "/models", list_models, Models, fields={"search": "text"}),
    lab_route("GET", "/models/{model}", show_model, dict[str, Any]),
    lab_route("GET", "/models/{model}/{version}/card", show_card, ModelCard),
    lab_route("GET", "/offers", list_offers, Offers, fields={"run": "text"}),
    *(verb_route(name, "read") for name in LOOKS),
    *(verb_route(name, "write") for name in CHANGES),
)
