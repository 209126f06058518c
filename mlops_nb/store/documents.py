"""Captured facts and data: JSON documents kept once, by the digest of their text, however many runs share them."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, bindparam, select

from mlops_nb.entities import DataRef
from mlops_nb.store import schema
from mlops_nb.store.drafts import Draft
from mlops_nb.store.engine import Database, Transaction
from mlops_nb.store.rows import encode_json, storable
from mlops_nb.store.statements import fetch_in, upsert_rows
from mlops_nb.wire.encoded import Encoded


def store_documents(database: Database, transaction: Transaction, drafts: list[Draft]) -> None:
    """Store the facts and data of drafts.

    Parameters
    ----------
    database : Database
        Which compiles the statements.
    transaction : Transaction
        To write in.
    drafts : list of Draft
        Their `facts` and `data_refs` are stored.
    """
    texts: dict[bytes, str] = {}
    sources: dict[bytes, str] = {}
    facts, data = [], []
    for draft in drafts:
        for kind, value in draft.facts.items():
            digest = _keep(texts, value, f"The fact '{kind}'")
            facts.append((draft.no, kind, digest))
            if kind == "code" and isinstance(source := value.value() if type(value) is Encoded else value, str):
                sources[digest] = storable(source)
        data += [_data_row(draft.no, seq, ref, texts) for seq, ref in draft.data_refs]
    if not facts and not data:
        return
    table = schema.documents
    rows = fetch_in(transaction, database, "documents", lambda: select(table.c.digest), table.c.digest, texts)
    known = {row[0] for row in rows}
    # Compressing is what costs: only what is new.
    new = [(digest, _compress(text.encode())) for digest, text in texts.items() if digest not in known]
    transaction.many(upsert_rows(database, table, replace=False), new)
    transaction.many(upsert_rows(database, schema.sources, replace=False), list(sources.items()))
    transaction.many(upsert_rows(database, schema.facts), facts)
    transaction.many(upsert_rows(database, schema.data), data)


def _keep(texts: dict[bytes, str], value: Any, what: str) -> bytes:
    text = value.text if type(value) is Encoded else encode_json(value, what)
    digest = _digest(text)
    texts[digest] = text
    return digest


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=20).digest()


def _compress(content: bytes) -> bytes:
    """With a window no larger than the content: to lay out the usual one costs ten times as much as a short text."""
    bits = min(max(len(content).bit_length(), 9), 15)
    packer = zlib.compressobj(6, zlib.DEFLATED, bits, min(bits - 7, 8))
    return packer.compress(content) + packer.flush()


def _data_row(run: int, seq: int, ref: DataRef, texts: dict[bytes, str]) -> tuple[Any, ...]:
    value = encode_json([ref.path, ref.digest, ref.size, ref.mode, ref.name, ref.context, ref.sampled])
    # The same bytes, read the same way, are one row, however often they were read; the last profile counts.
    key = _digest(encode_json([ref.path, ref.digest, ref.mode, ref.name]))
    profile = _keep(texts, ref.profile, f"The profile of '{ref.path}'") if ref.profile else None
    name, context = (storable(text)[:200] for text in (ref.name, ref.context))
    return run, key, seq, storable(ref.digest), storable(ref.mode), name, context, value, profile


def read_document(content: bytes) -> Any:
    """The value of a stored document.

    Parameters
    ----------
    content : bytes
        As it stands in `schema.documents`.

    Returns
    -------
    Any
        Plain JSON values.

    Examples
    --------
    >>> read_document(zlib.compress(b'[NaN]'))
    [nan]
    """
    return json.loads(zlib.decompress(content))


def fetch_facts(database: Database, transaction: Transaction, run: int, kinds: Sequence[str] | None) -> dict[str, Any]:
    """What was captured of a run, by kind.

    Parameters
    ----------
    database : Database
        Which compiles the statements.
    transaction : Transaction
        To read in.
    run : int
        The run's row number.
    kinds : sequence of str or None
        Which kinds; None means all.

    Returns
    -------
    dict
        Plain JSON values; kinds that the run has not are left out.
    """
    facts, documents = schema.facts, schema.documents

    def build() -> Select[Any]:
        return (
            select(facts.c.kind, documents.c.content)
            .join(documents, documents.c.digest == facts.c.digest)
            .where(facts.c.run == bindparam("run"))
        )

    if kinds is None:
        rows = transaction.all(database.statement("facts", build), run)
    else:
        rows = fetch_in(transaction, database, "some facts", build, facts.c.kind, kinds, run=run)
    return {kind: read_document(content) for kind, content in sorted(rows)}


def fetch_data(database: Database, transaction: Transaction, run: int) -> list[DataRef]:
    """What a run read and wrote, in the order in which it was recorded.

    Parameters
    ----------
    database : Database
        Which compiles the statements.
    transaction : Transaction
        To read in.
    run : int
        The run's row number.

    Returns
    -------
    list of DataRef
        As they were given.
    """
    table, documents = schema.data, schema.documents
    statement = database.statement(
        "data",
        lambda: (
            select(table.c.value, documents.c.content)
            .outerjoin(documents, documents.c.digest == table.c.profile)
            .where(table.c.run == bindparam("run"))
            .order_by(table.c.seq)
        ),
    )
    refs = []
    for value, profile in transaction.all(statement, run):
        path, digest, size, mode, name, context, sampled = json.loads(value)
        document = {} if profile is None else read_document(profile)
        refs.append(DataRef(path, digest, size, mode, name, context, document, sampled))
    return refs
