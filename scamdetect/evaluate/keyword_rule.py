"""A keyword rule: what a script that guesses would say. Readings are measured against it."""

from __future__ import annotations

import re

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
    """Whether a word of love or of investing stands in the normalised text."""
    return _CANDIDATE.search(text) is not None


def guess(text: str) -> bool:
    """Whether the rule calls the normalised text a scam: words of two of its three lists."""
    return sum(words.search(text) is not None for words in _SCAM_WORDS) >= 2
