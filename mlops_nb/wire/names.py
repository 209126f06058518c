"""What MLflow takes for a name, and its limits, in its own words: its clients show them to their users."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Sized

from mlops_nb.errors import InvalidInput

KEY_LIMIT = 250
METRICS_LIMIT = 1000
PARAMS_TAGS_LIMIT = 100
ENTITIES_LIMIT = 1000
RESULTS_LIMIT = 50_000
HISTORY_LIMIT = 25_000

_NAME = re.compile(r"[/\w.\- :]*")
_CHARACTERS = (
    "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) "
    "and slashes (/)."
)


def check_key(kind: str, name: str, *, path: str = "key") -> str:
    """The key of a metric, param or tag, as MLflow takes it.

    Parameters
    ----------
    kind : str
        ``Metric name``, ``Param key`` or ``key``: what it is called in the message about its length.
    name : str
        The key.
    path : str
        Where it stands in the request.

    Returns
    -------
    str
        `name`.

    Raises
    ------
    InvalidInput
        If MLflow would refuse it.

    Examples
    --------
    >>> check_key("Metric name", "val/loss")
    'val/loss'
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"Invalid value {json.dumps(name)} for parameter '{path}' supplied: {_CHARACTERS}")
    normal = posixpath.normpath(name)
    if normal != name or normal == "." or normal.startswith(("..", "/")):
        raise InvalidInput(
            f"Invalid value {json.dumps(name)} for parameter '{path}' supplied: Names may be treated as files in "
            "certain cases, and must not resolve to other names when treated as such. "
            f"This name would resolve to {normal!r}"
        )
    if len(name) > KEY_LIMIT:
        raise InvalidInput(f"'{kind}' exceeds the maximum length of {KEY_LIMIT} characters")
    return name


def check_batch_size(metrics: Sized, params: Sized, tags: Sized) -> None:
    """Refuse a log-batch that MLflow would find too large.

    Raises
    ------
    InvalidInput
        In MLflow's words.

    Examples
    --------
    >>> check_batch_size([], [], [])
    """
    counts = {"metrics": len(metrics), "params": len(params), "tags": len(tags)}
    limits = {"metrics": METRICS_LIMIT, "params": PARAMS_TAGS_LIMIT, "tags": PARAMS_TAGS_LIMIT}
    counts["metrics, params, and tags"] = sum(counts.values())
    limits["metrics, params, and tags"] = ENTITIES_LIMIT
    for what, count in counts.items():
        if count > limits[what]:
            raise InvalidInput(
                f"A batch logging request can contain at most {limits[what]} {what}. Got {count} {what}. "
                f"Please split up {what} across multiple requests and try again."
            )
