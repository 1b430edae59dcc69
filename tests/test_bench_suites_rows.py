from __future__ import annotations

import pytest

from scamdetect.bench.suites.rows import generator_of


@pytest.mark.parametrize(
    ("source", "generated", "expected"),
    [
        ("authored_th", "claude", "claude"),
        ("any", None, None),
        ("any", "machine-translated (some model)", None),
        ("teleantifraud_text", "llm (AntiFraudMatrix agents)", "antifraud-agents"),
        ("ccr_zh_calls", "llm", "antifraud-agents"),
        ("some_source", "llm", "some_source-llm"),
        ("some_source", "gpt-3.5 (stated: GPT-3 and onwards)", "gpt-3.5"),
    ],
)
def test_a_generator_has_one_name(source: str, generated: str | None, expected: str | None) -> None:
    assert generator_of(source, generated) == expected
