"""Hashed n-grams of texts, weighed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra sklearn")

from sklearn.feature_extraction.text import TfidfVectorizer

from scamdetect.adapt.classifier import CHARACTERS, ngram_counts, tfidf, vocabulary

TEXTS = ["zebra zebra quokka", "quokka", "an okapi", ""]


def test_similarities_are_those_of_tfidf() -> None:
    counts = ngram_counts(TEXTS)
    found = tfidf(counts, vocabulary(counts))
    plain = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    expected = plain.fit_transform(TEXTS)
    assert (found @ found.T).toarray() == pytest.approx((expected @ expected.T).toarray())


def test_a_weight_counts_as_so_many_rows() -> None:
    counts = ngram_counts([*TEXTS, TEXTS[0]])
    weighted = vocabulary(counts[:4], np.array([2.0, 1.0, 1.0, 1.0]))
    assert weighted.idf == pytest.approx(vocabulary(counts).idf)


def test_a_row_of_no_weight_is_not_there() -> None:
    counts = ngram_counts([*TEXTS, "a word that nobody else has"])
    weighted = vocabulary(counts, np.array([1.0, 1.0, 1.0, 1.0, 0.0]))
    plain = vocabulary(counts[:4])
    assert weighted.buckets.tolist() == plain.buckets.tolist()
    assert weighted.idf == pytest.approx(plain.idf)


def test_unknown_words_and_the_rest_of_an_endless_text_count_for_nothing() -> None:
    seen = vocabulary(ngram_counts(TEXTS))
    assert tfidf(ngram_counts(["ψψψ"]), seen).nnz == 0
    long = "zebra " * CHARACTERS
    assert (ngram_counts([long]) != ngram_counts([long + "okapi"])).nnz == 0
