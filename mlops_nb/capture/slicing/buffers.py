"""Arrays and frames as the bytes they hold: NumPy, pandas, Arrow, polars, torch, each only if it is loaded."""

from __future__ import annotations

import bisect
import sys
from collections.abc import Callable, Iterator
from typing import Any

from mlops_nb.capture.slicing.handles import HANDLES
from mlops_nb.capture.slicing.layout import bases_of, module_name, type_name

Describe = Callable[[Any, Any], None]
"""Writes an object's state into a fingerprint: takes the fingerprint and the object."""

_SMALL = 4 << 20  # strided views up to this many bytes are copied to be hashed; of bigger ones the whole base is


def describer_of(kind: type) -> Describe | None:
    """The function that fingerprints objects of a library's array or frame type, or None.

    Parameters
    ----------
    kind : type
        Of the object; subclasses of the user's are found by their bases.

    Returns
    -------
    callable or None

    Examples
    --------
    >>> describer_of(dict) is None
    True
    """
    for base in bases_of(kind):
        package = module_name(base).partition(".")[0]
        if package in _TABLE and package in sys.modules:
            found = _TABLE[package].get(type_name(base))
            if found is not None:
                return found
    return None


def root_of(array: Any) -> Any:
    """The array or buffer owner that an array is a view of, at the end of the chain.

    Examples
    --------
    >>> import numpy as np
    >>> whole = np.zeros(4)
    >>> root_of(whole[1:][:2]) is whole
    True
    """
    import numpy as np

    seen = 0
    while isinstance(array, np.ndarray) and array.base is not None and seen < 1000:
        array, seen = array.base, seen + 1
        if type(array).__name__ == "DummyArray":  # as_strided and sliding windows put it in between
            array = array.base
    if isinstance(array, memoryview):
        array = array.obj
    return array


def _ndarray(probe: Any, value: Any) -> None:
    import numpy as np

    plain = np.ndarray.view(value, np.ndarray)
    root = root_of(plain)
    probe.reach(root)
    if isinstance(root, np.ndarray):
        start = root.__array_interface__["data"][0]
        probe.mark(("at", start))
        _note_memory(start, root.nbytes)
    elif plain.nbytes:
        _mark_memory(probe, plain.__array_interface__["data"][0])
    probe.put(("nd", plain.dtype.str, plain.shape, plain.strides, bool(plain.flags.writeable)))
    if plain.dtype.fields:
        probe.put(("fields", str(plain.dtype)))
    if type(value) is not np.ndarray:
        _subclass(probe, value)
    if plain.dtype.hasobject or plain.dtype.kind == "T":
        probe.push(plain.ravel("K").tolist())
    else:
        _bytes(probe, plain, root)


def _void(probe: Any, value: Any) -> None:
    """An item of a structured array is a view of it."""
    probe.reach(value)
    base = value.base
    probe.push(base if base is not None else value.tobytes())


def _dtype(probe: Any, value: Any) -> None:
    """The names of fields can be changed in place."""
    probe.put(("dtype", str(value)))
    if value.names is not None:
        probe.reach(value)


def _flat_iterator(probe: Any, value: Any) -> None:
    probe.reach(value)
    probe.put(value.index)
    probe.push(value.base)


def _array_iterator(probe: Any, value: Any) -> None:
    probe.reach(value)
    probe.opaque = True
    probe.push(value.operands)


_memory: list[tuple[int, int]] = []  # where arrays begin and end, in order; a few of them may be gone again


def _note_memory(start: int, size: int) -> None:
    place = bisect.bisect_left(_memory, (start, start + size))
    if size and (place == len(_memory) or _memory[place] != (start, start + size)):
        if len(_memory) > 5_000:
            _memory.clear()
            place = 0
        _memory.insert(place, (start, start + size))


def _mark_memory(probe: Any, address: int) -> None:
    """Mark memory as that of the array in which it lies, if it is known: other libraries look at parts of arrays."""
    probe.mark(("at", address))
    place = bisect.bisect_right(_memory, (address, 1 << 64))
    for start, end in _memory[max(0, place - 3) : place]:
        if start <= address < end:
            probe.mark(("at", start))


