"""The guard: reserved names, honest organisations, and hosts on which anybody can put a page."""

from __future__ import annotations

import pytest

from scamdetect.share import guard as module
from scamdetect.share.guard import GOVERNMENT, OFFICIAL, RESERVED, ROLE, SHARED, load_guard
from scamdetect.text.hosts import registered_domain
from scamdetect.text.indicators import IndicatorType
from scamdetect.text.links import official_domains

DOMAIN, LINK, EMAIL = IndicatorType.DOMAIN, IndicatorType.LINK, IndicatorType.EMAIL
GUARD = load_guard()
UNKNOWN = "parcel-fee-of-nobody"  # with which nobody has registered a domain


def verdicts(*pairs: tuple[IndicatorType, str]) -> list[str | None]:
    return [GUARD.verdict(*pair) for pair in pairs]


def test_reserved_and_private_names_are_blocked() -> None:
    assert set(
        verdicts(
            (DOMAIN, "parcel.example"),
            (LINK, "https://parcel.test/x"),
            (LINK, "http://192.168.0.1/x"),
            (LINK, "http://[::1]:80/x"),
            (LINK, "http://localhost/x"),
            (LINK, "printer.local/x"),
            (EMAIL, "help@parcel.example"),
        )
    ) == {RESERVED}


def test_names_in_no_list_may_be_listed() -> None:
    assert (
        verdicts(
            (DOMAIN, f"{UNKNOWN}.com"),
            (LINK, f"https://www.{UNKNOWN}.com/*"),
            (LINK, "http://8.8.8.8/x"),
            (EMAIL, f"help@{UNKNOWN}.com"),
            (IndicatorType.PHONE, "+12025550123"),
            (IndicatorType.HANDLE, "telegram:prof_smith"),
        )
        == [None] * 6
    )


@pytest.mark.parametrize("domain", sorted(official_domains())[::40])
def test_official_organisations_are_blocked_with_all_below_them(domain: str) -> None:
    assert (
        verdicts(
            (DOMAIN, domain), (LINK, f"https://{domain}/a/b"), (LINK, f"login.{domain}/x"),
            (EMAIL, f"help@{domain}"), (LINK, f"https://{domain}/x://a.example"),
        )
        == [OFFICIAL] * 5
    )  # fmt: skip


@pytest.mark.parametrize("name", list(module._BLOCKING))
def test_each_list_blocks(name: str) -> None:
    hosts = [host.lstrip(".") for host in module._list(name)]
    assert len(hosts) > 1000
    own = [host for host in hosts if registered_domain(host) == host and host not in GUARD.shared]
    for host in own[:: len(own) // 20]:
        assert GUARD.verdict(DOMAIN, host) is not None
        assert GUARD.verdict(LINK, f"https://www.{host}/x/y") is not None


@pytest.mark.parametrize("name", module._SHARING)
def test_of_hosts_of_many_only_full_links_may_be_listed(name: str) -> None:
    hosts = [host.lstrip(".") for host in module._list(name)]
    own = [host for host in hosts if host not in official_domains()]
    for host in own[:: max(1, len(own) // 20)]:
        assert GUARD.verdict(DOMAIN, registered_domain(host) or host) is not None
        assert GUARD.verdict(LINK, f"https://{host}") == SHARED
        assert GUARD.verdict(LINK, f"https://{host}/*") == SHARED
        assert GUARD.verdict(LINK, f"https://{host}/login") == SHARED
        assert GUARD.verdict(LINK, f"https://{host}/Xk29fQ") is None


def test_a_tenant_of_a_public_suffix_may_be_listed() -> None:
    suffix = next(
        name for name in sorted(GUARD.blocked) if registered_domain(name) is None and "." in name
    )
    assert GUARD.verdict(DOMAIN, suffix) is not None
    assert GUARD.verdict(DOMAIN, f"{UNKNOWN}.{suffix}") is None
    assert GUARD.verdict(LINK, f"https://{UNKNOWN}.{suffix}/x") is None


def test_a_domain_with_a_listed_host_below_it_is_not_listed() -> None:
    host = next(
        name for name in sorted(GUARD.blocked)
        if (above := registered_domain(name)) and above not in (name, *GUARD.blocked)
        and above not in official_domains() and above not in GUARD.shared
    )  # fmt: skip
    assert GUARD.verdict(DOMAIN, registered_domain(host) or "") is not None
    assert GUARD.verdict(LINK, f"https://{UNKNOWN}.{registered_domain(host)}/x") is None


@pytest.mark.parametrize(
    "name", ["tax.gov", "tax.gov.uk", "army.mil", "pajak.go.id", "sat.gob.mx", "x.gouv.fr"]
)
def test_governments_are_blocked(name: str) -> None:
    name = f"{UNKNOWN}-{name}"
    assert GUARD.verdict(DOMAIN, name) == GOVERNMENT
    assert GUARD.verdict(LINK, f"https://www.{name}/x") == GOVERNMENT


def test_mail_of_people_at_large_sites_may_be_listed_but_no_security_desk() -> None:
    large = next(
        name for name, reason in GUARD.blocked.items()
        if reason == module.VISITED and name not in official_domains()
    )  # fmt: skip
    assert GUARD.verdict(EMAIL, f"fake.prince@{large}") is None
    assert GUARD.verdict(EMAIL, f"abuse@{UNKNOWN}.com") == ROLE
    bank = next(
        name for name, reason in GUARD.blocked.items() if reason == module._BLOCKING["bank-website"]
    )
    assert GUARD.verdict(EMAIL, f"help@{bank}") is not None
