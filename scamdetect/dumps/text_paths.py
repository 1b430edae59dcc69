"""Find the text column: by its name, or by a dotted path such as ``message.body`` into a column.

A column's own name wins over a path, dots and all. Names that hold a dot are no part of a path.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa

from scamdetect.frames import columns as output

TextPath = tuple[str, ...]

# Of these an error lists no more: some objects have a member for each person or day.
MOST_MEMBERS = 100


def find_text(
    text_column: str,
    names: Sequence[str],
    members: Collection[str],
    *,
    overwrite_columns: bool,
    where: str,
) -> tuple[TextPath, tuple[str, ...]]:
    """Return the path to the text and the names of the columns to keep.

    ``members`` are the dotted paths that there are beside the columns. Raises InputError, naming
    ``where``, as ``output.check_columns`` does; it lists these paths too.
    """
    path: TextPath = (text_column,)
    existing = names
    if text_column not in names and text_column in members:
        path = tuple(text_column.split("."))
    elif text_column not in names:
        existing = [*names, *members]
    kept = output.check_columns(existing, path[0], overwrite=overwrite_columns, where=where)
    return path, kept


def value_at(value: object, path: TextPath) -> object:
    """Return what is at the path in JSON objects, None where it leads nowhere."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def leads_to_member(value: object, path: TextPath) -> bool:
    """Tell whether a path of several names leads to a member of a JSON object, be it null."""
    inner = value_at(value, path[:-1])
    return len(path) > 1 and isinstance(inner, dict) and path[-1] in inner


def object_members(name: str, value: object, levels: int = 8) -> Iterator[str]:
    """Yield the dotted paths into a JSON value that is in the column of that name."""
    if not isinstance(value, dict) or not levels:
        return
    for key, item in value.items():
        if "." not in key:
            path = f"{name}.{key}"
            yield path
            yield from object_members(path, item, levels - 1)


def struct_members(name: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """Yield the dotted paths into an Arrow column of that name and type, with their types."""
    if not pa.types.is_struct(kind):
        return
    fields = [kind.field(place) for place in range(kind.num_fields)]
    names = [field.name for field in fields]
    for field in fields:
        if "." not in field.name and names.count(field.name) == 1:
            path = f"{name}.{field.name}"
            yield path, field.type
            yield from struct_members(path, field.type)
