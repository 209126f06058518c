"""The store of a server of ours: each method of the Protocols is a call over HTTP."""

from __future__ import annotations

from typing import Any, cast

from mlops_nb.connection import Connection
from mlops_nb.errors import InvalidInput
from mlops_nb.store.calls import READ, all_calls
from mlops_nb.store.protocol import Store
from mlops_nb.wire.records import dump, load

_SAFE_TO_REPEAT = READ


class RestStore:
    """A `Store` behind HTTP. Its methods are those of the Protocol, made from their annotations.

    Parameters
    ----------
    url, token : str
        As for `Connection`.
    """

    def __init__(self, url: str, *, token: str = "") -> None:
        self._connection = Connection(url, token=token)

    def __getattr__(self, name: str) -> Any:
        call = all_calls().get(name)
        if call is None:
            raise AttributeError(f"A store has no {name}.")

        def ask(*args: Any, **given: Any) -> Any:
            bound = call.signature.bind(self, *args, **given)
            bound.arguments.pop("self")
            try:
                arguments = {key: dump(value) for key, value in bound.arguments.items()}
            except RecursionError:
                raise InvalidInput("A value is nested too deeply to be sent.", hint="Use a flatter one.") from None
            # What a journal delivers may be delivered again; other writes may not.
            again = name in _SAFE_TO_REPEAT or (name == "apply" and all(batch.source for batch in args[0]))
            answer = self._connection.call(call.path, arguments, again=again)
            return load(call.result, answer["result"], "The answer")

        ask.__name__ = name
        self.__dict__[name] = ask  # the next time, this is not asked
        return ask

    def info(self) -> dict[str, Any]:
        """What `store info` shows, with the server's address in place of what is behind it."""
        answer = self._connection.call(all_calls()["info"].path, {}, again=True)
        return {**answer["result"], "url": self._connection.url}

    def close(self) -> None:
        """Give back the connection of this thread."""
        self._connection.close()


def open_rest_store(url: str, *, token: str = "") -> Store:
    """The store of a server.

    Parameters
    ----------
    url : str
        ``http(s)://`` of it.
    token : str

    Raises
    ------
    InvalidInput
        If the URL cannot be used. Whether the server is there shows with the first call.

    Examples
    --------
    >>> open_rest_store("http://localhost:5000").get_run  # doctest: +ELLIPSIS
    <function ...>
    """
    return cast(Store, RestStore(url, token=token))
