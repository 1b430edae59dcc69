"""Official domains: well formed, sourced, and no place where anybody can put a page."""

from __future__ import annotations

import re

import pytest

from scamdetect.text.links import official_domains, organisation_of
from scamdetect.text.normalise import SHORTENERS

HOSTS_OF_ANYBODY = {
    "blogspot.com", "facebook.com", "github.io", "google.com", "instagram.com", "kakao.com",
    "line.me", "linkedin.com", "medium.com", "naver.com", "notion.so", "sites.google.com", "t.me",
    "telegram.org", "tiktok.com", "typeform.com", "vk.com", "weebly.com", "whatsapp.com",
    "wixsite.com", "wordpress.com", "x.com", "yahoo.com", "youtube.com",
}  # fmt: skip


def test_each_domain_is_well_formed_and_can_be_verified() -> None:
    domains = list(official_domains())
    assert len(domains) >= 300
    assert domains == sorted(set(domains))
    for one in official_domains().values():
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", one.domain), one.domain
        assert one.name and one.sector
        assert re.fullmatch("|[A-Z]{2}", one.country), one.domain
        assert re.match(r"github:[\w.-]+/[\w.-]+@[0-9a-f]{40}:|pypi:[\w-]+@[\d.]+:", one.source), (
            one.domain
        )


def test_no_place_where_anybody_can_put_a_page() -> None:
    assert not (HOSTS_OF_ANYBODY | SHORTENERS) & official_domains().keys()


@pytest.mark.parametrize(
    ("host", "official"),
    [("{}", True), ("www.{}", True), ("Login.{}.", True), ("{}.evil.test", False), ("x{}", False)],
)
def test_a_host_belongs_to_the_domain_that_it_ends_in(host: str, official: bool) -> None:
    domain = next(iter(official_domains()))
    found = organisation_of(host.format(domain))
    assert (found is not None and found.domain == domain) is official
