"""Routes that tell of the server itself."""

from __future__ import annotations

import sys
from typing import Any

from mlops_nb.server.routing import Request, Route


def tell_health(request: Request) -> str:
    """Whether the server answers."""
    return "OK"


def tell_version(request: Request) -> str:
    """The version of this release."""
    package = sys.modules["mlops_nb"]  # it is above us on the road, and loaded
    return str(package.__version__)


def tell_features(request: Request) -> dict[str, Any]:
    """What MLflow's clients ask before they use something new."""
    return {
        "store_type": "SqlStore",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": request.presigned,
        "presigned_upload_run_id_supported": False,
        "presigned_upload_model_id_supported": False,
        "features_enabled": {"gateway": False},
    }


ROUTES = (
    Route("GET", "/health", tell_health, "direct", "open"),
    Route("GET", "/version", tell_version, "direct", "open"),
    Route("GET", "/api/3.0/mlflow/server-info", tell_features, "direct"),
)
