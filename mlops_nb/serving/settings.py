"""How a service is run, and which models it has: plain values that go from the supervisor to its workers."""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass, field
from typing import Any

from mlops_nb.errors import InvalidInput
from mlops_nb.serving.log import CHALLENGER, CHAMPION, SHADOW
from mlops_nb.serving.recorder import LogSettings

ROLES = (CHAMPION, CHALLENGER, SHADOW)


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How a service is run.

    Attributes
    ----------
    host, port : str, int
        Where it listens; port 0 takes a free one.
    workers : int
        Processes that answer.
    threads : int
        Calls of predict at the same time in one process, for models that are not asked in batches.
    share : float
        Of the requests, for the challenger.
    max_bytes : int
        Largest body.
    timeout : float
        Seconds for a prediction, and for a request's body to come in.
    token : str
        Who sends it may ask; empty lets everybody in.
    hosts : tuple of str
        Further names that the service is called by.
    batch_rows : int
        Requests that wait at the same time are asked together up to that many rows, for libraries that judge each row
        by itself; 0 asks one by one.
    max_memory : int
        Bytes of memory at which a worker is replaced; 0 for none.
    follow_every : float
        Seconds between looks at where the alias stands; 0 for none.
    ignore_extra : bool
        Let columns pass that the model does not know, as MLflow does.
    log : LogSettings or None
        The request log; None for none.
    log_root : str
        Under which folder it is.

    Examples
    --------
    >>> ServeSettings(port=0).host
    '127.0.0.1'
    >>> ServeSettings(share=2)
    Traceback (most recent call last):
    mlops_nb.errors.InvalidInput: A challenger's share is from 0 to 1, not 2. Write it as 10% or 0.1.
    """

    host: str = "127.0.0.1"
    port: int = 0
    workers: int = 1
    threads: int = 4
    share: float = 0.0
    max_bytes: int = 64 << 20
    timeout: float = 60.0
    token: str = ""
    hosts: tuple[str, ...] = ()
    batch_rows: int = 256
    max_memory: int = 0
    follow_every: float = 2.0
    ignore_extra: bool = False
    log: LogSettings | None = field(default_factory=LogSettings)
    log_root: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            hint = "Write it as 10% or 0.1."
            raise InvalidInput(f"A challenger's share is from 0 to 1, not {self.share}.", hint=hint)
        if not 1 <= self.workers <= 256 or not 1 <= self.threads <= 256:
            raise InvalidInput("A service has 1 to 256 workers, of 1 to 256 threads.", hint="Give --workers 2.")
        if self.timeout <= 0 or self.max_bytes < 1 or not 0 <= self.port < 65536:
            raise InvalidInput("A limit of the service is out of range.", hint="See: mlops-nb serve --help")

    def as_plain(self) -> dict[str, Any]:
        """Plain JSON, for another process."""
        return dataclasses.asdict(self)

    @classmethod
    def from_plain(cls, found: dict[str, Any]) -> ServeSettings:
        """What `as_plain` gave."""
        log = found["log"]
        if log is not None:
            log = LogSettings(**{**log, "redact": tuple(log["redact"])})
        return cls(**{**found, "log": log, "hosts": tuple(found["hosts"])})


@dataclass(frozen=True, slots=True)
class Source:
    """A model to be served: where its files are, and whose it is. `digest` is empty for a folder on disk."""

    role: str
    uri: str
    name: str
    version: str
    run_id: str
    folder: str
    digest: str = ""
    trust: tuple[str, ...] = ()
    safe_only: bool | None = None

    @classmethod
    def from_plain(cls, found: dict[str, Any]) -> Source:
        """What ``dataclasses.asdict`` gave."""
        return cls(**{**found, "trust": tuple(found["trust"])})

    @property
    def has_code(self) -> bool:
        """Whether modules come with it, which a process can have of one version only."""
        return os.path.isdir(os.path.join(self.folder, "code"))  # noqa: PTH112, PTH118


def read_share(text: str) -> float:
    """A share as a person writes it.

    Raises
    ------
    InvalidInput

    Examples
    --------
    >>> read_share("10%"), read_share("0.25")
    (0.1, 0.25)
    """
    try:
        found = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise InvalidInput(f"{text[:20]!r} is no share.", hint="Write it as 10% or 0.1.")
    return found


_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def read_size(text: str) -> int:
    """A number of bytes as a person writes it.

    Raises
    ------
    InvalidInput

    Examples
    --------
    >>> read_size("64MB"), read_size("1.5K"), read_size("0")
    (67108864, 1536, 0)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:I?B)?", text.strip().upper())
    if not found:
        raise InvalidInput(f"{text[:20]!r} is no size.", hint="Write it as 64MB or 2GB.")
    return int(float(found[1]) * _UNITS[found[2]])
