"""HTML of mails as the text that its reader sees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scamdetect.dumps.mail.html import html_to_text


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("just text", "just text"),
        ("", ""),
        ("<!-- only a comment -->", ""),
        ("<p>a &amp; b&nbsp;c\n d</p><p>e<br>f</p>", "a & b c d\n\ne\nf"),
        ("<div>a<div>b</div></div><span>c</span><b>d</b>", "a\nb\ncd"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<ul><li>a<li>b</ul>", "a\nb"),
        ("<pre>a\n  b</pre>c", "a\n  b\n\nc"),
        ("<head><title>t</title><style>p{}</style></head>a<script>x<y</script>b", "ab"),
        ("a<div style='DISPLAY : none'>x<p>y</p></div>b", "ab"),
        ("a<span style='font-size:0px;color:red'>x</span>b<i hidden>y</i>", "ab"),
        ("<td style='padding:0;font-size:0px'><p style='font-size:13px'>a<b>b</b></p>x</td>", "ab"),
        ("a<p style='font-size:0'>x<b style='font-size:1em'>y<i>z</i></b></p>b", "a\n\nb"),
        ("<span style='font-size:0.9em'>a</span><span style='opacity:0.5'>b</span>", "ab"),
        ("a<!--[if mso]>x<![endif]-->b<![if !mso]>c<![endif]>", "abc"),
        ("<html><body>a</body></html>b", "a\nb"),
        ("a<blockquote>b<br>c<blockquote>d</blockquote></blockquote>e",
         "a\n\n> b\n> c\n>\n> > d\n\ne"),
        ("<a href='https://x.example/a'>here</a>", "here <https://x.example/a>"),
        ("<a href='https://x.example/'>www.x.example</a>", "www.x.example"),
        ("<a href='https://evil.example'>bank.example</a>", "bank.example <https://evil.example>"),
        ("<a href='mailto:a@x.example'>a</a> <a href='#top'>b</a> <a>c</a>", "a b c"),
        ("<a href='https://x.example/a'><img></a> <a href='https://x.example/a'>again</a>",
         "<https://x.example/a> again"),
        ("<p>cut <b>off", "cut off"),
        ("a < b &unknown; &#x41; &#0;", "a < b &unknown; A \ufffd"),
    ],
)  # fmt: skip
def test_visible_text(html: str, expected: str) -> None:
    assert html_to_text(html) == expected


@pytest.mark.usefixtures("no_hang")
@pytest.mark.parametrize("tag", ["<div>", "<font>", "<b><p>", "<blockquote>", "<table><tr><td>"])
def test_deep_nesting_takes_no_quadratic_time(tag: str) -> None:
    assert html_to_text(tag * 100_000 + "deep").endswith("deep")


@pytest.mark.usefixtures("no_hang")
def test_long_styles_take_no_quadratic_time() -> None:
    zeros = "0" * 2_000_000
    assert html_to_text(f"<p style='opacity:{zeros}x'>a<p style='font-size:{zeros}x'>b") == "a\n\nb"


def test_long_comments_are_not_seen() -> None:
    assert html_to_text(f"a<!--{'x' * 12_000_000}-->b") == "ab"


@given(st.text(alphabet="<>/ab\"'= &;!-[]\n\0é\ud800", max_size=60))
def test_any_html_becomes_text(html: str) -> None:
    assert isinstance(html_to_text(html), str)
