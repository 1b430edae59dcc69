"""Phone numbers, IBANs, local accounts, and cards, which are never found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.errors import InputError
from scamdetect.text.numbers import (
    Number,
    find_accounts,
    find_ibans,
    find_phones,
    has_card,
    is_card,
    plain_account,
    plain_digits,
    plain_iban,
    plain_phone,
)

# Fictional: of Ofcom, of the North American plan, of the ACMA.
GB, US, AU = "+447700900123", "+12025550123", "+61491570156"
PHONES = [
    ("call +44 7700 900123 10 May", None, GB),
    ("call 07700 900123 now", "GB", GB),
    ("0044 (7700) 900-123", None, GB),
    ("+44(0)7700900123", None, GB),
    ("(202) 555-0123", "US", US),
    ("tel:+1-202-555-0123,", None, US),
    ("٠٠٤٤ ٧٧٠٠ ٩٠٠١٢٣", None, GB),
    ("＋４４ ７７００ ９００１２３", None, GB),
    ("+৪৪ ৭৭০০ ৯০০১২৩", None, GB),
    ("+៤៤៧៧០០៩០០១២៣", None, GB),
    ("+၄၄၇၇ဝဝ၉ဝဝ၁၂၃", None, GB),
    ("12025550123+", None, US),
    ("＋44（0）7700 900123", None, GB),
    ("+4 4 7 7 0 0 9 0 0 1 2 3", None, GB),
    ("请拨打+61491570156咨询", None, AU),
    ("โทร+61491570156ค่ะ", None, AU),
    ("+61 491\u2011570\u2011156", None, AU),
]
CARDS = ["4111111111111111", "4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"]


def phones(text: str, region: str | None = None) -> list[str]:
    return [one.value for one in find_phones(plain_digits(text), region)]


@pytest.mark.parametrize(("text", "region", "value"), PHONES)
def test_a_phone_number_is_found(text: str, region: str | None, value: str) -> None:
    (found,) = find_phones(plain_digits(text), region)
    assert found.value == value
    assert phones(text[found.start : found.end], region) == [value]


def test_two_numbers_are_two() -> None:
    assert phones("+12025550123/+12025550124") == ["+12025550123", "+12025550124"]


@pytest.mark.parametrize(
    "text",
    ["07700 900123", "order 1234567890", "2024-05-06 12:30", "₦1,234,567", "12:30 10.05.2024",
     "a@12025550123", "x12025550123", "+44 12", "id=12025550123"],
)  # fmt: skip
def test_without_a_region_numbers_without_country_are_none(text: str) -> None:
    assert phones(text) == []


def test_dates_and_amounts_are_no_numbers_of_a_region() -> None:
    assert phones("2024-05-06 12, 06/05/2024, 2.025.550, 1,234,567", "US") == []


def test_of_a_local_number_nothing_is_cut_off_but_words_behind_it() -> None:
    assert phones("Tel 234 - 8055 - 124 - 041, 0800 555111", "US") == []
    assert phones("07700 900123 10", "GB") == ["+447700900123"]
    assert phones("18008168 (0)", "VN") == phones("18008168", "VN")


def test_a_number_outside_the_plan_is_not_verified() -> None:
    assert [*find_phones("+44 7700 900123", None)] == [Number(GB, False, 0, 15)]
    assert [*find_phones("+1 202 555 0123", None)] == [Number(US, True, 0, 15)]


def test_an_unknown_region_is_refused() -> None:
    with pytest.raises(InputError, match="'UK' is not a country"):
        phones("07700 900123", "UK")


@given(st.from_regex(r"\+?[0-9 ()-]{5,22}", fullmatch=True))
def test_a_phone_number_is_its_own_plain_form(text: str) -> None:
    for value in phones(text, "US"):
        found = plain_phone(value)
        assert found is not None and found[0] == value


# The examples of the registry of SWIFT.
IBANS = ["GB29NWBK60161331926819", "DE89370400440532013000", "NO9386011117947",
         "BR1800360305000010009795493C1", "MT84MALT011000012345MTLCAST001S"]  # fmt: skip


@pytest.mark.parametrize("iban", IBANS)
def test_an_iban_is_found_in_groups_and_in_one(iban: str) -> None:
    groups = " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))
    for text in (f"to {iban}.", f"IBAN: {groups} PLEASE", f"至{iban.lower()}。"):
        (found,) = find_ibans(text)
        assert found.value == iban and found.verified
        assert [one.value for one in find_ibans(text[found.start : found.end])] == [iban]
    assert plain_iban(groups) == plain_iban(iban) == iban


@given(st.sampled_from(IBANS), st.integers(0, 40), st.sampled_from("0123456789ABCXYZ"))
def test_one_other_character_breaks_an_iban(iban: str, place: int, other: str) -> None:
    place %= len(iban)
    changed = iban[:place] + other + iban[place + 1 :]
    assert changed == iban or [*find_ibans(f"to {changed}")] == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Số tài khoản: 0123456789 VCB", "0123456789"),
        ("a/c 0012-345-678", "0012345678"),
        ("เลขบัญชี 123-4-56789-0", "1234567890"),
        ("no rek BCA 1234567890 a.n.", "1234567890"),
        ("계좌번호 110-123-456789", "110123456789"),
        ("হিসাব নম্বর ০১২৩৪৫৬৭৮৯", "0123456789"),
    ],
)
def test_a_local_account_is_behind_its_word(text: str, value: str) -> None:
    (found,) = find_accounts(plain_digits(text))
    assert (found.value, found.verified) == (value, False)
    assert plain_account(found.value) == value


def test_other_numbers_are_no_accounts() -> None:
    assert not [*find_accounts("order 0123456789, account balance 1,234,567.00, account 12")]
    assert not [*find_accounts("账户密码是123456, account password 12345678")]


@pytest.mark.parametrize("card", CARDS)
def test_cards_are_never_found(card: str) -> None:
    assert has_card(f"pay {card} now")
    text = f"account {card} or {card} 123, card {card}"
    assert not [*find_accounts(text)]
    assert plain_account(card) is None
    for region in ("US", "GB", "HK", "SG", "IN", "CN"):
        assert phones(text, region) == []


def test_a_card_with_its_code_behind_is_a_card() -> None:
    assert has_card("4111 1111 1111 1111 123") and has_card("12 4111-1111-1111-1111")
    assert not has_card("4111 1111 1111 1112") and not has_card("411111111111")


@given(st.text(alphabet="0123456789", min_size=12, max_size=18), st.integers(0, 9))
def test_one_last_digit_of_ten_makes_a_card(digits: str, last: int) -> None:
    cards = [digit for digit in "0123456789" if is_card(digits + digit)]
    assert len(cards) == 1
    assert has_card(f"x{digits}{last}x") is (str(last) in cards)
