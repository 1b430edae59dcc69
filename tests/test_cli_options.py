"""What commands hand on as it was given has the names and defaults of what takes it."""

from __future__ import annotations

import inspect
from importlib import import_module

import click
import pytest

from scamdetect.cli.commands import cli

_THRESHOLDS = {"preset", "flag", "review", "kind_flags"}


@pytest.mark.parametrize(
    ("name", "module", "takes"),
    [
        ("score", "dumps.job", "score_file"),
        ("groups", "scored.groups", "write_groups"),
        ("threads", "scored.threads", "write_threads"),
        ("report", "reports.dump", "write_report"),
        ("campaigns", "scored.campaigns", "write_campaigns"),
        ("indicators propose", "share.propose", "write_review"),
        ("indicators export", "share.export", "write_export"),
        ("indicators withdraw", "share.withdraw", "write_withdrawal"),
        ("indicators sightings", "share.count_sightings", "write_sightings"),
        ("fingerprints make", "share.fingerprint_files", "make_fingerprints"),
        ("serve", "serve.request", "Limits"),
        ("bench run", "bench.answers", "Setting"),
        ("calibrate", "adapt.recalibrate", "recalibrate"),
        ("finetune", "train.finetune", "finetune"),
    ],
)
def test_what_is_handed_on_is_taken_by_its_name(name: str, module: str, takes: str) -> None:
    command: click.Command = cli
    for part in name.split():
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), part)
        assert found is not None
        command = found
    assert command.callback is not None
    own = set(inspect.signature(command.callback).parameters)
    own |= _THRESHOLDS if "thresholds" in own else set()
    taken = inspect.signature(getattr(import_module(f"scamdetect.{module}"), takes)).parameters
    defaults = command.make_context(name, [], resilient_parsing=True).params
    handed_on = defaults.keys() - own
    assert len(handed_on) > 2
    for option in handed_on:
        assert taken[option].default in (defaults[option], inspect.Parameter.empty), option
