"""Many small files of the request log become few: a service that is asked little writes one every few seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlops_nb.serving.covering import COVERS, Named, read_name
from mlops_nb.serving.tables import groups_of, join_tables

SMALL_ROWS = 5_000
"""Files with more rows stay what they are."""

FILES = 360
"""So many small files become one: half an hour of a service that is asked all the time."""

MOST_ROWS = 200_000


def merge(paths: Sequence[Path], pid: int, count: int) -> Path | None:
    """Make one file of the oldest small ones that this process has written, if there are enough of them.

    Parameters
    ----------
    paths : sequence of Path
        The log's files of one kind, oldest first.
    pid : int
        Of the process, whose own files these are; the newest one of it is left alone.
    count : int
        For the new file's name.

    Returns
    -------
    Path or None
        The new file.
    """
    import pyarrow
    import pyarrow.parquet as parquet

    own = [each for each in map(read_name, paths) if each.pid == str(pid) and not each.covers][:-1]
    if len(own) < FILES:
        return None
    run: list[Named] = []
    rows = 0
    for each in own:
        size = parquet.read_metadata(each.path).num_rows
        if size > SMALL_ROWS or rows + size > MOST_ROWS:
            if len(run) >= FILES // 2:
                break
            run, rows = [], 0
            continue
        run.append(each)
        rows += size
    tables = [parquet.read_table(each.path) for each in run]
    group = max(groups_of(tables), key=len) if tables else []
    if len(group) < FILES // 2:
        return None
    chosen = [run[number] for number in group]
    first, last = chosen[0], chosen[-1]
    target = first.path.with_name(f"{first.kind}-{last.stamp}-{pid}-{first.stamp}{COVERS}{count}.parquet")
    partial = target.with_name(f".{target.name}.part")
    try:
        parquet.write_table(join_tables([tables[number] for number in group]), partial, compression="zstd")
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    del tables
    pyarrow.default_memory_pool().release_unused()
    return target
