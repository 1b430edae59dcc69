"""Find phone numbers and IBANs in a text, but never card numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from scamdetect.errors import InputError, MissingExtraError
from scamdetect.text.traced import Text, substitute

_CARD_LENGTHS = range(13, 20)
_CARD_DIGITS = re.compile(r"\d(?:[ .\-_]?\d){12}")
_CARD = re.compile(r"(?<!\d)\d(?:[ .\-_]?\d){12,}(?!\d)")
_GROUP = re.compile(r"\d+")

_OTHER_DIGIT = re.compile(r"[^\x00-\x7f](?<=\d)")
# People who type Burmese use the letter that looks like zero for it.
_BURMESE_ZERO = re.compile("\u101d(?:(?<=[\u1040-\u1049]\u101d)|(?=[\u1040-\u1049]))")
_WIDE = str.maketrans("＋﹢（）", "++()")
_WIDE_SIGN = re.compile("[＋﹢（）]")
_DASHES = re.compile("[\u2010-\u2015\u2212\uff0d]")


Span = tuple[str, int, int, bool]  # value, start, end, verified


def plain_digits(text: Text) -> Text:
    """Return a text with the digits of all scripts, dashes and plus signs in ASCII.

    A traced text keeps its offsets.
    """
    if text.isascii():
        return text
    text = substitute(_BURMESE_ZERO, "\u1040", text)
    text = substitute(_OTHER_DIGIT, lambda match: str(unicodedata.decimal(match[0])), text)
    return substitute(
        _DASHES, "-", substitute(_WIDE_SIGN, lambda match: match[0].translate(_WIDE), text)
    )


def is_card(digits: str) -> bool:
    """Return True if ASCII digits may be a payment card number: their length and Luhn checksum."""
    if len(digits) not in _CARD_LENGTHS:
        return False
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[::-2])) + sum(n - 9 if n > 9 else n for n in doubled)) % 10 == 0


def has_card(text: str) -> bool:
    """Return True if a text may contain a payment card number, in groups or as one."""
    if not _CARD_DIGITS.search(text):
        return False
    for match in _CARD.finditer(plain_digits(text)):
        groups = _GROUP.findall(match[0])
        for first in range(len(groups)):
            for last in range(first, len(groups)):
                if is_card("".join(groups[first : last + 1])):
                    return True
    return False


# -- phone numbers ---------------------------------------------------------------------------------

# A plus at the end comes from a number in right-to-left text.
_PHONE = re.compile(
    r"(?<![A-Za-z0-9@/=#&])\d{10,15}\+(?!\d)"
    r"|(?<![A-Za-z0-9@=#&.,-])(?<!\d:)(?:(?<!/)|(?=\+))(?:(?:\(\s?)?\+\s?)?"
    r"\(?\d(?:[ \u00a0\u3000./()-]{0,3}\d){5,17}(?!\d|[.,]\d|[A-Za-z0-9_.]*@)"
)
_DATE = re.compile(
    r"(?:\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{4}[./-]\d{1,2}[./-]\d{1,2})(?:[ ,].*)?"
)
_AMOUNT = re.compile(r"\d{1,3}(?:[., ]\d{3})+(?:[.,]\d{1,2})?|\d+[.,]\d{1,2}")
_LONGEST_CODE = 4  # digits of a country
_FEWEST_LOCAL = 9  # digits of a number that starts with 0 and is not in the numbering plan


def find_phones(text: str, region: str | None) -> Iterator[Span]:
    """Yield the phone numbers of a folded text with plain digits, as E.164.

    ``region`` is the country (ISO 3166) of numbers without a country code; without it these are not
    found. A number of the right length counts; it is verified if the country's numbering plan
    contains it. Raises InputError for an unknown region, MissingExtraError.
    """
    if region is not None:
        check_region(region)
    for match in _PHONE.finditer(text):
        phone = _phone(match[0], region)
        if phone is not None:
            value, verified, end = phone
            yield value, match.start(), match.start() + end, verified


def plain_phone(value: str) -> tuple[str, bool] | None:
    """Return E.164 of an international number and whether its numbering plan has it, or None."""
    phone = _phone(value, None) if _PHONE.fullmatch(value) else None
    return phone[:2] if phone and phone[2] == len(value) else None


def _phone(typed: str, region: str | None) -> tuple[str, bool, int] | None:
    """Return the number at the start of the typed text, and where it ends there."""
    if typed.endswith("+"):
        parsed = _parsed(f"+{typed[:-1]}", None)
        return None if parsed is None else (*parsed, len(typed))
    groups = _groups(typed)
    digits = "".join(typed[start:end] for start, end in groups)
    international = "+" in typed or digits.startswith("00")
    if not international and (region is None or _is_other_number(typed)):
        return None
    possible = None
    for count in range(len(groups), 0, -1):
        end = groups[count - 1][1]
        if not international and count < len(groups) and typed[end : groups[count][0]].strip():
            break  # a local number joined by separators is never truncated
        digits = "".join(typed[slice(*group)] for group in groups[:count])
        if international:
            digits = f"+{digits if '+' in typed else digits.removeprefix('00')}"
        parsed = _parsed(digits, None if international else region)
        if parsed is None:
            continue
        if typed.count("(", 0, end) > typed.count(")", 0, end) and ")" in typed[end:]:
            end = typed.index(")", end) + 1
        if parsed[1]:
            return (*parsed, end)
        local = digits.startswith("0") and len(digits) >= _FEWEST_LOCAL
        if possible is None and (international or local):
            possible = (*parsed, end)
    return possible


def _groups(typed: str) -> list[tuple[int, int]]:
    """Return the groups of digits; brackets after the number are not part of it."""
    groups: list[tuple[int, int]] = []
    for match in _GROUP.finditer(typed):
        before = sum(end - start for start, end in groups)
        if before > _LONGEST_CODE and "(" in typed[groups[-1][1] : match.start()]:
            break
        groups.append(match.span())
    return groups


def _is_other_number(typed: str) -> bool:
    return bool(has_card(typed) or _DATE.fullmatch(typed) or _AMOUNT.fullmatch(typed))


@lru_cache(1 << 12)
def _parsed(number: str, region: str | None) -> tuple[str, bool] | None:
    library = _phonenumbers()
    try:
        parsed = library.parse(number, region)
    except library.NumberParseException:
        return None
    if library.is_possible_number_with_reason(parsed) != library.ValidationResult.IS_POSSIBLE:
        return None
    value = library.format_number(parsed, library.PhoneNumberFormat.E164)
    valid = library.is_valid_number(parsed)
    # Numbers that start with a zero after their country code are not local ones.
    return None if not valid and value.startswith(f"+{parsed.country_code}0") else (value, valid)


@lru_cache
def check_region(region: str) -> None:
    """Raise InputError if no country with phone numbers has this code, MissingExtraError."""
    if region not in _phonenumbers().SUPPORTED_REGIONS:
        raise InputError(
            f"region (--region) {region!r} is not a country; pass a two-letter code of ISO "
            "3166, such as GB"
        )


def _phonenumbers() -> Any:  # noqa: ANN401 - a module
    try:
        import phonenumbers
    except ImportError:
        raise MissingExtraError("phonenumbers", "share") from None
    return phonenumbers


# -- IBANs -----------------------------------------------------------------------------------------

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ \u00a0-]?[A-Za-z0-9]){11,48}")
_SHORTEST_IBAN, _LONGEST_IBAN = 15, 34


def find_ibans(text: str) -> Iterator[Span]:
    """Yield the IBANs of a folded text with plain digits whose checksum and form are valid.

    Raises MissingExtraError.
    """
    for match in _IBAN.finditer(text):
        parsed = _iban(match[0])
        if parsed is not None:
            value, length = parsed
            yield value, match.start(), match.start() + length, True


def _iban(typed: str) -> tuple[str, int] | None:
    """Return the IBAN that the typed text starts with, and where it ends."""
    try:
        from stdnum import iban
    except ImportError:
        raise MissingExtraError("python-stdnum", "share") from None
    value = ""
    for index, character in enumerate(typed):
        if not character.isalnum():
            continue
        value += character.upper()
        ends = not typed[index + 1 : index + 2].isalnum()
        if ends and _SHORTEST_IBAN <= len(value) <= _LONGEST_IBAN:
            if iban.is_valid(value, check_country=False):
                return value, index + 1
    return None
