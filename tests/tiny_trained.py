"""A trained network in miniature as a bundle, a corpus to rehearse, and a team's own rows."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from synthetic_corpus import row, table
from tiny_base import TINY_RECIPE, TINY_TEXTS, write_tiny_base

from scamdetect.train.fit import train
from scamdetect.train.release import release

_LETTERS = list("abcdefghijklmnopqrstuvwxyz")
LURE = "near bridge"  # of the own scams


def write_rehearsal(path: Path) -> Path:
    """Write a corpus with the roles train, calibrate and dev, 240 rows or more of each."""
    random = np.random.default_rng(1)
    rows = []
    for n, verdict in enumerate(["legit", "scam", "legit", "spam"] * 240):
        role = ("train", "calibrate", "train", "dev")[n // 4 % 4]
        text = f"{TINY_TEXTS[verdict]} {next(words(random, 1))}"
        seen = {"kinds_provenance": "read"} if verdict == "scam" else {}
        rows.append(row(n, verdict, role=role, source=f"en_{role}", norm=text, **seen))
    pq.write_table(table(rows), path)
    return path


def write_trained_bundle(folder: Path) -> tuple[Path, Path]:
    """Train on the corpus and return the folder of the bundle and the corpus."""
    corpus = write_rehearsal(folder / "corpus.parquet")
    recipe = folder / "tiny.toml"
    base = write_tiny_base(folder / "base")
    recipe.write_text(TINY_RECIPE.format(base=base.as_posix()), encoding="utf-8")
    train(recipe, corpus, folder / "run", resume=True, log=lambda line: None)
    release(folder / "run", corpus, folder / "bundle", "tiny", "1.2.3", lambda line: None)
    return folder / "bundle", corpus


def write_own(path: Path, legit: int = 150, scam: int = 100) -> Path:
    """Write a team's rows: scams and honest chatter, which the bundle cannot tell apart."""
    random = np.random.default_rng(2)
    rows = [(f"hello {' '.join(words(random, 3))} lunch", "ok") for _ in range(legit)]
    rows += [(f"{LURE} {' '.join(words(random, 3))}", "fraud") for _ in range(scam)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("body", "what"), *rows])
    path.with_name("map.toml").write_text('ok = "legit"\nfraud = "scam"\n', encoding="utf-8")
    return path


def words(random: np.random.Generator, n: int) -> Iterator[str]:
    """Yield words of six letters, so that no two texts are alike."""
    for _ in range(n):
        yield "".join(random.choice(_LETTERS, 6))
