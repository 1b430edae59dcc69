"""Transcribe Devanagari, Bengali and Arabic script to Latin letters, as people type in chats.

Approximate on purpose: chat romanisation has no standard. Short vowels, which Arabic script omits,
are guessed.
"""

from __future__ import annotations

import re
import unicodedata

_NUKTA, _VIRAMA = "\u093c\u09bc", "\u094d\u09cd"
_DEVANAGARI = dict(
    zip(
        "कखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसहळ",
        "k kh g gh ng ch chh j jh ny t th d dh n t th d dh n p ph b bh m y r l v sh sh s h "
        "l".split(),
        strict=True,
    )
)
_BENGALI = dict(
    zip(
        "কখগঘঙচছজঝঞটঠডঢণতথদধনপফবভমযরলশষসহৎ",
        "k kh g gh ng ch chh j jh n t th d dh n t th d dh n p f b bh m j r l sh sh s h t".split(),
        strict=True,
    )
)
_WITH_NUKTA = {
    **{"क": "q", "ख": "kh", "ग": "g", "ज": "z", "ड": "r", "ढ": "rh", "फ": "f"},
    **{"ড": "r", "ঢ": "rh", "য": "y"},
}
_SIGNS = {
    **dict(zip("ािीुूृेैोौॅॉ", "a i i u u ri e ai o au e o".split(), strict=True)),
    **dict(zip("ািীুূৃেৈোৌ", "a i i u u ri e oi o ou".split(), strict=True)),
}
_VOWELS = {
    **dict(zip("अआइईउऊऋएऐओऔऍऑ", "a aa i i u u ri e ai o au e o".split(), strict=True)),
    **dict(zip("অআইঈউঊঋএঐওঔ", "o a i i u u ri e oi o ou".split(), strict=True)),
    **{"ं": "n", "ँ": "n", "ः": "h", "ং": "ng", "ঁ": "n", "ঃ": "h", "।": ".", "ঽ": "", "ऽ": ""},
}
# Arabic with the digits of "franco"; Persian and Urdu letters as typed in both.
_ARABIC = {
    **dict(
        zip(
            "ابتثجحخدذرزسشصضطظعغفقكلمنهويةىءأإآؤئ",
            "a b t th j 7 kh d z r z s sh s d t z 3 gh f 2 k l m n h o i a a 2 a e a o e".split(),
            strict=True,
        )
    ),
    **dict(zip("پچژگکیےہھںٹڈڑۃ", "p ch zh g k i e h h n t d r a".split(), strict=True)),
}
_URDU = {"ح": "h", "ع": "a", "ق": "q", "ء": ""}
_URDU_ONLY = re.compile("[ٹڈڑےںھہ]")
_INDIC_WORD = re.compile("[\u0900-\u097f\u0980-\u09ff\u200c\u200d]+")
_ARABIC_WORD = re.compile("[\u0620-\u065f\u066e-\u06d3\u200c]+")
_VOWEL = re.compile("[aeiou]")
_DIGIT = re.compile("[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u09e6-\u09ef]")


def romanise(text: str) -> str:
    """Return the text with its Devanagari, Bengali and Arabic words in Latin letters."""
    letters = _ARABIC | (_URDU if _URDU_ONLY.search(text) else {})
    text = _INDIC_WORD.sub(lambda match: _indic(match[0]), text)
    text = _ARABIC_WORD.sub(lambda match: _arabic(match[0], letters), text)
    return _DIGIT.sub(lambda match: str(unicodedata.digit(match[0])), text)


def _indic(word: str) -> str:
    pieces: list[str] = []
    open_syllable = ""  # the vowel of a consonant unless a sign changes it
    for place, character in enumerate(word):
        consonant = _DEVANAGARI.get(character) or _BENGALI.get(character)
        if character in _NUKTA:
            base = word[place - 1] if place else ""
            if pieces and base in _WITH_NUKTA:
                pieces[-1] = _WITH_NUKTA[base]
        elif consonant:
            pieces += [open_syllable, consonant] if pieces else [consonant]
            open_syllable = "a" if character in _DEVANAGARI else "o"
        elif character in _SIGNS:
            pieces.append(_SIGNS[character])
            open_syllable = ""
        elif character in _VIRAMA:
            open_syllable = ""
        else:
            known = _VOWELS.get(character, "" if character in "\u200c\u200d" else character)
            pieces += [open_syllable, known]
            open_syllable = ""
    if open_syllable and sum(map(bool, pieces)) == 1:
        pieces.append(open_syllable)  # a single consonant is a word: "n" would not be
    return "".join(pieces)


def _arabic(word: str, letters: dict[str, str]) -> str:
    plain = [letters.get(character, "") for character in unicodedata.normalize("NFC", word)]
    pieces: list[str] = []
    consonants = 0
    for letter in filter(None, plain):
        consonants = 0 if _VOWEL.search(letter) else consonants + 1
        if consonants == 3:  # nobody says three in a row
            pieces.append("a")
            consonants = 1
        pieces.append(letter)
    return "".join(pieces)
