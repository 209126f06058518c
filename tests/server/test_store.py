"""The contract of stores, over HTTP to a real server: it proves server and client at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_nb.errors import InvalidInput, PermissionDenied, StoreError
from mlops_nb.server.app import Server
from mlops_nb.store import LoggedModelStore, RegistryStore, RunStore, Store, open_store
from mlops_nb.store.calls import ADMIN, LOCAL, READ, WRITE
from mlops_nb.workspace import open_workspace
from tests.server.live import TOKEN, running
from tests.store.contract import *  # noqa: F403
from tests.store.logged_contract import *  # noqa: F403
from tests.store.registry_contract import *  # noqa: F403


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    opened = open_store(server.url, token=TOKEN)
    yield opened
    opened.close()


def test_every_method_is_called_by_somebody() -> None:
    methods = {
        name for each in (RunStore, RegistryStore, LoggedModelStore) for name in vars(each) if not name.startswith("_")
    }
    groups = (READ, WRITE, ADMIN, LOCAL)
    assert methods == set().union(*groups)
    assert len(methods) == sum(map(len, groups))


def test_a_token_with_a_name_signs_what_it_writes(server: Server) -> None:
    from tests.store.contract.making import add

    store = open_store(server.url, token=server.tokens.add("ann", "write"))
    assert store.get_run(add(store, start={"user": "somebody else"})).user == "ann"
    store.create_model("m")
    assert [each.by.user for each in store.model_changes("m")] == ["ann"]
    with pytest.raises(PermissionDenied, match="may write only"):
        store.purge_runs([])


def test_what_goes_wrong_is_said_in_one_sentence(server: Server, tmp_path: Path) -> None:
    with pytest.raises(PermissionDenied, match="MLOPS_NB_TOKEN"):
        open_store(server.url, token="wrong").info()
    with pytest.raises(InvalidInput):
        open_store("http://")
    with running(open_workspace(str(tmp_path / "other"))) as gone:
        url = gone.url
    with pytest.raises(StoreError, match="cannot be reached"):
        open_store(url, token=TOKEN).info()
