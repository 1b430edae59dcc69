"""Fill a source's own placeholders, so that they do not give the corpus away.

What the normaliser masks becomes its token; links, names, dates and amounts, which it cannot or
does not mask as they stand, become invented ones, drawn from the row's hash.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

_NAMES = {
    "zh": "王芳 李伟 张敏 刘洋 陈静 杨帆 赵磊 黄婷 周涛 吴倩".split(),
    "ko": "김민수 이서연 박지훈 최유진 정하늘 강도윤 조은비 윤재호".split(),
    "ja": "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村".split(),
    "id": "Budi Siti Agus Dewi Rina Joko Putri Andi".split(),
    "pt": "Ana João Maria Carlos Beatriz Pedro Luana Rafael".split(),
    "en": "James Sarah Michael Emily David Anna Daniel Grace".split(),
}
_MONTHS = (
    "January February March April May June July August September October November December".split()
)


def fill_placeholders(text: str, placeholders: dict[str, str], lang: str, seed: str) -> str:
    """Return the text with each placeholder of the source replaced; the longest match wins.

    ``placeholders`` maps the literal string to what it stands for, such as "[phone]"; ``seed`` is
    the row hash.
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
        "[name]": lambda: generator.choice(_NAMES.get(lang, _NAMES["en"])),
        "[date]": lambda: f"{generator.randint(1, 28)} {generator.choice(_MONTHS)}",
        "[amount]": lambda: str(generator.choice((50, 120, 300, 899, 1500, 4000, 25000))),
        "[number]": lambda: str(generator.randint(1, 9999)),
    }
    return fillers[meaning]() if meaning in fillers else meaning


def _link(generator: random.Random) -> str:
    host = generator.choice(
        ("shop.example", "a8.example", "go.pay.example", "bit.ly", "news.example")
    )
    return (
        generator.choice(("http://", "https://", ""))
        + host
        + generator.choice(("", "/x", "/x?y=1"))
    )
