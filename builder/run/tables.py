"""Reads and writes the Parquet tables of a run, each with a digest of its file.

RUN/digests/plan.parquet.json   size and SHA-256 of RUN/plan.parquet, written before it
"""

import dataclasses
import io

import pyarrow as pa
import pyarrow.parquet as pq

from builder.encoding.json_document import DamagedDocument, JsonDocument
from builder.run.directory import RunDirectory, missing
from builder.run.file_digest import DamagedFile, FileDigest

_DIGEST = JsonDocument(
    "the digest of a table", 1, FileDigest.parse, "delete it: the table is then read without being checked"
)


def write_table(run: RunDirectory, path: str, table: pa.Table) -> None:
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    data = out.getvalue()
    run.write(_digest_path(path), _DIGEST.dump(dataclasses.asdict(FileDigest.of(data))))
    run.write(path, data)


def read_table(run: RunDirectory, path: str, remedy: str) -> pa.Table:
    """A table of a run.

    Args:
        remedy: what to do about a damaged one.

    Raises:
        FileNotFoundError: there is none.
        DamagedFile: it is not what was written, or no Parquet file.
    """
    try:
        data = run.read(path)
    except FileNotFoundError as error:
        raise missing(run, path) from error
    digest = table_digest(run, path)
    if digest and (problem := digest.problem(len(data), data)):
        raise DamagedFile(f"{run.url}/{path} {problem}; {remedy}")
    try:
        return pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        raise DamagedFile(f"{run.url}/{path} is damaged: {str(error).splitlines()[0]}; {remedy}") from error


def table_digest(run: RunDirectory, path: str) -> FileDigest | None:
    """What was written as a table; None for one of an earlier version.

    Raises:
        DamagedFile: the file with the digest is damaged.
    """
    try:
        data = run.read(_digest_path(path))
    except FileNotFoundError:
        return None
    try:
        return _DIGEST.load(data, f"{run.url}/{_digest_path(path)}")
    except DamagedDocument as error:
        raise DamagedFile(str(error)) from error


def _digest_path(path: str) -> str:
    return f"digests/{path}.json"
