"""Our own routes of bytes, by digest: for kernels that keep their files on this server."""

from __future__ import annotations

from typing import Any

from mlops_nb.errors import InvalidInput
from mlops_nb.server.artifacts import UPLOAD_LIMIT
from mlops_nb.server.routing import File, Request, Route
from mlops_nb.store.calls import ROOT

BLOB = f"{ROOT}/blobs/{{digest}}"


def fetch(request: Request) -> File:
    """The bytes of a digest."""
    digest = request.path["digest"]
    return File(digest, request.space.artifacts.size(digest), digest.partition(":")[2])


def keep(request: Request) -> dict[str, Any]:
    """Keep bytes; they must be those of the digest."""
    assert request.upload is not None
    digest, size = request.upload.commit()
    if digest != request.path["digest"]:
        raise InvalidInput(f"The bytes have the digest {digest}, not {request.path['digest'][:80]!a}.")
    return {"digest": digest, "size": size}


def tell(request: Request) -> dict[str, Any]:
    """Whether bytes are there: the size of each digest that is."""
    artifacts = request.space.artifacts
    return {"sizes": {each: artifacts.size(each) for each in request.fields["digests"] if artifacts.has(each)}}


ROUTES = (
    Route("GET", BLOB, fetch),
    Route("PUT", BLOB, keep, "upload", "write", limit=UPLOAD_LIMIT),
    Route("POST", f"{ROOT}/blobs", tell, fields={"digests": "texts!"}),
)
