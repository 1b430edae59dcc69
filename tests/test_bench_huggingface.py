"""Classifiers of transformers as detectors of the benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_setting import setting

pytest.importorskip("torch", reason="needs the extra train")

import torch
from tiny_base import PIECES, tiny_tokenizer
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    GPT2Config,
    GPT2ForSequenceClassification,
    MPNetConfig,
    MPNetForSequenceClassification,
    PreTrainedTokenizerFast,
)

from scamdetect.bench.detectors.huggingface import load
from scamdetect.bench.names import checked
from scamdetect.errors import InputError

pytestmark = pytest.mark.slow

TEXTS = [
    "guaranteed bitcoin profit darling",
    "",
    "hello",
    "lunch meeting tomorrow near bridge number sale offer discount",
    "sale offer",
]
LABELS = ("ham", "scam", "phishing")
LIMIT = 16


def config(**changes: Any) -> BertConfig:  # noqa: ANN401
    return BertConfig(
        vocab_size=len(PIECES),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=LIMIT,
        pad_token_id=1,
        initializer_range=0.5,  # so that texts and labels differ well
        **{"id2label": dict(enumerate(LABELS)), **changes},
    )


def write_model(folder: Path, **changes: Any) -> Path:  # noqa: ANN401
    with torch.random.fork_rng():
        torch.manual_seed(3)
        BertForSequenceClassification(config(**changes)).save_pretrained(folder)
    write_tokenizer(folder)
    return folder


def write_tokenizer(folder: Path) -> None:
    PreTrainedTokenizerFast(
        tokenizer_object=tiny_tokenizer(),
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
    ).save_pretrained(folder)


def logits(folder: Path, text: str) -> torch.Tensor:
    """Return the logits of one text alone, no longer than the model reads."""
    ids = tiny_tokenizer().encode(text).ids
    ids = ids if len(ids) <= LIMIT else [*ids[: LIMIT - 1], ids[-1]]
    model = BertForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0].double()


def test_scores_are_those_of_each_text_alone_in_order(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "my-model")
    ready = load(str(folder), setting(tmp_path))
    answers = checked(ready, TEXTS)
    alone = torch.stack([logits(folder, text).softmax(dim=0) for text in TEXTS]).numpy()
    np.testing.assert_allclose(answers.scam, alone[:, 1], atol=1e-5)
    assert np.ptp(answers.scam) > 0.01
    assert answers.flagged is not None
    assert answers.flagged.tolist() == (alone.argmax(axis=1) == 1).tolist()
    assert (ready.name, ready.training) == ("my-model", None)
    assert checked(ready, []).scam.shape == (0,)


def test_mapped_labels_are_added_up_and_are_another_detector(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    alone = load(str(folder), setting(tmp_path))
    label_map = {"scam": "scam", "phishing": "scam", "ham": "legit"}
    both = load(str(folder), setting(tmp_path, label_map=label_map))
    honest = [float(logits(folder, text).softmax(dim=0)[0]) for text in TEXTS]
    np.testing.assert_allclose(checked(both, TEXTS).scam, 1 - np.array(honest), atol=1e-5)
    assert alone.identity != both.identity


def test_labels_that_may_hold_together_are_told_one_by_one(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", problem_type="multi_label_classification")
    answers = checked(load(str(folder), setting(tmp_path)), TEXTS)
    alone = [float(logits(folder, text).sigmoid()[1]) for text in TEXTS]
    np.testing.assert_allclose(answers.scam, alone, atol=1e-5)


@pytest.mark.parametrize("pad_token_id", [None, 5])
def test_a_model_that_reads_no_padding_is_given_texts_one_by_one(
    tmp_path: Path, pad_token_id: int | None
) -> None:
    # Models of this kind judge by the last token that is not their padding.
    with torch.random.fork_rng():
        torch.manual_seed(3)
        GPT2ForSequenceClassification(
            GPT2Config(
                vocab_size=len(PIECES), n_embd=16, n_layer=1, n_head=2, n_positions=LIMIT,
                pad_token_id=pad_token_id, initializer_range=0.5, id2label={0: "ham", 1: "scam"},
            )
        ).save_pretrained(tmp_path)  # fmt: skip
    write_tokenizer(tmp_path)
    ready = load(str(tmp_path), setting(tmp_path))
    texts = [text for text in TEXTS if text]
    alone = [checked(ready, [text]).scam[0] for text in texts]
    np.testing.assert_allclose(checked(ready, texts).scam, alone, atol=1e-5)


def test_positions_behind_the_padding_are_no_room(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        MPNetForSequenceClassification(
            MPNetConfig(
                vocab_size=len(PIECES), hidden_size=16, num_hidden_layers=1,
                num_attention_heads=2, intermediate_size=32, max_position_embeddings=LIMIT + 2,
                pad_token_id=1, id2label={0: "ham", 1: "scam"},
            )
        ).save_pretrained(tmp_path)  # fmt: skip
    write_tokenizer(tmp_path)
    ready = load(str(tmp_path), setting(tmp_path))
    assert f"{LIMIT} tokens" in ready.note
    assert checked(ready, ["hello lunch meeting " * 9]).scam.shape == (1,)


def test_a_long_text_is_cut_and_the_note_says_so(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    ready = load(str(folder), setting(tmp_path))
    begin = "hello lunch meeting tomorrow near bridge number " * 3
    scam = checked(ready, [begin + "bitcoin", begin + "sale"]).scam
    assert scam[0] == scam[1]
    assert f"{LIMIT} tokens" in ready.note


def test_other_weights_are_another_detector(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    first = load(str(folder), setting(tmp_path)).identity
    BertForSequenceClassification(config()).save_pretrained(folder)
    assert load(str(folder), setting(tmp_path)).identity != first


def test_what_is_no_trained_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="hf download invented/none"):
        load("invented/none", setting(tmp_path))
    with pytest.raises(InputError, match="LABEL_0, LABEL_1"):
        load(str(write_model(tmp_path / "unnamed", id2label=None)), setting(tmp_path))
    regression = write_model(tmp_path / "number", problem_type="regression")
    with pytest.raises(InputError, match="a single number"):
        load(str(regression), setting(tmp_path))
    headless = tmp_path / "headless"
    BertModel(config()).save_pretrained(headless)
    write_tokenizer(headless)
    with pytest.raises(InputError, match="no trained weights for classifier"):
        load(str(headless), setting(tmp_path))


def test_pickled_weights_are_never_opened(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "model.safetensors").unlink()
    torch.save(BertForSequenceClassification(config()).state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="only safetensors"):
        load(str(folder), setting(tmp_path))
