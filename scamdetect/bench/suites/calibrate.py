"""The rows that thresholds are set on: never used for a figure, so not a suite to request."""

from __future__ import annotations

import pyarrow as pa

from scamdetect.bench.answers import Material
from scamdetect.bench.suite import Suite, make_suite
from scamdetect.bench.suites.rows import (
    OWN,
    OWN_LICENCE,
    VERSION,
    SuiteRow,
    authored_folder,
    authored_rows,
    corpus_table,
    licences,
    own_row,
    public_rows,
    with_named_groups,
)
from scamdetect.calibration.statistics import Floats
from scamdetect.errors import InputError
from scamdetect.train.data.authored import load_authored
from scamdetect.train.data.mix import CALIBRATE_ROWS, balanced_sample, reference_weights
from scamdetect.train.data.rows import row_hash
from scamdetect.train.data.table import is_everyday

NAME = "calibrate"


def calibrate(material: Material) -> Suite:
    """Return the legit, spam and scam rows to set thresholds on.

    With a corpus they are an even sample of its role calibrate, without one the authored calibrate
    part. Licences of public sources are given by class. Raises InputError without the authored
    messages, and if the corpus was built from others.
    """
    if material.corpus is None:
        own = authored_rows(material, NAME, "calibrate")
        about = "This project's own messages to set thresholds on; the public ones are missing."
        return make_suite(NAME, VERSION, about, own, licences(own), final=False)
    table = corpus_table(material, NAME, (NAME,))
    # The suite is older than the everyday messages, and does not change.
    table = table.filter(pa.array(~is_everyday(table)))
    sample = balanced_sample(table, CALIBRATE_ROWS)
    classes = dict(
        zip(sample["source"].to_pylist(), sample["licence_class"].to_pylist(), strict=True)
    )
    known = {
        source: OWN_LICENCE if source.startswith(OWN) else licence
        for source, licence in classes.items()
    }
    about = (
        "Messages to set thresholds on, drawn evenly by verdict, slice or kind, and language from "
        "public sources and this project's own."
    )
    rows = _with_own_ids(public_rows(sample), material)
    return make_suite(NAME, VERSION, about, rows, known, final=False)


def mix_weights(suite_rows: pa.Table) -> Floats:
    """Return the weight of each row (rows,) of a suite in the reference mix of those rows."""
    known = pa.array([False] * suite_rows.num_rows)  # rows with an open verdict are in no suite
    return reference_weights(suite_rows.append_column("not_legit", known))


def _with_own_ids(rows: list[SuiteRow], material: Material) -> list[SuiteRow]:
    """Return the rows, with the project's own in the form of suites of authored rows."""
    public = [row for row in rows if not row["source"].startswith(OWN)]
    hashes = {row["id"] for row in rows} - {row["id"] for row in public}
    if not hashes:
        return with_named_groups(public)
    folder = authored_folder(material, NAME)
    found = {row_hash(OWN + row.lang, row.text): row for row in load_authored(folder)}
    if unknown := hashes - found.keys():
        raise InputError(
            f"suite {NAME}: {len(unknown)} of the project's own messages in {material.corpus} are "
            f"not in {folder}; run: scamdetect data build --authored {folder}"
        )
    return with_named_groups(public) + [own_row(found[one]) for one in sorted(hashes)]
