"""Remove what reveals a source: placeholders, label conventions, imbalance of sources and forms.

What the normaliser masks becomes its token. Links, names, dates, codes and amounts that it cannot
or does not mask become invented ones in the row's language, derived from the row's hash; if the
language is unknown, names are left out. Masks of a tagger, which hides ordinary words as often as
names, are replaced by nothing.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import TypeVar

from scamdetect.labels import Kind, Provenance, Verdict
from scamdetect.train.data.rows import Row

T = TypeVar("T")

LENGTH_BANDS = (40, 90, 180, 400)
MAX_RATIO = 6.0  # rows of the larger class for one of the smaller, in one form
MIN_ROWS = 500
_TURN = re.compile(r"^[A-J]: ", re.MULTILINE)


def cap_rows(
    rows: Iterable[T], key: Callable[[T], Hashable], cap: int, digest: Callable[[T], str]
) -> list[T]:
    """Return at most ``cap`` rows per key, those with the smallest digests, in their order."""
    rows = list(rows)
    places: dict[Hashable, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        places[key(row)].append(place)
    kept = {
        place
        for group in places.values()
        for place in sorted(group, key=lambda place: digest(rows[place]))[:cap]
    }
    return [row for place, row in enumerate(rows) if place in kept]


def form_of(text: str) -> tuple[int, bool, bool]:
    """Return the form of a normalised text: length band, link, turns."""
    band = sum(len(text) > bound for bound in LENGTH_BANDS)
    return band, "[link" in text, len(_TURN.findall(text)) > 1


def balance_forms(
    rows: Iterable[T],
    text_of: Callable[[T], str],
    is_legit: Callable[[T], bool],
    digest: Callable[[T], str],
) -> list[T]:
    """Return the rows, reduced so that in no form one class outnumbers the other MAX_RATIO times.

    If a form is rare in one class, MIN_ROWS rows of the other are kept, so that it is not lost.
    """
    rows = list(rows)
    classes = [(form_of(text_of(row)), is_legit(row)) for row in rows]
    counts = Counter(classes)
    caps = {
        (form, legit): max(MIN_ROWS, int(MAX_RATIO * counts[form, not legit]))
        for form, legit in counts
    }
    kept: set[int] = set()
    places: dict[tuple[tuple[int, bool, bool], bool], list[int]] = defaultdict(list)
    for place, name in enumerate(classes):
        places[name].append(place)
    for name, group in places.items():
        kept.update(sorted(group, key=lambda place: digest(rows[place]))[: caps[name]])
    return [row for place, row in enumerate(rows) if place in kept]


_NAMES = {
    "zh": "王芳 李伟 张敏 刘洋 陈静 杨帆 赵磊 黄婷 周涛 吴倩".split(),
    "ko": "김민수 이서연 박지훈 최유진 정하늘 강도윤 조은비 윤재호".split(),
    "ja": "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村".split(),
    "id": "Budi Siti Agus Dewi Rina Joko Putri Andi".split(),
    "pt": "Ana João Maria Carlos Beatriz Pedro Luana Rafael".split(),
    "en": "James Sarah Michael Emily David Anna Daniel Grace".split(),
    "es": "Lucía Carlos Marta Javier Carmen Diego Paula Andrés".split(),
    "fr": "Camille Julien Léa Nicolas Chloé Antoine Manon Hugo".split(),
    "de": "Lukas Sabine Jonas Katrin Felix Monika Stefan Lea".split(),
    "nl": "Daan Sanne Bram Femke Thijs Anouk Joris Lotte".split(),
    "it": "Giulia Marco Chiara Luca Francesca Matteo Elena Davide".split(),
    "tr": "Ayşe Mehmet Elif Mustafa Zeynep Emre Fatma Can".split(),
    "ms": "Aiman Nurul Hafiz Aisyah Farid Siti Azman Liyana".split(),
    "tl": "Jomar Maricel Rico Liza Jun Aileen Dennis Joy".split(),
    "pl": "Anna Piotr Kasia Tomasz Magda Paweł Ewa Marek".split(),
    "da": "Mette Lars Anne Jens Kirsten Søren Ida Mikkel".split(),
    "sv": "Anna Erik Karin Johan Lena Anders Maja Nils".split(),
    "no": "Kari Ola Ingrid Lars Solveig Per Nora Eirik".split(),
    "el": "Μαρία Γιώργος Ελένη Νίκος Κατερίνα Δημήτρης Σοφία Κώστας".split(),
    "ru": "Анна Дмитрий Ольга Сергей Елена Иван Наталья Павел".split(),
    "hi": "राहुल प्रिया अमित सुनीता विकास पूजा संजय नेहा".split(),
    "th": "สมชาย วรรณา ประเสริฐ มาลี ธนา สุดา วิชัย นภา".split(),
    "vi": "Lan Hùng Mai Tuấn Hương Dũng Thảo Minh".split(),
    "ar": "محمد فاطمة أحمد مريم خالد سارة يوسف ليلى".split(),
    "sw": "Juma Asha Baraka Neema Hamisi Zawadi Peter Rehema".split(),
}
_MONTHS = (
    "January February March April May June July August September October November December".split()
)
_DATES = {"zh": "{month}月{day}日", "ja": "{month}月{day}日", "ko": "{month}월 {day}일"}
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


def fill_placeholders(text: str, placeholders: dict[str, str], lang: str, seed: str) -> str:
    """Return the text with each placeholder of the source replaced; the longest match wins.

    ``placeholders`` maps the literal string to its meaning, such as "[phone]"; ``seed`` is the row
    hash.
    """
    if not placeholders or not any(literal in text for literal in placeholders):
        return text
    generator = random.Random(seed)
    literals = sorted(placeholders, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, literals)))
    return pattern.sub(lambda match: _fill(placeholders[match[0]], lang, generator), text)


def _fill(meaning: str, lang: str, generator: random.Random) -> str:
    fillers: dict[str, Callable[[], str]] = {
        "[link]": lambda: _link(generator),
        "[name]": lambda: generator.choice(_NAMES[lang]) if lang in _NAMES else "",
        "[date]": lambda: _date(lang, generator),
        "[amount]": lambda: str(generator.choice((50, 120, 300, 899, 1500, 4000, 25000))),
        "[number]": lambda: str(generator.randint(1, 9999)),
        "[code]": lambda: _code(generator),
    }
    return fillers[meaning]() if meaning in fillers else meaning


def _date(lang: str, generator: random.Random) -> str:
    day, month = generator.randint(1, 28), generator.randint(1, 12)
    if lang == "en":
        return f"{day} {_MONTHS[month - 1]}"
    return _DATES.get(lang, "{day:02d}/{month:02d}").format(day=day, month=month)


def _code(generator: random.Random) -> str:
    letters = "".join(generator.choices(_LETTERS, k=2))
    return f"{letters}{generator.randint(100, 99999)}"


def _link(generator: random.Random) -> str:
    host = generator.choice(
        ("shop.example", "a8.example", "go.pay.example", "bit.ly", "news.example")
    )
    return (
        generator.choice(("http://", "https://", ""))
        + host
        + generator.choice(("", "/x", "/x?y=1"))
    )


# Extortion and money-mule offers are scam. Gambling is scam only with a fraud manoeuvre; where
# gambling is all that a public row is known for, the row is only known to be "not legit".


_EXTORTION = re.compile(
    r"(?:your|you) (?:intimate|nude|naked|private) (?:photo|video|picture)|recorded you|"
    r"(?:i|we) (?:have )?(?:hacked|infected) your (?:device|computer|webcam|phone)|"
    r"send .{0,40}(?:bitcoin|btc).{0,80}(?:or|otherwise).{0,40}(?:publish|release|share|contacts)",
    re.IGNORECASE,
)
_MULE = re.compile(
    r"money mule|(?:rent|lend|sell|use) (?:out )?your (?:bank )?account|"
    r"(?:receive|accept) (?:payments|transfers|money) (?:in|into|to|through) your (?:bank )?account"
    r".{0,80}(?:keep|%|percent|commission)|"
    r"收购?(?:银行卡|对公账户|四件套)|出租(?:银行卡|账户)|跑分|"
    r"thuê tài khoản|sewa rekening|jual beli rekening|"
    r"รับซื้อบัญชี|เช่าบัญชี|통장 ?(?:대여|매입|임대)|обнал|дроп(?:ы|ов|а)\b",
    re.IGNORECASE,
)
_MANOEUVRE = re.compile(
    r"sure (?:win|odds|bet)|guaranteed? (?:win|odds)|fixed (?:match|game)|insider|"
    r"100 ?% (?:win|sure)|(?:release|unlock|withdraw)\w* .{0,40}(?:deposit|fee|tax)|"
    r"包(?:赢|中)|稳赚|内幕|必(?:赢|中)|特码|"
    r"jackpot pasti|pasti (?:menang|jp)|bocoran|nomor jitu|angka jitu|mkeka wa uhakika|"
    r"ชนะแน่นอน|การันตี|bao (?:thắng|lô)|chắc thắng|kesin (?:kazan|maç)|банкер|договорн\w+ матч",
    re.IGNORECASE,
)


def apply_conventions(row: Row) -> Row:
    """Return the row with the project's conventions applied, marked if a rule decided."""
    text = row.text
    if row.verdict is not Verdict.LEGIT:
        if _EXTORTION.search(text):
            row = _as_scam(row, Kind.EXTORTION)
        if _MULE.search(text):
            row = _as_scam(row, Kind.JOB)
        if Kind.EXTORTION in row.kinds and row.verdict is Verdict.SPAM:
            row = _as_scam(row, Kind.EXTORTION)
        if Kind.GAMBLING in row.kinds and row.verdict is Verdict.SPAM and _MANOEUVRE.search(text):
            row = _as_scam(row, Kind.GAMBLING)
    return row


def verdict_is_open(row: Row) -> bool:
    """Return True if the row is known only not to be legit."""
    if row.verdict is Verdict.LEGIT:
        return False
    only_gambling = row.kinds == (Kind.GAMBLING,) and not _MANOEUVRE.search(row.text)
    told = row.verdict_provenance in (Provenance.AUTHORED, Provenance.READ)
    return row.unsplit or (only_gambling and not told)


def _as_scam(row: Row, kind: Kind) -> Row:
    kinds = row.kinds if kind in row.kinds else (*row.kinds, kind)
    return replace(
        row,
        verdict=Verdict.SCAM,
        unsplit=False,
        kinds=kinds,
        verdict_provenance=row.verdict_provenance
        if row.verdict is Verdict.SCAM
        else Provenance.RULE,
        kinds_provenance=row.kinds_provenance if kind in row.kinds else Provenance.RULE,
    )
