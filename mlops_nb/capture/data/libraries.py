"""Which functions of which libraries are hooked: a table, and the few that need more than a path argument."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from mlops_nb.capture.data.accesses import ACTIVE, Collector, absolute, current
from mlops_nb.capture.data.audit import connection_path
from mlops_nb.capture.data.hooks import Hook, note_paths, note_statement
from mlops_nb.capture.data.urls import is_url, redact_url

__all__ = ["HOOKS", "LISTENERS"]


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any], position: int, keyword: str, default: Any = None) -> Any:
    return args[position] if len(args) > position else kwargs.get(keyword, default)


def _file_mode(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """How h5py and PyTables open: r, r+ or a, w or x."""
    mode = _argument(args, kwargs, 2, "mode", "r")
    return {"r": "r", "r+": "+", "a": "+"}.get(mode, "w")



def _note_duckdb(collector: Collector, via: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """The module's functions and the connection's methods: the statement is the first string."""
    for value in (*args[:2], kwargs.get("query"), kwargs.get("statement")):
        if type(value) is str:
            note_statement(collector, via, "duckdb:", value, files=True)
            return


def _note_duckdb_connection(collector: Collector, via: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    value = _argument(args, kwargs, 0, "database", ":memory:")
    path = None if type(value) is str and (value[:1] in ("", ":") or is_url(value)) else absolute(value)
    if path is not None:
        collector.note_database(path)


def _note_polars_sql(collector: Collector, via: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    query, connection = _argument(args, kwargs, 0, "query"), _argument(args, kwargs, 1, "connection")
    if connection is None:
        connection = kwargs.get("uri")
    if type(query) is str:
        note_statement(collector, via, connection if type(connection) is str else "", query)


def _note_pandas_sql(collector: Collector, via: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Through SQLAlchemy the engine's listener has the statement; here are the connections that have no listener."""
    statement, connection = _argument(args, kwargs, 0, "sql"), _argument(args, kwargs, 1, "con")
    if type(connection).__module__.startswith("sqlalchemy"):
        return
    path = connection_path(connection)
    if path is not None:
        collector.note(path, "r", via)
    if type(statement) is str:
        address = connection if type(connection) is str else f"sqlite:///{path}" if path else ""
        address = address or f"{type(connection).__module__.partition('.')[0]}:"  # in memory, or opened before us
        note_statement(collector, via, address, statement)


