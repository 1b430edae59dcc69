"""Suites of what people wrote: the left-out sources, without the rows of language models."""

from __future__ import annotations

from scamdetect.bench.sources import Material
from scamdetect.bench.suite import Suite, make_suite
from scamdetect.bench.suites.rows import (
    LICENCES,
    VERSION,
    rows_of_sources,
    with_named_groups,
)

# By name, so that who fetched more sources gets the same suites.
DEV = ("fss_phishing_cases_ko", "ko_korccvi_vishing", "pt_mz_mpesa_smishing", "vi_sms_ie403")
TEST = ("bn_banglabarta", "id_sms_spam", "janitr_x_posts", "zh_sms_mudou_test")


def human(material: Material) -> Suite:
    """Return people's messages of the dev sources; raise InputError where one is missing."""
    about = "Messages that people wrote, of sources that models of this project are chosen on."
    return _suite("human", about, material, DEV, "dev")


def human_final(material: Material) -> Suite:
    """Return people's messages of the test sources; raise InputError where one is missing."""
    about = "Messages that people wrote, of sources that only release figures are taken on."
    return _suite("human-final", about, material, TEST, "test")


def _suite(name: str, about: str, material: Material, sources: tuple[str, ...], role: str) -> Suite:
    rows = [
        row for row in rows_of_sources(material, name, sources, (role,)) if row["generator"] is None
    ]
    return make_suite(name, VERSION, about, with_named_groups(rows), LICENCES, final=role == "test")
