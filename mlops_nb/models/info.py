"""What is known of a model that was saved or logged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mlops_nb.entities import Artifact
from mlops_nb.models.signature import Signature


@dataclass(frozen=True, slots=True, repr=False)
class ModelInfo:
    """A model that was saved or logged.

    Attributes
    ----------
    name : str
    path : str
        Where in the run's tree it is; of one that was only saved, the folder.
    run_id : str
        Empty if it was only saved.
    uri : str
        What `load_model` takes.
    digest : str
        Of its files: the same model has the same digest, whoever saves it when.
    flavor : str
    signature : Signature or None
    requirements : tuple of str
    size : int
        Bytes.
    artifacts : tuple of Artifact
        Its files, with paths in the run's tree; empty if it was only saved.
    metadata : dict
    snapshot : dict
        What it was given in training and said of it, as profiles; empty if that is not known.
    note : str
        What went wrong while it was tried in a fresh process; empty if nothing did.
    """

    name: str
    path: str
    flavor: str
    digest: str
    run_id: str = ""
    uri: str = ""
    signature: Signature | None = None
    requirements: tuple[str, ...] = ()
    size: int = 0
    artifacts: tuple[Artifact, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    snapshot: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"ModelInfo({self.name!r}, flavor={self.flavor!r}, uri={self.uri!r}, size={self.size:,})"

    @property
    def model_uri(self) -> str:
        """MLflow's name of `uri`."""
        return self.uri

    @property
    def artifact_path(self) -> str:
        """MLflow's name of `path`."""
        return self.path

    def to_json(self) -> dict[str, Any]:
        """What is recorded with the run."""
        return {
            "name": self.name,
            "path": self.path,
            "uri": self.uri,
            "flavor": self.flavor,
            "digest": self.digest,
            "size": self.size,
            "signature": None if self.signature is None else self.signature.to_plain(),
            "requirements": list(self.requirements),
            "metadata": self.metadata,
            "logged": True,
        }
