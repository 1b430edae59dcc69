"""Find phone numbers, IBANs and local bank accounts in a text, but never card numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

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


class Number(NamedTuple):
    """A number in its normal form, whether it is confirmed, and its place in the text."""

    value: str
    verified: bool
    start: int
    end: int


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


def find_phones(text: str, region: str | None) -> Iterator[Number]:
    """Yield the phone numbers of a folded text with plain digits, as E.164.

    ``region`` is the country (ISO 3166) of numbers without a country code; without it these are not
    found. A number of the right length counts; it is verified if the country's numbering plan
    contains it. Raises InputError for an unknown region, MissingExtraError.
    """
    if region is not None:
        check_region(region)
    for match in _PHONE.finditer(text):
        found = _phone(match[0], region)
        if found is not None:
            value, verified, end = found
            yield Number(value, verified, match.start(), match.start() + end)


def plain_phone(value: str) -> tuple[str, bool] | None:
    """Return E.164 of an international number and whether its numbering plan has it, or None."""
    found = _PHONE.fullmatch(value)
    parsed = _phone(value, None) if found else None
    return parsed[:2] if parsed and parsed[2] == len(value) else None


def _phone(typed: str, region: str | None) -> tuple[str, bool, int] | None:
    """Return the number at the start of the typed text, and where it ends there."""
    if typed.endswith("+"):
        found = _parsed(f"+{typed[:-1]}", None)
        return None if found is None else (*found, len(typed))
    groups = _groups(typed)
    digits = "".join(typed[start:end] for start, end in groups)
    international = "+" in typed or digits.startswith("00")
    if not international and (region is None or _is_other_number(typed)):
        return None
    possible = None
    for count in range(len(groups), 0, -1):
        if not international and count < len(groups):
            between = typed[groups[count - 1][1] : groups[count][0]]
            if between.strip():
                break  # a local number joined by separators is never truncated
        some = "".join(typed[start:end] for start, end in groups[:count])
        if international:
            some = f"+{some if '+' in typed else some.removeprefix('00')}"
        found = _parsed(some, None if international else region)
        if found is None:
            continue
        end = _closed(typed, groups[count - 1][1])
        if found[1]:
            return (*found, end)
        local = some.startswith("0") and len(some) >= _FEWEST_LOCAL
        if possible is None and (international or local):
            possible = (*found, end)
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


def _closed(typed: str, end: int) -> int:
    """Return the end after a bracket that is still open there."""
    if typed.count("(", 0, end) > typed.count(")", 0, end) and ")" in typed[end:]:
        return typed.index(")", end) + 1
    return end


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
    # If a zero does not mark local numbers it is kept, and numbers that start with it are not
    # local.
    if not valid and value.startswith(f"+{parsed.country_code}0"):
        return None
    return value, valid


@lru_cache
def check_region(region: str) -> None:
    """Raise InputError if no country with phone numbers has this code, MissingExtraError."""
    if region not in _phonenumbers().SUPPORTED_REGIONS:
        raise InputError(
            f"region (--region) {region!r} is not a country; pass a two-letter code of ISO "
            "3166, such as GB"
        )


def _phonenumbers() -> Any:  # noqa: ANN401
    try:
        import phonenumbers
    except ImportError as error:
        raise MissingExtraError("phonenumbers", "share") from error
    return phonenumbers


# -- accounts --------------------------------------------------------------------------------------

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ \u00a0-]?[A-Za-z0-9]){11,48}")
_SHORTEST_IBAN, _LONGEST_IBAN = 15, 34
_ACCOUNT_WORD = re.compile(
    r"\b(?:acc(?:oun)?t(?: ?(?:no|num(?:ber)?|nr))?|a/c(?: ?no)?|no\.? ?rek(?:ening)?|rek(?:ening)?"
    r"|norek|stk|số tài khoản|so tai khoan|số tk|tk|cuenta|clabe|cbu|cvu|conta|compte"
    r"|konto(?:nr|nummer)?|hesap(?: no)?|akaun|akaunti)\b"
    r"|сч[её]т|рахунок|บัญชี|账号|帳號|账户|帳戶|賬號|賬戶|卡号|卡號|户号|口座|계좌"
    r"|खाता|खाते|अकाउंट|একাউন্ট|অ্যাকাউন্ট|হিসাব|கணக்கு|حساب|اکاؤنٹ|اکاونٹ|အကောင့်|ဘဏ်စာရင်း|គណនី|ගිණුම|חשבון",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"密码|密碼|비밀번호|รหัส|пароль|password|passcode|\bpin\b|\botp\b", re.IGNORECASE
)
_ACCOUNT = re.compile(r"[^\d\n]{0,24}?(?<![\d.,+])(\d(?:[ -]?\d){5,19})(?![\d%]|[.,]\d|[ -]\d)")


def find_ibans(text: str) -> Iterator[Number]:
    """Yield the IBANs of a folded text with plain digits whose checksum and form are valid.

    Raises MissingExtraError.
    """
    for match in _IBAN.finditer(text):
        found = _iban(match[0])
        if found is not None:
            value, length = found
            yield Number(value, True, match.start(), match.start() + length)


def plain_iban(value: str) -> str | None:
    """Return an IBAN without blanks, or None if invalid; raise MissingExtraError."""
    found = _iban(value) if _IBAN.fullmatch(value) else None
    return found[0] if found and found[1] == len(value) else None


def _iban(typed: str) -> tuple[str, int] | None:
    try:
        from stdnum import iban
    except ImportError as error:
        raise MissingExtraError("python-stdnum", "share") from error
    value = ""
    for place, character in enumerate(typed):
        if not character.isalnum():
            continue
        value += character.upper()
        ends = not typed[place + 1 : place + 2].isalnum()
        if ends and _SHORTEST_IBAN <= len(value) <= _LONGEST_IBAN:
            if iban.is_valid(value, check_country=False):
                return value, place + 1
    return None


def find_accounts(text: str) -> Iterator[Number]:
    """Yield the digits of local bank accounts in a folded text, found by a word before them."""
    done = 0
    for word in _ACCOUNT_WORD.finditer(text):
        match = _ACCOUNT.match(text, word.end())
        if match is None or match.start(1) < done or _SECRET.search(match[0]):
            continue
        done = match.end(1)
        value = re.sub(r"\D", "", match[1])
        if not has_card(match[1]):
            yield Number(value, False, *match.span(1))


def plain_account(value: str) -> str | None:
    """Return the digits of a local account, or None if invalid."""
    digits = re.sub(r"[ -]", "", value)
    fits = digits.isascii() and digits.isdecimal() and 6 <= len(digits) <= 20
    return digits if fits and not has_card(value) else None
