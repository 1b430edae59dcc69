"""What throughput.py compares with scamdetect: how others score the same texts.

Each maker returns a function from texts to scam probabilities (n,), uncalibrated. The encoders read
a text's first ``max_tokens`` tokens; all get normalised texts and do not pay for normalising. What
is fitted (the heads and TF-IDF) learns from the same train messages of this project.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import pyarrow as pa
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tokenizers import Tokenizer

from scamdetect.bundle.bundle import MODEL, TOKENIZER, Bundle
from scamdetect.calibration.probabilities import softmax
from scamdetect.evaluate.baselines import train_baseline
from scamdetect.frames.tables import chunked
from scamdetect.labels import VERDICTS, Verdict

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from scamdetect.train.base import Base

BATCH = 32
PREFIX = "query:"  # what the base was trained to read before a text
_SCAM = VERDICTS.index(Verdict.SCAM)

Floats = npt.NDArray[np.float64]
Score = Callable[[Sequence[str]], Floats]


def sorted_by_length(run: Score) -> Score:
    """Return a scorer that runs batches of 32, the longest texts first, and restores the order.

    As ``SentenceTransformer.encode`` does, by the number of characters.
    """

    def score(texts: Sequence[str]) -> Floats:
        order = np.argsort([-len(text) for text in texts], kind="stable")
        batches = chunked([texts[place] for place in order], BATCH)
        found = np.concatenate([run(batch) for batch in batches])
        return found[np.argsort(order)]

    return score


def plain_onnxruntime(bundle: Bundle) -> Score:
    """Return a runner of one batch over the bundle's graph, with the session's default options."""
    tokenizer = Tokenizer.from_file(str(bundle.folder / TOKENIZER))
    tokenizer.enable_truncation(bundle.max_tokens)
    tokenizer.enable_padding(pad_id=tokenizer.token_to_id("<pad>"), pad_token="<pad>")
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(
        str(bundle.folder / MODEL), options, providers=["CPUExecutionProvider"]
    )

    def run(texts: Sequence[str]) -> Floats:
        encoded = tokenizer.encode_batch(list(texts))
        feeds = {
            "input_ids": np.array([one.ids for one in encoded], dtype=np.int64),
            "attention_mask": np.array([one.attention_mask for one in encoded], dtype=np.int64),
        }
        (logits,) = session.run(["verdict_logits"], feeds)
        return softmax(logits)[:, _SCAM].astype(np.float64)

    return run


def load_classifier(
    bundle: Bundle, run: Path | None
) -> tuple[str, PreTrainedModel, PreTrainedTokenizerFast]:
    """Return what they are, an fp32 classifier and its tokenizer, both of ``transformers``.

    The weights are those of a finished run, without one those in the bundle's graph.
    """
    from scamdetect.train.from_bundle import load_from_bundle
    from scamdetect.train.run import load_trained

    if run is None:
        model, tokenizer = load_from_bundle(bundle)
        what = "the bundle's weights"
    else:
        model, tokenizer, _, _ = load_trained(run)
        what = f"run {run.resolve().name}"
    what = f"{what}, {model.encoder.config.num_hidden_layers} layers"
    return what, _for_sequence_classification(model), _fast(tokenizer, bundle.max_tokens)


def quantised(model: PreTrainedModel) -> PreTrainedModel:
    """Return the classifier in int8 as torch makes it: linear layers, scales at run time."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated for torchao, which few have
        quantise = torch.ao.quantization.quantize_dynamic
        found: PreTrainedModel = quantise(model, {torch.nn.Linear}, dtype=torch.qint8)
    return found


def pipeline(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> Score:
    """Return a ``transformers`` text-classification pipeline, called as people write it."""
    import transformers

    verbosity = transformers.logging.get_verbosity()
    # It does not know the wrapper's class and says so at the level of errors.
    transformers.logging.set_verbosity(transformers.logging.CRITICAL)
    classify: Any = transformers.pipeline(
        "text-classification", model=model, tokenizer=tokenizer, device="cpu"
    )
    transformers.logging.set_verbosity(verbosity)

    def score(texts: Sequence[str]) -> Floats:
        answers = classify(list(texts), batch_size=BATCH, truncation=True, top_k=None)
        return np.array(
            [
                next(label["score"] for label in answer if label["label"] == Verdict.SCAM.value)
                for answer in answers
            ]
        )

    return score


def sentence_vectors(base: Base, max_tokens: int) -> Score:
    """Return a runner to the base's mean-pooled fp32 vectors (n, hidden), longest texts first.

    It stands for a model of sentence-transformers: the same encoder, pooling and batches.
    """
    import torch

    from scamdetect.train.probe import untrained

    model, tokenizer = untrained(base).eval(), _fast(base.tokenizer, max_tokens)

    def run(texts: Sequence[str]) -> Floats:
        prefixed = [f"{PREFIX} {text}" for text in texts]
        encoded = tokenizer(prefixed, padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            vectors = model.encode(encoded["input_ids"], encoded["attention_mask"])[0]
        return vectors.double().numpy()

    return sorted_by_length(run)


def static_vectors(base: Base) -> Score:
    """Return a runner to the means (n, hidden) of the base's token embeddings.

    It stands for model2vec, which first distils a vector a token out of all layers.
    """
    embedding = base.encoder.get_input_embeddings().weight
    matrix = embedding.detach().numpy()

    def run(texts: Sequence[str]) -> Floats:
        encoded = base.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        rows = [matrix[one.ids].mean(axis=0) for one in encoded]
        return np.array(rows, dtype=np.float64)

    return run


def with_head(vectors: Score, texts: Sequence[str], verdicts: Sequence[Verdict]) -> Score:
    """Return logistic regression on the vectors, fitted on normalised texts, none of them empty."""
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500, tol=1e-3))
    head.fit(vectors(texts), [verdict.value for verdict in verdicts])
    scam = list(head.classes_).index(Verdict.SCAM.value)

    def score(texts: Sequence[str]) -> Floats:
        found: Floats = head.predict_proba(vectors(texts))[:, scam]
        return found

    return score


def tfidf(texts: Sequence[str], verdicts: Sequence[Verdict]) -> Score:
    """Return character TF-IDF with logistic regression, fitted on normalised texts."""
    table = pa.table(
        {
            "norm": list(texts),
            "verdict": [verdict.value for verdict in verdicts],
            "not_legit": [False] * len(texts),
            "weight": [1.0] * len(texts),
        }
    )
    return train_baseline(table, lambda line: None).scam_probabilities


def _fast(tokenizer: Tokenizer, max_tokens: int) -> PreTrainedTokenizerFast:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        model_max_length=max_tokens,
        model_input_names=["input_ids", "attention_mask"],
    )


def _for_sequence_classification(model: Any) -> PreTrainedModel:  # noqa: ANN401
    """Return the model as one whose output and config a pipeline understands."""
    import torch
    from transformers import PretrainedConfig, PreTrainedModel
    from transformers.modeling_outputs import SequenceClassifierOutput

    class ForSequenceClassification(PreTrainedModel):
        config_class = PretrainedConfig

        def __init__(self, config: PretrainedConfig) -> None:
            super().__init__(config)
            self.model = model

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor
        ) -> SequenceClassifierOutput:
            return SequenceClassifierOutput(logits=self.model(input_ids, attention_mask)[0])

    config = copy.deepcopy(model.encoder.config)
    config.id2label = {place: verdict.value for place, verdict in enumerate(VERDICTS)}
    config.label2id = {verdict.value: place for place, verdict in enumerate(VERDICTS)}
    config.problem_type = "single_label_classification"
    return ForSequenceClassification(config).eval()