def _subclass(probe: Any, value: Any) -> None:
    """What a subclass keeps beside the buffer: the mask of a masked array, a unit, an attribute of the user's."""
    own = getattr(value, "__dict__", None)
    if type(own) is not dict:
        return
    for key, part in list(own.items()):
        if key == "_fill_value" and part is not None:  # made when first asked for: only another one is a change
            if part != sys.modules["numpy.ma"].default_fill_value(value.dtype):
                probe.put(str(part))
        elif key not in _MASK_PLUMBING:
            probe.put(str(key))
            probe.push(part)


_MASK_PLUMBING = frozenset({"_fill_value", "_sharedmask", "_basedict", "_baseclass"})


def _bytes(probe: Any, plain: Any, root: Any) -> None:
    import numpy as np

    if plain.nbytes == 0:
        return
    if plain.flags.f_contiguous and not plain.flags.c_contiguous:
        plain = plain.T
    if plain.flags.c_contiguous:
        flat = plain.reshape(-1).view(np.uint8)
    elif plain.nbytes <= _SMALL or not isinstance(root, np.ndarray) or not root.flags.c_contiguous:
        if not probe.affords(4 * plain.nbytes):
            return
        flat = np.frombuffer(plain.tobytes(), np.uint8)
    else:
        flat = root.reshape(-1).view(np.uint8)
    probe.buffer(memoryview(flat), flat.__array_interface__["data"][0])


def _generator(probe: Any, value: Any) -> None:
    probe.reach(value)
    bits = value.bit_generator
    probe.reach(bits)
    _bit_generator(probe, bits)


def _bit_generator(probe: Any, value: Any) -> None:
    probe.reach(value)
    probe.push(value.state)
    seeds = getattr(value, "seed_seq", None)
    probe.put(getattr(seeds, "n_children_spawned", 0))  # the next spawn gives other streams


def _random_state(probe: Any, value: Any) -> None:
    probe.reach(value)
    probe.push(value.get_state(legacy=False))


def _seed_sequence(probe: Any, value: Any) -> None:
    probe.reach(value)
    probe.put(("seed", str(value.entropy), value.spawn_key, value.n_children_spawned))


def _frame(probe: Any, value: Any) -> None:
    probe.reach(value)
    manager = object.__getattribute__(value, "_mgr")
    own = object.__getattribute__(value, "__dict__")
    probe.put(("frame", bool(getattr(own.get("_flags"), "_allows_duplicate_labels", True))))
    for key, part in own.items():
        if key not in _FRAME_PLUMBING:
            probe.push(part)
    for axis in manager.axes:
        probe.push(axis)
    for block in manager.blocks:
        places = block.mgr_locs.indexer
        probe.put(str(places) if isinstance(places, slice) else places.tobytes())
        probe.push(block.values)


_FRAME_PLUMBING = frozenset({"_mgr", "_flags", "_item_cache", "_is_copy", "_cacher"})


def _index(probe: Any, value: Any) -> None:
    probe.reach(value)
    probe.put(type(value).__name__)
    state = vars(value)
    for name in ("_name", "_names", "_levels", "_codes", "_data", "_range"):
        if name in state:
            probe.push(state[name])
    if "_data" not in state and hasattr(value, "_data"):
        probe.push(value._data)


def _extension_array(probe: Any, value: Any) -> None:
    probe.reach(value)
    probe.put((type(value).__name__, str(value.dtype)))
    if type(value).__name__ == "Categorical":
        probe.put(bool(value.dtype.ordered))
        probe.push(value.dtype.categories)
    for name in ("_pa_array", "_ndarray", "_data", "_mask", "_left", "_right", "_sparse_values", "_sparse_index"):
        part = getattr(value, name, None)
        if part is not None:
            probe.push(part)


def _view_of_frame(probe: Any, value: Any) -> None:
    """Groupbys, indexers, accessors: the frame that they hold on to, and what they were asked for, not caches."""
    probe.reach(value)
    probe.put(type(value).__name__)
    for name in ("obj", "_obj", "keys", "level", "_selection", "name"):
        probe.push(object.__getattribute__(value, "__dict__").get(name) if name != "obj" else value.obj)