def _note_request(collector: Collector, via: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """httpx: ``Client.send(request)``."""
    request = _argument(args, kwargs, 1, "request")
    mode = "read" if request.method in ("GET", "HEAD") else "write"
    collector.note_remote("url", redact_url(str(request.url)), mode, via)


def _note_aiohttp(collector: Collector, via: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    method, url = _argument(args, kwargs, 1, "method"), _argument(args, kwargs, 2, "str_or_url")
    collector.note_remote("url", redact_url(str(url)), "read" if method in ("GET", "HEAD") else "write", via)


def _note_filesystem(collector: Collector, via: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """fsspec: ``AbstractFileSystem.open(path, mode)``; local files are seen by the audit hook."""
    protocol = type(args[0]).protocol
    protocol = protocol if isinstance(protocol, str) else protocol[0]
    path = _argument(args, kwargs, 1, "path")
    if protocol in ("file", "local", "memory", "abstract") or type(path) is not str:
        return
    mode = "r" if "r" in _argument(args, kwargs, 2, "mode", "rb") else "w"
    note_paths(collector, via, path if "://" in path else f"{protocol}://{path}", mode)


def _listen_to_engines(sqlalchemy: ModuleType) -> None:
    """SQLAlchemy's own event, on every engine. The tracker's own engines carry the execution option ``mlops_nb``."""

    def before_cursor_execute(
        connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
    ) -> None:
        if not ACTIVE:
            return
        try:
            collector = current()
            if collector is None or connection.get_execution_options().get("mlops_nb"):
                return
            if statement.startswith("PRAGMA "):
                return  # how pandas and SQLAlchemy ask whether a table is there
            url = connection.engine.url
            note_statement(collector, "hook:sqlalchemy", url.render_as_string(hide_password=True), statement)
        except Exception:
            return  # the statement is the user's and runs

    sqlalchemy.event.listen(sqlalchemy.engine.Engine, "before_cursor_execute", before_cursor_execute)


def _readers(module: str, keyword: str, *names: str) -> tuple[Hook, ...]:
    return tuple(Hook(module, name, 0, keyword, "r") for name in names)


def _methods(module: str, kind: str, keyword: str, mode: str, *names: str) -> tuple[Hook, ...]:
    return tuple(Hook(module, f"{kind}.{name}", 1, keyword, mode) for name in names)


_DUCKDB_SQL = ("sql", "query", "execute", "from_query")
_DUCKDB_FILES = ("read_csv", "read_parquet", "read_json", "from_csv_auto", "from_parquet")

HOOKS: tuple[Hook, ...] = (
    # pyarrow: all reading of parquet, pandas' too, goes through two classes; write_table opens the file itself
    Hook("pyarrow.parquet.core", "ParquetFile.__init__", 1, "source", "r"),
    Hook("pyarrow.parquet.core", "ParquetDataset.__init__", 1, "path_or_paths", "r"),
    Hook("pyarrow.parquet.core", "ParquetWriter.__init__", 1, "where", "w"),
    Hook("pyarrow.parquet.core", "write_table", 1, "where", "w"),
    *_readers("pyarrow.csv", "input_file", "read_csv", "open_csv"),
    Hook("pyarrow.csv", "write_csv", 1, "output_file", "w"),
    *_readers("pyarrow.json", "input_file", "read_json"),
    *_readers("pyarrow.feather", "source", "read_table", "read_feather"),
    Hook("pyarrow.feather", "write_feather", 1, "dest", "w"),
    *_readers("pyarrow.orc", "source", "read_table"),
    *_readers("pyarrow.dataset", "source", "dataset"),
    Hook("pyarrow.dataset", "write_dataset", 1, "base_dir", "w"),
    # polars
    *_readers("polars", "source", "read_csv", "scan_csv", "read_parquet", "scan_parquet", "read_ipc", "scan_ipc",
              "read_ndjson", "scan_ndjson", "read_json", "read_avro", "read_excel", "read_ods", "read_delta",
              "scan_delta", "read_csv_batched", "read_ipc_stream"),
    *(Hook("polars", name, note=_note_polars_sql) for name in ("read_database", "read_database_uri")),
    *_methods("polars", "DataFrame", "file", "w", "write_csv", "write_parquet", "write_ipc", "write_ndjson",
              "write_json", "write_avro", "write_ipc_stream"),
    *_methods("polars", "DataFrame", "workbook", "w", "write_excel"),
    *_methods("polars", "DataFrame", "target", "w", "write_delta"),
    *_methods("polars", "LazyFrame", "path", "w", "sink_csv", "sink_parquet", "sink_ipc", "sink_ndjson"),
    # DuckDB
    Hook("duckdb", "connect", note=_note_duckdb_connection),
    *(Hook("duckdb", name, note=_note_duckdb) for name in _DUCKDB_SQL),
    *_readers("duckdb", "path_or_buffer", *_DUCKDB_FILES),
    *(Hook("duckdb", f"DuckDBPyConnection.{name}", note=_note_duckdb) for name in _DUCKDB_SQL),
    *_methods("duckdb", "DuckDBPyConnection", "path_or_buffer", "r", *_DUCKDB_FILES),
    *_methods("duckdb", "DuckDBPyRelation", "file_name", "w", "write_csv", "write_parquet", "to_csv", "to_parquet"),
    # pandas: it opens parquet for writing in C++; and statements that SQLAlchemy does not see
    *_methods("pandas", "DataFrame", "path", "w", "to_parquet", "to_orc"),
    *(Hook("pandas", name, note=_note_pandas_sql) for name in ("read_sql", "read_sql_query")),
    # HDF5, and models that a library's C++ code reads and writes
    Hook("h5py", "File.__init__", 1, "name", _file_mode),
    Hook("tables.file", "File.__init__", 1, "filename", _file_mode),
    Hook("netCDF4", "Dataset.__init__", 1, "filename", _file_mode),
    *_methods("xgboost.core", "Booster", "fname", "r", "load_model"),
    *_methods("xgboost.core", "Booster", "fname", "w", "save_model"),
    *_methods("xgboost.core", "DMatrix", "data", "r", "__init__"),
    *_methods("lightgbm.basic", "Dataset", "data", "r", "__init__"),
    # HTTP that does not go through http.client, and remote file systems
    Hook("httpx", "Client.send", note=_note_request),
    Hook("httpx", "AsyncClient.send", note=_note_request),
    Hook("aiohttp.client", "ClientSession._request", note=_note_aiohttp),
    Hook("fsspec.spec", "AbstractFileSystem.open", note=_note_filesystem),
)  # fmt: skip

LISTENERS = {"sqlalchemy": _listen_to_engines}
"""Libraries that tell by themselves, if one asks."""
