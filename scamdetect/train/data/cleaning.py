"""Fill a source's own placeholders, so that they do not give the corpus away.

What the normaliser masks becomes its token. Links, names, dates, codes and amounts, which it cannot
or does not mask as they stand, become invented ones in the row's language, drawn from the row's
hash; where the language is unknown, names are left out. Masks of a tagger, which hides ordinary
words as often as names, stand for nothing.
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
