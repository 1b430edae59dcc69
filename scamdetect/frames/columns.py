"""The ``scamdetect_*`` columns: the only place that converts predictions to rows and tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from scamdetect.errors import InputError
from scamdetect.frames.arrow import array
from scamdetect.prediction import SCHEMA_VERSION, Prediction
from scamdetect.system.shown import missing_column

_KIND = pa.struct([("kind", pa.string()), ("probability", pa.float32())])
_KINDS = pa.list_(_KIND)

SCHEMA: pa.Schema = pa.schema(
    [
        ("scamdetect_verdict", pa.string()),
        ("scamdetect_decision", pa.string()),
        ("scamdetect_scam_probability", pa.float32()),
        ("scamdetect_legit_probability", pa.float32()),
        ("scamdetect_spam_probability", pa.float32()),
        ("scamdetect_kinds", _KINDS),
        ("scamdetect_language", pa.string()),
        ("scamdetect_n_windows", pa.int32()),
        ("scamdetect_reason", pa.string()),
        ("scamdetect_model_id", pa.string()),
        ("scamdetect_schema_version", pa.int32()),
    ]
)
COLUMNS: tuple[str, ...] = tuple(SCHEMA.names)
# First, if a dump of several files is scored: the file of the row.
FILE_COLUMN = "scamdetect_file"
# Next, if feeds of indicators are used: the listed indicators of the message.
INDICATORS_COLUMN = "scamdetect_indicators"
OWN_COLUMNS = frozenset((*COLUMNS, INDICATORS_COLUMN))
FLAT_SCHEMA: pa.Schema = SCHEMA.set(
    SCHEMA.get_field_index("scamdetect_kinds"), pa.field("scamdetect_kinds", pa.string())
)


def record(prediction: Prediction, *, flat: bool = False) -> dict[str, Any]:
    """Return one row of plain JSON types, with the keys and order of ``COLUMNS``.

    With ``flat`` the kinds are one string such as ``investment:0.93;crypto:0.71`` (for CSV).
    """
    return {name: read(prediction) for name, read in _readers(flat).items()}


def columns(predictions: Sequence[Prediction], *, flat: bool = False) -> dict[str, pa.Array]:
    """Return one Arrow array per column, typed by ``SCHEMA`` (``FLAT_SCHEMA`` with ``flat``)."""
    schema = FLAT_SCHEMA if flat else SCHEMA
    return {
        name: array([read(prediction) for prediction in predictions], schema.field(name).type)
        for name, read in _readers(flat).items()
    }


def check_columns(
    existing: Sequence[str],
    text_column: str,
    *,
    overwrite: bool,
    where: str,
    first_line: bool = False,
) -> tuple[str, ...]:
    """Return the names of the input columns to keep, in their order.

    Raises InputError, with ``where`` (a file or table), if the text column is missing or is an
    output column, or if output columns exist and ``overwrite`` is False. ``first_line`` as in
    ``shown.missing_column``.
    """
    if text_column not in existing:
        raise missing_column(
            where,
            repr(text_column),
            list(map(str, existing)),
            first_line=first_line,
            cure="name another with text_column (--text-column)",
        )
    if (count := list(existing).count(text_column)) > 1:
        raise InputError(f"{where} has {count} columns {text_column!r}; rename all but one")
    if text_column in OWN_COLUMNS:
        raise InputError(f"{where}: the text column {text_column!r} is an output column; rename it")
    return kept_columns(existing, overwrite=overwrite, where=where)


def kept_columns(existing: Sequence[str], *, overwrite: bool, where: str) -> tuple[str, ...]:
    """Return the names of the input columns, in their order.

    Raises InputError, with ``where``, if output columns exist and ``overwrite`` is False.
    """
    taken = [name for name in existing if name in OWN_COLUMNS]
    if taken and not overwrite:
        raise InputError(
            f"{where} already has the columns {', '.join(taken)}; drop them first, or replace "
            "them with overwrite_columns=True (--overwrite-columns)"
        )
    return tuple(name for name in existing if name not in OWN_COLUMNS)


def _readers(flat: bool) -> dict[str, Callable[[Prediction], Any]]:
    return {
        "scamdetect_verdict": lambda p: None if p.verdict is None else p.verdict.value,
        "scamdetect_decision": lambda p: p.decision.value,
        "scamdetect_scam_probability": lambda p: p.scam_probability,
        "scamdetect_legit_probability": lambda p: p.legit_probability,
        "scamdetect_spam_probability": lambda p: p.spam_probability,
        "scamdetect_kinds": _flat_kinds if flat else _kinds,
        "scamdetect_language": lambda p: p.language,
        "scamdetect_n_windows": lambda p: p.n_windows,
        "scamdetect_reason": lambda p: p.reason,
        "scamdetect_model_id": lambda p: p.model_id,
        "scamdetect_schema_version": lambda p: SCHEMA_VERSION,
    }


def _kinds(prediction: Prediction) -> list[dict[str, Any]]:
    return [{"kind": k.kind.value, "probability": k.probability} for k in prediction.kinds]


def _flat_kinds(prediction: Prediction) -> str:
    return ";".join(f"{k.kind.value}:{k.probability:.2f}" for k in prediction.kinds)
