"""Open the files of a folder or glob as one dump."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from scamdetect.dumps.batch import BATCH_BYTES, BATCH_ROWS, JSON, Batch, Dump, Reject, is_json
from scamdetect.dumps.formats import Format
from scamdetect.dumps.source import ReadOptions, Source, SourceFile, open_file
from scamdetect.dumps.text import EmptyFileError, first_bytes
from scamdetect.errors import InputError
from scamdetect.frames.arrow import array, json_values
from scamdetect.frames.columns import FILE_COLUMN

_NULL = "__HIVE_DEFAULT_PARTITION__"
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_MOST_NOTES = 8

Opened = list[tuple[SourceFile, Dump | Reject]]


def open_folder(source: Source, options: ReadOptions) -> Dump:
    """Return one dump of the rows of all files, with Hive partitions and the file as columns."""
    files: Opened = []
    notes: Counter[str] = Counter()
    for file in source.files:
        try:
            dump = open_file(file.path, options)
        except EmptyFileError:
            notes["the file is empty and skipped"] += 1
        except InputError as problem:
            if options.source_format != Format.EML:
                raise
            files.append((file, Reject(1, str(problem), first_bytes(file.path, 64 << 10))))
        else:
            notes.update(dump.notes)
            files.append((file, dump))
    dumps = [dump for _, dump in files if isinstance(dump, Dump)]
    if not dumps:
        raise InputError(f"{source}: none of its files contains anything readable")
    schema = _unified(files)
    hive = _partitions([file.name for file, _ in files], {*schema.names, FILE_COLUMN})
    if FILE_COLUMN in schema.names:
        schema = schema.remove(schema.get_field_index(FILE_COLUMN))
    schema = pa.schema([*schema, *hive, pa.field(FILE_COLUMN, pa.string())])
    lines = [f"{note} ({count:,} of {len(source.files):,} files)" for note, count in notes.items()]
    return replace(
        dumps[0],
        schema=schema,
        batches=lambda: _merged(_file_batches(files, schema, hive)),
        notes=(f"{len(files):,} files read", *lines[:_MOST_NOTES]),
    )


def _unified(files: Opened) -> pa.Schema:
    """Return the columns of all files, with types that hold the values of each."""
    fields: dict[str, pa.Field] = {}
    for file, dump in files:
        if isinstance(dump, Reject):
            continue
        for field in dump.schema:
            known = fields.setdefault(field.name, field)
            if known.type.equals(field.type) and is_json(known) == is_json(field):
                continue
            try:
                if is_json(known) or is_json(field):
                    raise pa.ArrowInvalid
                pair = [pa.schema([known]), pa.schema([field])]
                fields[field.name] = pa.unify_schemas(pair, promote_options="permissive").field(0)
            except pa.ArrowException:
                if "json" not in str(dump.format):
                    raise InputError(
                        f"{file.path}: column {field.name!r} holds {field.type}, but {known.type} "
                        "in another file; select files of one type with a glob"
                    ) from None
                fields[field.name] = pa.field(field.name, pa.string(), metadata=JSON)
    return pa.schema([field.with_nullable(True) for field in fields.values()])


def _partitions(names: list[str], taken: set[str]) -> list[pa.Field]:
    """Return the columns that folders such as ``day=1`` name; of integers if all values are."""
    values: dict[str, set[str | None]] = {}
    for name in names:
        for key, value in _partition_values(name).items():
            values.setdefault(key, set()).add(value)
    return [
        pa.field(key, pa.int64() if all(map(_INTEGER.fullmatch, filter(None, of))) else pa.string())
        for key, of in values.items()
        if key not in taken
    ]


def _partition_values(name: str) -> dict[str, str | None]:
    pairs = [folder.partition("=") for folder in name.split("/")[:-1] if "=" in folder]
    return {unquote(key): None if v == _NULL else unquote(v) for key, _, v in pairs if key}


def _file_batches(files: Opened, schema: pa.Schema, hive: list[pa.Field]) -> Iterator[Batch]:
    """Yield the batches of one file after the other with the columns of all."""
    done, total = 0, sum(file.size for file, _ in files)
    for file, dump in files:
        if isinstance(dump, Reject):
            yield Batch(
                pa.Table.from_batches([], schema), (replace(dump, file=file.name),), done / total
            )
            continue
        values = _partition_values(file.name)
        constants: dict[str, Any] = {FILE_COLUMN: file.name}
        for field in hive:
            value = values.get(field.name)
            whole = pa.types.is_integer(field.type) and value is not None
            constants[field.name] = int(value or 0) if whole else value
        for batch in dump.batches():
            table = _conformed(batch.table, schema, constants, str(file.path))
            rejects = tuple(replace(reject, file=file.name) for reject in batch.rejects)
            yield Batch(table, rejects, (done + batch.share * file.size) / total)
        done += file.size


def _conformed(
    table: pa.Table, schema: pa.Schema, constants: dict[str, Any], where: str
) -> pa.Table:
    """Return the table with these columns: its own, converted, or constants, or nulls."""
    columns = []
    for field in schema:
        index = table.schema.get_field_index(field.name)
        if field.name in constants or index < 0:
            columns.append(array([constants.get(field.name)] * table.num_rows, field.type))
            continue
        column = table.column(index)
        if is_json(field) and not is_json(table.schema.field(index)):
            values = [None if v is None else json.dumps(v) for v in json_values(column)]
            column = array(values, pa.string())
        try:
            columns.append(column.cast(field.type))
        except pa.ArrowException:
            raise InputError(
                f"{where}: column {field.name!r} has a value that {field.type}, the type of the "
                "other files, cannot hold; select files of one type with a glob"
            ) from None
    return pa.Table.from_arrays(columns, schema=schema)


def _merged(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield the batches, with small ones after each other combined."""
    waiting: list[Batch] = []
    records = size = 0
    for batch in batches:
        records += batch.records
        size += batch.table.nbytes
        if waiting and (records > BATCH_ROWS or size > BATCH_BYTES):
            yield _joined(waiting)
            waiting, records, size = [], batch.records, batch.table.nbytes
        waiting.append(batch)
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[Batch]) -> Batch:
    table = pa.concat_tables([batch.table for batch in batches]).combine_chunks()
    rejects = tuple(reject for batch in batches for reject in batch.rejects)
    return Batch(table, rejects, batches[-1].share)
