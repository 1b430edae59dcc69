"""The baselines that the encoder must beat: TF-IDF, a frozen encoder, and keyword rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scamdetect.calibration.statistics import Floats, float32_decimals
from scamdetect.errors import InputError, MissingExtraError
from scamdetect.labels import Verdict
from scamdetect.train.data.mix import balanced_sample
from scamdetect.train.data.table import column, select

if TYPE_CHECKING:
    from scamdetect.train.base import Base
    from scamdetect.train.model import ScamModel

try:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import StandardScaler
except ImportError as error:
    raise MissingExtraError("scikit-learn", "train") from error

TFIDF = "TF-IDF baseline"
NGRAMS = (2, 5)
MAX_FEATURES = 300_000
# Counting every n-gram of a large corpus in many scripts takes many GB, so the vocabulary is chosen
# on evenly spaced rows; the weights are learned on all of them.
VOCABULARY_ROWS = 40_000
VOCABULARY_CHARACTERS = 2_000


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline; ``vectoriser`` and ``model`` are scikit-learn's."""

    vectoriser: TfidfVectorizer
    model: LogisticRegression

    def scam_probabilities(self, texts: Sequence[str]) -> Floats:
        """Return the scam probability of each normalised text (n,), NaN if it is empty."""
        return scam_probabilities(self.model, self.vectoriser.transform, texts)

    def to_parts(self) -> dict[str, Any]:
        """Return the input of ``from_parts``: a few arrays and the model.

        The vectoriser itself stores each n-gram as a separate object, slow to store and to load.
        """
        return {
            "ngrams": self.vectoriser.get_feature_names_out().astype(str),
            "idf": self.vectoriser.idf_,
            "model": self.model,
        }

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Return the baseline from the output of ``to_parts``."""
        vectoriser = _weighing(parts["ngrams"].tolist())
        vectoriser.idf_ = parts["idf"]
        return cls(vectoriser, parts["model"])


def scam_probabilities(
    classifier: Any,  # noqa: ANN401 (an estimator of scikit-learn)
    features: Callable[[list[str]], Any],
    texts: Sequence[str],
) -> Floats:
    """Return the classifier's scam probability of each text's features (n,), NaN if empty."""
    scores = np.full(len(texts), np.nan)
    full = [place for place, text in enumerate(texts) if text]
    if full:
        found = classifier.predict_proba(features([texts[place] for place in full]))
        scam = list(classifier.classes_).index(Verdict.SCAM.value)
        scores[full] = float32_decimals(found[:, scam])
    return scores


def train_baseline(train: pa.Table, log: Callable[[str], None]) -> Baseline:
    """Return the baseline fitted on the weighted, normalised train rows; deterministic.

    Classes are the verdicts; rows known only as "not legit" are left out. Raises InputError if the
    rows do not include both scams and others.
    """
    known = select(train, ~column(train, "not_legit").astype(bool))
    texts, verdicts = list(column(known, "norm")), column(known, "verdict")
    if Verdict.SCAM.value not in verdicts or Verdict.LEGIT.value not in verdicts:
        raise InputError(
            "the baseline needs legit and scam rows with the role train, but the "
            f"{known.num_rows} rows do not include both; rebuild the corpus or allow more "
            "licences"
        )
    log(f"baseline: counting n-grams for {len(texts):,} train rows")
    step = -(-len(texts) // VOCABULARY_ROWS)
    counted = TfidfVectorizer(
        analyzer="char_wb", ngram_range=NGRAMS, max_features=MAX_FEATURES, use_idf=False
    ).fit(text[:VOCABULARY_CHARACTERS] for text in texts[::step])
    vectoriser = _weighing(counted.vocabulary_)
    features = vectoriser.fit_transform(texts)
    log(f"baseline: fitting on {features.shape[0]:,} rows x {features.shape[1]:,} n-grams")
    model = LogisticRegression(C=10.0, tol=1e-3, max_iter=200)
    model.fit(features, verdicts.astype(str), column(known, "weight").astype(np.float64))
    return Baseline(vectoriser, model)


def _weighing(vocabulary: Mapping[str, int] | Sequence[str]) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=NGRAMS,
        vocabulary=vocabulary,
        sublinear_tf=True,
        dtype=np.float32,
    )


FROZEN = "frozen encoder"
TRAIN_ROWS = 20_000
MAX_TOKENS = 128


@dataclass(frozen=True)
class EncoderBaseline:
    """A frozen base encoder and the scikit-learn pipeline fitted on its vectors."""

    base: Base
    model: ScamModel
    classifier: Pipeline

    def scam_probabilities(self, texts: Sequence[str]) -> Floats:
        """Return the scam probability of each normalised text (n,), NaN if it is empty."""
        return scam_probabilities(
            self.classifier, lambda full: _vectors(self.base, self.model, full), texts
        )


def train_encoder_baseline(
    train: pa.Table, base: str, log: Callable[[str], None]
) -> EncoderBaseline:
    """Return logistic regression on vectors of the frozen ``base``, fitted on normalised rows.

    The vectors are mean-pooled over the texts' beginnings, without a prefix, as at the start of
    training. It learns from at most 20,000 weighted train rows, drawn evenly from the verdict x
    slice x language cells. Raises InputError if these lack scam or legit rows, MissingExtraError if
    torch or the offline base is not installed.
    """
    learnt = balanced_sample(train, TRAIN_ROWS)
    verdicts = column(learnt, "verdict").astype(str)
    if not {Verdict.SCAM.value, Verdict.LEGIT.value} <= set(verdicts):
        raise InputError(
            f"the {FROZEN} needs legit and scam rows with the role train, but the "
            f"{learnt.num_rows} rows do not include both; rebuild the corpus or allow more "
            "licences"
        )
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500, tol=1e-3))
    fitted = load_encoder_baseline(base, classifier)
    log(f"{FROZEN}: reading {learnt.num_rows:,} train rows with {fitted.base.name}")
    vectors = _vectors(fitted.base, fitted.model, list(column(learnt, "norm")))
    weights = column(learnt, "weight").astype(np.float64)
    classifier.fit(vectors, verdicts, logisticregression__sample_weight=weights)
    return fitted


def load_encoder_baseline(base: str, classifier: Pipeline) -> EncoderBaseline:
    """Return the frozen ``base`` with a classifier that was fitted before.

    Raises MissingExtraError if torch or the offline base is not installed.
    """
    try:
        from scamdetect.train.base import load_base
        from scamdetect.train.probe import untrained
    except ModuleNotFoundError as problem:
        raise MissingExtraError(problem.name or "torch", "train") from problem
    loaded = load_base(base)
    return EncoderBaseline(loaded, untrained(loaded), classifier)


def _vectors(base: Base, model: ScamModel, texts: Sequence[str]) -> NDArray[np.float32]:
    from scamdetect.train.probe import pooled_vectors

    return pooled_vectors(model, base.tokenizer, texts, MAX_TOKENS)


_INVESTMENT = (
    r"invest|profit|trading|forex|crypto|bitcoin|btc|usdt|dividend|"
    r"inversi|ganancia|lucro|rendimento|guadagn|geldanlage|rendite|gewinn|"
    r"инвест|трейд|доход|прибыл|крипт|биткоин|"
    r"đầu tư|lợi nhuận|sàn|ลงทุน|กำไร|เทรด|investasi|keuntungan|pelaburan|keuntungan|"
    r"投资|投資|股票|收益|炒股|数字货币|比特币|バイナリー|投資|副業|투자|수익|코인|주식|"
    r"निवेश|मुनाफ|বিনিয়োগ|লাভ|முதலீடு|سرمایہ|استثمار|أرباح|سرمایه|yatırım|kazanç|uwekezaji|faida"
)
_ROMANCE = (
    r"\blove\b|my dear|darling|honey|lonely|soulmate|\bsingle\b|beautiful|"
    r"mi amor|corazón|meu amor|mon amour|chéri|amore|schatz|liebe|любим|милая|дорогой|"
    r"em yêu|anh yêu|ที่รัก|sayang|cinta|亲爱|親愛|宝贝|寂寞|交友|恋人|사랑|자기야|प्यार|ভালোবাসা|"
    r"காதல்|محبت|حبيب|عزیزم|aşkım|mpenzi|mahal"
)
_LURE = (
    r"\[link|\[phone\]|\[account\]|won|winner|prize|reward|verify|suspend|urgent|password|"
    r"gift card|loan|free|bonus|whatsapp|telegram|"
    r"premio|ganador|prêmio|sorteio|gewonnen|gagn|vinto|выигра|приз|срочно|"
    r"trúng|thưởng|รางวัล|เงินกู้|hadiah|pinjaman|中奖|中獎|贷款|貸款|当選|当せん|당첨|대출|"
    r"इनाम|লোন|পুরস্কার|பரிசு|انعام|جائزة|برنده|ödül|kazandınız|zawadi|mkopo|panalo|papremyo"
)
_CANDIDATE = re.compile(f"{_INVESTMENT}|{_ROMANCE}", re.IGNORECASE)
_SCAM_WORDS = [re.compile(words, re.IGNORECASE) for words in (_INVESTMENT, _ROMANCE, _LURE)]


def names_candidate(text: str) -> bool:
    """Return True if a word of love or of investing occurs in the normalised text."""
    return _CANDIDATE.search(text) is not None


def guess(text: str) -> bool:
    """Return True for a normalised text with words of two of the three lists."""
    return sum(words.search(text) is not None for words in _SCAM_WORDS) >= 2


KEYWORDS = "keyword rules"
KEYWORD_NOTE = (
    f"The {KEYWORDS} return 0 or 1, so only their own operating point (flag recall, flag FPR) "
    "is a fair figure: ties limit R@x, T@x and AUC, and 0 or 1 is not a probability to "
    "calibrate. Readers were measured against the same rule."
)


def keyword_scores(texts: Sequence[str]) -> Floats:
    """Return 1.0 or 0.0 for each normalised text (n,), NaN if it is empty."""
    return np.array([float(guess(text)) if text else np.nan for text in texts], dtype=np.float64)