def _arrow(probe: Any, value: Any) -> None:
    """Arrow data never change; their buffers may belong to an array that does."""
    probe.put((type(value).__name__, len(value)))
    for buffer in _arrow_buffers(value):
        if buffer is not None:
            _mark_memory(probe, buffer.address)
            probe.buffer(memoryview(buffer), buffer.address)


def _arrow_value(probe: Any, value: Any) -> None:
    """Schemas, types, scalars, compute functions: values."""
    probe.put((type(value).__name__, id(value)))


def _arrow_buffers(value: Any) -> Iterator[Any]:
    if hasattr(value, "columns"):
        for column in value.columns:
            yield from _arrow_buffers(column)
    elif hasattr(value, "chunks"):
        for chunk in value.chunks:
            yield from chunk.buffers()
    else:
        yield from value.buffers()


def _polars_frame(probe: Any, value: Any) -> None:
    probe.reach(value)
    probe.put(("polars", value.shape, tuple(value.columns), tuple(map(str, value.dtypes))))
    for series in value.get_columns():
        _polars_values(probe, series)


def _polars_series(probe: Any, value: Any) -> None:
    probe.reach(value)
    probe.put(("polars", len(value), value.name, str(value.dtype)))
    _polars_values(probe, value)


def _polars_values(probe: Any, series: Any) -> None:
    _arrow(probe, series.to_arrow())  # no copy, save for strings and categories


def _tensor(probe: Any, value: Any) -> None:
    torch = sys.modules["torch"]
    plain = value.detach()
    probe.reach(value)
    storage = plain.untyped_storage()
    _mark_memory(probe, storage.data_ptr())
    if plain.device.type == "cpu":
        _note_memory(storage.data_ptr(), storage.nbytes())
    own = getattr(value, "__dict__", None)
    for part in (value._backward_hooks, own or None):
        if part is not None:
            probe.push(part)
    if value.grad_fn is not None:
        for leaf in _leaves(value.grad_fn):
            probe.push(leaf)
    probe.put(("tensor", str(plain.dtype), tuple(plain.shape), str(plain.device), bool(value.requires_grad)))
    if value.is_leaf and value.grad is not None:
        probe.push(value.grad)
    if plain.device.type == "cpu" and plain.is_contiguous():
        probe.buffer(memoryview(plain.reshape(-1).view(torch.uint8).numpy()), plain.data_ptr())
    else:
        probe.put((plain.data_ptr(), value._version))


def _leaves(node: Any) -> Iterator[Any]:
    """The tensors to which the gradients of a result go."""
    seen, waiting = {node}, [node]
    while waiting and len(seen) < 5_000:
        node = waiting.pop()
        variable = getattr(node, "variable", None)
        if variable is not None:
            yield variable
        for after, _ in node.next_functions:
            if after is not None and after not in seen:
                seen.add(after)
                waiting.append(after)


_TABLE: dict[str, dict[str, Describe]] = {
    "numpy": {
        "ndarray": _ndarray,
        "Generator": _generator,
        "BitGenerator": _bit_generator,
        "RandomState": _random_state,
        "SeedSequence": _seed_sequence,
        "void": _void,
        "dtype": _dtype,
        "flatiter": _flat_iterator,
        "nditer": _array_iterator,
    },
    "pandas": {
        "NDFrame": _frame,
        "Index": _index,
        "ExtensionArray": _extension_array,
        "GroupBy": _view_of_frame,
        "NDFrameIndexerBase": _view_of_frame,
    },
    "pyarrow": {
        **dict.fromkeys(("Array", "ChunkedArray", "Table", "RecordBatch"), _arrow),
        **dict.fromkeys(("DataType", "Field", "Schema", "Scalar", "Buffer", "KeyValueMetadata"), _arrow_value),
    },
    "polars": {"DataFrame": _polars_frame, "Series": _polars_series},
    "torch": {"Tensor": _tensor, **HANDLES["torch"]},
    **{package: kinds for package, kinds in HANDLES.items() if package != "torch"},
}
