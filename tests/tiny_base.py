"""A base encoder in miniature: a random BERT with an XLM-R-like vocabulary, as a folder."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from scamdetect.train.base import build_tokenizer

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789:,.!?"
WORDS = (
    "hello lunch meeting tomorrow near bridge number sale offer discount pairs shoes guaranteed "
    "bitcoin profit darling release"
).split()
ENDS = (*"ing er est ly ness tion able ship hood ward".split(), *(f"x{c}" for c in CHARACTERS[:26]))
TAMIL = ("கணக்கு", "பணம்", "க", "ண")
PIECES = (*SPECIAL, "\u2581", *CHARACTERS, *(f"\u2581{word}" for word in WORDS), *ENDS, *TAMIL)
# Of one length, so that the batches hold every class.
TINY_TEXTS = {
    "legit": "hello lunch meeting tomorrow",
    "spam": "sale offer discount shoes",
    "scam": "guaranteed bitcoin profit darling",
}
# The tables of a recipe under which a few hundred such rows are learnt in seconds.
TINY_TABLES = """
[data]
tokens = 12_000
max_tokens = 32
[optimiser]
batch_tokens = 192
learning_rate = 5e-3
head_learning_rate = 2e-2
precision = "fp32"
"""
TINY_RECIPE = (  # over a base in a folder, for ``str.format``
    """
name = "tiny"
[base]
name = "{base}"
[vocabulary]
max_pieces = 100
whole_scripts = ["TAMIL"]
"""
    + TINY_TABLES
)


def tiny_tokenizer() -> Tokenizer:
    """Return a tokenizer in which a longer piece beats the shorter ones that spell it."""
    return build_tokenizer(
        [(piece, 0.0 if piece in SPECIAL else -8.0 + len(piece) / 10) for piece in PIECES]
    )


def tiny_encoder(layers: int = 2) -> BertModel:
    """Return the encoder, with the same random weights on every call."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        config = BertConfig(
            vocab_size=len(PIECES),
            hidden_size=32,
            num_hidden_layers=layers,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=512,
            pad_token_id=1,
        )
        return BertModel(config).eval()


def write_tiny_base(folder: Path) -> Path:
    """Write the base as a folder that ``load_base`` takes."""
    tiny_encoder().save_pretrained(folder)
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    return folder
