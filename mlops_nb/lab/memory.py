"""What was worked out last, and is asked for again and again: answers that hold until the store is written to."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

from mlops_nb.lab.stores import store_id
from mlops_nb.workspace import Workspace

T = TypeVar("T")


class Memory:
    """The last answers, by question.

    Parameters
    ----------
    most : int
        How many are kept.

    Examples
    --------
    >>> memory = Memory(2)
    >>> [memory.recall(key, lambda: key * 2) for key in (1, 2, 1)]
    [2, 4, 2]
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, question: Hashable, work_out: Callable[[], T]) -> T:
        """The answer to a question; worked out if it is not known."""
        with self._lock:
            if question in self._kept:
                self._kept.move_to_end(question)
                return self._kept[question]  # type: ignore[return-value]
        answer = work_out()
        with self._lock:
            self._kept[question] = answer
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return answer


_answers = Memory(500)


def until_written(space: Workspace, question: Hashable, work_out: Callable[[], T]) -> T:
    """An answer about all runs of a store, which holds until something is written."""
    return _answers.recall((store_id(space), space.store.last_change(), question), work_out)
