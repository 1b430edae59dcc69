"""Read the network out of a bundle, to continue training from it.

No run folder is shipped: the weights are read from the graph that ``export`` and ``quantise``
wrote, by their names there, and the bundle's known answers show that they are right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModel

from scamdetect.bundle.bundle import CONFIG, MODEL, TOKENIZER, Bundle
from scamdetect.bundle.session import Session
from scamdetect.bundle.tokens import pad
from scamdetect.errors import BundleError
from scamdetect.labels import KINDS, VERDICTS
from scamdetect.text.normalise import normalise
from scamdetect.train.model import ScamModel
from scamdetect.train.quantise import GELU_DEPTH, unpack_nibbles

PAD_ID = 1  # in the vocabulary of every base
MOST_APART = 0.25  # of the verdict logits, on average: int8 costs a tenth of it
PROVING_TEXTS = (  # invented, scored in addition to the bundle's own
    "Your verification code is 4471. Do not share it.",
    "Join the signal group, 12 % a day, deposit on gold-desk.example today.",
    "Bonjour, on se voit demain midi pour déjeuner ?",
    "आपका पार्सल रुका है, शुल्क भरें: parcel.example/pay",
    "Minha querida, preciso de 300 dólares para a alfândega, devolvo na sexta.",
    "明天的会议改到下午三点,请带上合同。",
)


def load_from_bundle(bundle: Bundle) -> tuple[ScamModel, Tokenizer]:
    """Return the network of a bundle, in float32 and evaluation mode, with its tokenizer.

    Raises BundleError if the graph was not written by ``scamdetect export``, with what is missing,
    and if the network's verdict logits are not those of the graph.
    """
    tokenizer = Tokenizer.from_buffer(bundle.read(TOKENIZER))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    model = _empty_model(bundle, tokenizer.get_vocab_size())
    graph = _Graph(bundle)
    wanted = model.state_dict()
    state = {name: torch.from_numpy(graph.weight(name, len(t.shape))) for name, t in wanted.items()}
    for name, tensor in state.items():
        if tensor.shape != wanted[name].shape:
            raise BundleError(
                f"{bundle.folder / MODEL}: {name} has the shape {tuple(tensor.shape)}, expected "
                f"{tuple(wanted[name].shape)} from {CONFIG} and {TOKENIZER}; get the bundle "
                "again"
            )
    model.load_state_dict(state)
    model.eval()
    check_same_answers(model, tokenizer, bundle)
    return model, tokenizer


def check_same_answers(
    model: ScamModel, tokenizer: Tokenizer, bundle: Bundle, texts: Sequence[str] = PROVING_TEXTS
) -> float:
    """Return the mean difference of verdict logits between network and bundle over the texts.

    The bundle's known answers are included. Raises BundleError above MOST_APART.
    """
    all_texts = [*texts, *(known.text for known in bundle.known_answers)]
    prefix = tokenizer.encode(bundle.prefix.strip(), add_special_tokens=False).ids
    rows = [
        [0, *prefix, *tokenizer.encode(normalise(text), add_special_tokens=False).ids][:126] + [2]
        for text in all_texts
    ]
    ids, mask = pad(rows, max(map(len, rows)), PAD_ID)
    expected = Session(bundle).run(ids, mask).verdict
    with torch.no_grad():
        found = model(torch.from_numpy(ids), torch.from_numpy(mask))[0].numpy()
    apart = float(np.abs(found - expected).mean())
    if not apart <= MOST_APART:  # also if it is NaN
        raise BundleError(
            f"{bundle.folder / MODEL}: its weights give verdict logits that differ by "
            f"{apart:.3f} from its own on average (rounding explains at most {MOST_APART}), so "
            "training would not continue from this model; use a bundle that this version of "
            "scamdetect exported"
        )
    return apart


def _empty_model(bundle: Bundle, pieces: int) -> ScamModel:
    path = bundle.folder / CONFIG
    config: dict[str, Any] = json.loads(bundle.read(CONFIG))
    for key in ("id2label", "label2id", "problem_type"):
        config.pop(key, None)
    try:
        settings = AutoConfig.for_model(**config | {"vocab_size": pieces})
        encoder = AutoModel.from_config(settings)  # type: ignore[no-untyped-call]
    except (KeyError, TypeError, ValueError) as problem:
        raise BundleError(
            f"{path}: describes no encoder known to transformers (model_type "
            f"{config.get('model_type')!r}); use a bundle that scamdetect exported"
        ) from problem
    if hasattr(encoder, "pooler"):
        encoder.pooler = None
    recipe = bundle.training.get("recipe")
    base = recipe.get("base", {}) if isinstance(recipe, dict) else {}
    return ScamModel(
        encoder, len(VERDICTS), len(KINDS), len(bundle.languages), base.get("pooling", "mean")
    )


class _Graph:
    """The constants of a bundle's graph, under the names of the network's parameters."""

    def __init__(self, bundle: Bundle) -> None:
        self.path = bundle.folder / MODEL
        graph = onnx.load_from_string(bundle.read(MODEL)).graph
        self.tensors = {tensor.name: tensor for tensor in graph.initializer}
        # Equal parameters share a constant, under the name of one of them.
        self.shared = {
            node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"
        }

    def weight(self, name: str, dimensions: int) -> npt.NDArray[np.float32]:
        """Return a parameter of the network in float32."""
        whole = f"model.{name}"
        # Modules of a list keep the dot before their number: encoder/layer.0/attention.
        scope = re.sub(r"/(\d+)(?=/|$)", r".\1", "/" + whole.rpartition(".")[0].replace(".", "/"))
        if name.endswith(".bias") and (lowered := f"{scope}/MatMul_output_0/bias") in self.tensors:
            # The offset of the GELU's output was subtracted from it; see quantise.
            columns = self._columns(f"{scope}/MatMul_output_0")
            return np.asarray(self._get(lowered) + GELU_DEPTH * columns.sum(axis=0), np.float32)
        if dimensions == 2 and f"{scope}/MatMul_output_0/int8" in self.tensors:
            return np.ascontiguousarray(self._columns(f"{scope}/MatMul_output_0").T, np.float32)
        table = f"{scope}/Gather_output_0"
        if f"{table}/nibbles" in self.tensors:
            return unpack_nibbles(self._get(f"{table}/nibbles"), self._get(f"{table}/scales"))
        if f"{table}/int8" in self.tensors:
            return np.asarray(self._columns(table), np.float32)
        return np.array(self._get(whole), np.float32)

    def _columns(self, base: str) -> npt.NDArray[np.float64]:
        values = self._get(f"{base}/int8").astype(np.float64)
        return np.asarray(values * self._get(f"{base}/scale"), np.float64)

    def _get(self, name: str) -> npt.NDArray[Any]:
        tensor = self.tensors.get(self.shared.get(name, name))
        if tensor is None:
            raise BundleError(
                f"{self.path}: has no constant {name!r}, so it was not written by `scamdetect "
                "export`, and training cannot continue from it; use a bundle that it exported"
            )
        return np.asarray(numpy_helper.to_array(tensor))
