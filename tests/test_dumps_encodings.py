"""The encoding of a text file: told by its bytes, or asked for."""

from __future__ import annotations

import codecs
import random
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_dumps_resume import CountingDetector
from test_dumps_writers import EchoDetector

from scamdetect.dumps import encodings, score_file
from scamdetect.dumps.encodings import Encoding, shown, text_encoding
from scamdetect.dumps.open import open_dump
from scamdetect.errors import InputError

MESSAGES = {
    "th": [
        "สวัสดีค่ะ พัสดุของคุณติดด่านศุลกากร กรุณาชำระค่าธรรมเนียมวันนี้ที่ parcel.example",
        "พรุ่งนี้ไปกินข้าวด้วยกันไหม ร้านเดิมตอนเที่ยง",
        "ลงทุนกับเรารับกำไรแน่นอนทุกวัน สมัครเลยก่อนหมดเขต",
    ],
    "vi": [
        "Chào chị, bưu kiện của chị đang bị giữ, vui lòng đóng phí hôm nay tại parcel.example",
        "Mai đi ăn trưa với mẹ nhé, quán cũ gần chợ",
        "Đầu tư với chúng tôi, lợi nhuận chắc chắn mỗi ngày, đăng ký ngay",
    ],
    "ru": [
        "Ваша посылка ждёт на таможне, оплатите сбор сегодня на parcel.example",
        "Завтра обедаем вместе? В том же кафе в полдень",
        "Вложите деньги и получайте гарантированную прибыль каждый день",
    ],
    "zh": [
        "您好，您的包裹被海关扣留，请今天在 parcel.example 支付费用",
        "明天中午一起吃饭吗？还是老地方",
        "跟着老师投资，每天稳定收益，名额有限，马上加群",
    ],
    "zh-tw": [
        "您好，您的包裹被海關扣留，請今天在 parcel.example 支付費用",
        "明天中午一起吃飯嗎？還是老地方",
        "跟著老師投資，每天穩定收益，名額有限，馬上加群",
    ],
    "ja": [
        "お荷物が税関で止まっています。本日中に parcel.example で手数料をお支払いください",
        "明日のお昼、いつもの店で一緒に食べませんか",
        "必ず儲かる投資のご案内です。今すぐご登録ください",
    ],
    "ko": [
        "고객님의 택배가 세관에 보류되었습니다. 오늘 parcel.example 에서 수수료를 내 주세요",
        "내일 점심 같이 먹을까요? 늘 가던 식당에서",
        "매일 확실한 수익을 드리는 투자입니다. 지금 가입하세요",
    ],
    "ar": [
        "مرحبا، طردك محتجز في الجمارك، ادفع الرسوم اليوم على parcel.example",
        "نتغدى سوا بكرة؟ نفس المطعم الساعة اثنين",
        "استثمر معنا واحصل على أرباح مضمونة كل يوم، سجل الآن",
    ],
    "tr": [
        "Kargonuz gümrükte bekliyor, ücreti bugün parcel.example adresinden ödeyin",
        "Yarın öğlen aynı yerde yemek yiyelim mi, çok özledim",
        "Bize yatırım yapın, her gün kesin kazanç sağlayın, şimdi üye olun",
    ],
    "de": [
        "Ihr Päckchen liegt beim Zoll, bitte zahlen Sie die Gebühr heute auf parcel.example",
        "Wollen wir morgen zu Mittag essen? Gleiches Café wie früher, ich hab’s reserviert",
        "Sichern Sie sich täglich garantierte Erträge, die Plätze sind begrenzt – 250 €",
    ],
    "fr": [
        "Votre colis est bloqué à la douane, réglez les frais dès aujourd’hui sur parcel.example",
        "On déjeune ensemble demain ? Même café qu’à l’été dernier, j’ai réservé",
        "Gagnez un bénéfice assuré chaque journée, l’inscription ferme très bientôt",
    ],
}
CASES = [
    ("th", "tis-620", "cp874"),
    ("th", "cp874", "cp874"),
    ("vi", "cp1258", "cp1258"),
    ("ru", "cp1251", "cp1251"),
    ("ru", "koi8-r", "koi8-r"),
    ("zh", "gb18030", "gb18030"),
    ("zh", "gb2312", "gb18030"),
    ("zh-tw", "big5", "big5hkscs"),
    ("ja", "shift_jis", "cp932"),
    ("ja", "euc-jp", "euc_jis_2004"),
    ("ko", "euc-kr", "cp949"),
    ("ar", "cp1256", "cp1256"),
    ("tr", "cp1254", "cp1254"),
    ("de", "cp1252", "cp1252"),
    ("fr", "cp1252", "cp1252"),
    *((language, "utf-16", "utf-16") for language in MESSAGES),
    *((lang, name, name) for lang in MESSAGES for name in ("utf-16-le", "utf-16-be", "utf-8")),
    ("ru", "utf-32", "utf-32"),
    ("ru", "utf-8-sig", "utf-8"),
]


def _vietnamese(text: str) -> str:
    """Return the text with tones apart from letters, as cp1258 has them."""
    tones = "\u0300\u0301\u0303\u0309\u0323"
    found = []
    for letter in text:
        parts = unicodedata.normalize("NFD", letter)
        base = "".join(part for part in parts if part not in tones)
        tone = "".join(part for part in parts if part in tones)
        found.append(unicodedata.normalize("NFC", base) + tone)
    return "".join(found)


def _csv(language: str, encoding: str) -> bytes:
    texts = MESSAGES[language]
    if encoding == "cp1258":
        texts = [_vietnamese(text) for text in texts]
    rows = [f'{n},"{text}"' for n, text in enumerate(texts)]
    return "\n".join(["id,text", *rows, ""]).encode(encoding)


def _write(folder: Path, content: bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("language", "encoding", "expected"), CASES)
def test_encoding_of_three_messages_is_told(
    tmp_path: Path, language: str, encoding: str, expected: str
) -> None:
    path = _write(tmp_path, _csv(language, encoding))
    found = text_encoding(path)
    assert found.name == codecs.lookup(expected).name
    assert (found.note is None) == (found.name == "utf-8")
    dump = open_dump(path)
    texts = [text for batch in dump.batches() for text in batch.rows.texts()]
    assert [unicodedata.normalize("NFC", text) for text in texts] == MESSAGES[language]
    assert dump.encoding == found.name
    assert dump.notes == (() if found.note is None else (found.note,))


def test_note_says_what_was_read_and_how_to_override(tmp_path: Path) -> None:
    path = _write(tmp_path, _csv("de", "cp1252"))
    assert text_encoding(path).note == "read as windows-1252 (detected); --encoding overrides"
    path = _write(tmp_path, _csv("de", "utf-16"))
    found = text_encoding(path).note
    assert found == "read as utf-16 (its byte-order mark); --encoding overrides"
    assert text_encoding(path, "Latin-1") == Encoding("iso8859-1")


def test_text_and_jsonl_are_told_too(tmp_path: Path) -> None:
    for name, line in (("a.txt", "{}"), ("a.jsonl", '{{"text": "{}"}}')):
        lines = [line.format(text) for text in MESSAGES["ru"]]
        dump = open_dump(_write(tmp_path, "\n".join(lines).encode("cp1251"), name))
        assert [t for batch in dump.batches() for t in batch.rows.texts()] == MESSAGES["ru"]


def test_names_that_are_shown_can_be_given(tmp_path: Path) -> None:
    path = _write(tmp_path, b"text\n")
    for name in encodings._CANDIDATES:
        codec = codecs.lookup(name).name
        assert text_encoding(path, shown(codec)) == Encoding(codec)


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_damaged_utf8_stays_utf8(tmp_path: Path, share: float) -> None:
    lines = [line for texts in MESSAGES.values() for line in texts] * 10
    raws = [line.encode() for line in lines]
    for place in range(0, len(raws), round(1 / share)):
        raws[place] = raws[place][:10] + b"\xff" + raws[place][10:]
    assert text_encoding(_write(tmp_path, b"\n".join(raws))) == Encoding("utf-8")


def test_encoding_and_delimiter_are_told_together(tmp_path: Path) -> None:
    rows = [f"{n};{text.replace('parcel.example', 'x')}" for n, text in enumerate(MESSAGES["de"])]
    content = "\r\n".join(["sep=;", "id;text", *rows, "3;lunch", ""]).encode("cp1252")
    dump = open_dump(_write(tmp_path, content))
    assert (dump.encoding, dump.delimiter, len(next(dump.batches()).rejects)) == ("cp1252", ";", 0)


def test_two_damaged_lines_are_no_other_encoding(tmp_path: Path) -> None:
    content = b"text\nhello\nlun\xe9ch\nmeeting\nso\xf1n\nthanks\n"
    assert text_encoding(_write(tmp_path, content)) == Encoding("utf-8")


def test_lines_of_two_encodings_are_not_read_as_one(tmp_path: Path) -> None:
    content = _csv("fr", "cp1252") * 3 + _csv("fr", "utf-8")
    assert text_encoding(_write(tmp_path, content)).name == "utf-8"


def test_bytes_of_nothing_make_no_utf16(tmp_path: Path) -> None:
    for language in MESSAGES:
        raw = bytearray(_csv(language, "utf-8"))
        raw[10::40] = bytes(len(raw[10::40]))
        assert text_encoding(_write(tmp_path, bytes(raw).replace(b"\0", b"\0 "))).name == "utf-8"


def test_what_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    path = _write(tmp_path, b"text\nsecret \xe9\nsecret \xfc\n")
    with pytest.raises(InputError, match=r"a\.csv: not UTF-8.*windows-1252.*--encoding") as info:
        open_dump(path)
    assert "secret" not in str(info.value)


def test_bytes_that_no_encoding_reads_get_no_guess(tmp_path: Path) -> None:
    path = _write(tmp_path, b"\x93\x96Z\xa7\xff\x99X&v\x1c\xfd\xc6\n" * 3)
    with pytest.raises(InputError, match="not UTF-8, .*--encoding"):
        text_encoding(path)


def test_few_lines_that_cannot_be_told_are_rejected_with_a_note(tmp_path: Path) -> None:
    lines = [b"hello"] * 20 + [b"\x81\xff\x81"] * 3
    dump = open_dump(_write(tmp_path, b"\n".join([b"text", *lines])))
    assert dump.notes[0].startswith("read as utf-8, but 3 of the first 24 lines are not")
    (batch,) = dump.batches()
    assert (len(batch.rows), len(batch.rejects)) == (20, 3)


def test_damage_spoils_only_its_lines(tmp_path: Path) -> None:
    lines = [line.encode("cp1251") for line in MESSAGES["ru"] * 30]
    for place in (5, 40, 77):  # a byte that windows-1251 lacks
        lines[place] = lines[place][:8] + b"\x98" + lines[place][8:]
    dump = open_dump(_write(tmp_path, b"\n".join(lines), "a.txt"))
    assert dump.encoding == "cp1251"
    (batch,) = dump.batches()
    assert (len(batch.rows), len(batch.rejects)) == (87, 3)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_utf8_is_never_taken_for_another(tmp_path_factory: pytest.TempPathFactory, t: str) -> None:
    folder = tmp_path_factory.mktemp("utf8")
    raw = t.encode()
    found = text_encoding(_write(folder, raw, "a.txt"))
    assert found.name == "utf-8" or raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def test_resume_refuses_another_encoding(tmp_path: Path) -> None:
    path = _write(tmp_path, b"\n".join([_csv("ru", "cp1251"), *[b"9,hello"] * 3000]))
    with pytest.raises(KeyboardInterrupt):
        score_file(path, detector=CountingDetector(fail_at=2), part_rows=100)
    detector = EchoDetector()
    with pytest.raises(InputError, match="encoding was 'cp1251', is 'koi8-r'"):
        score_file(path, detector=detector, part_rows=100, encoding="koi8-r", resume=True)
    summary = score_file(path, detector=detector, part_rows=100, encoding="cp1251", resume=True)
    assert summary.resumed


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("cell", ["\0", "\0\0", "\x01\0", "é\0"])
def test_controls_in_short_lines_make_no_utf16(tmp_path: Path, end: str, cell: str) -> None:
    for rows in range(1, 9):
        path = tmp_path / f"{rows}.csv"
        path.write_bytes(end.join(["text,other", *[f",{cell}"] * rows, ""]).encode())
        assert text_encoding(path).name == "utf-8"


NUL_ENDED = [
    ["hi", "ok"], ["hi"], ["ok", "no", "me", "we"], ["hello", "mom call"], ["text", "hi", "ok"],
    ["caf\u00e9", "th\u00e9"], ["yes", "no", "maybe"],
    ["at", "it", "is", "on", "in", "up", "go", "so"],
]  # fmt: skip


def _found(folder: Path, raw: bytes) -> str | None:
    """Return the name of the encoding that is told, None where it is asked for."""
    try:
        return text_encoding(_write(folder, raw, "a.txt")).name
    except InputError as problem:
        assert "--encoding" in str(problem)
        return None


@pytest.mark.parametrize("lines", NUL_ENDED)
@pytest.mark.parametrize("end", ["\0\n", "\0\r\n", "\0\0\n"])
def test_short_lines_that_end_in_a_nul_are_no_utf16(
    tmp_path: Path, lines: list[str], end: str
) -> None:
    for times in (1, 3, 200):
        raw = "".join(f"{line}{end}" for line in lines * times).encode()
        assert _found(tmp_path, raw) in ("utf-8", None)


def test_many_short_lines_that_end_in_a_nul_are_read(tmp_path: Path) -> None:
    words = "at it is on in up go so me we he hi ok no by my us am an or if do to of".split()
    raw = "".join(f"{word}\0\n" for word in words * 9).encode()
    assert _found(tmp_path, raw) == "utf-8"


def test_letters_that_utf16_lacks_tell_text_with_nuls(tmp_path: Path) -> None:
    # Two bytes of the Thai letter would be a private character, the third a usual Chinese one.
    raw = "กe\0\n".encode() * 100
    assert raw[:2].decode("utf-16-be") == "\ue0b8"
    assert _found(tmp_path, raw) == "utf-8"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_nul_at_every_other_place_is_utf16(tmp_path: Path, encoding: str) -> None:
    for text in ("a\nb\n", "a\n", "lunch at noon, see you\n"):
        assert _found(tmp_path, text.encode(encoding) * 60) == encoding


def test_what_may_be_either_is_asked_for(tmp_path: Path) -> None:
    path = _write(tmp_path, b"hi\0\n" * 400)
    with pytest.raises(InputError, match=r"a\.csv: .*NUL.*utf-16-be.*--encoding"):
        text_encoding(path)
    assert text_encoding(path, "utf-8").name == "utf-8"
    assert text_encoding(path, "utf-16-be").name == "utf-16-be"


@given(
    st.lists(st.text("abcdefghijklmnopqrstuvwxyz ABC.!?é", min_size=1, max_size=5), min_size=1),
    st.sampled_from(["\0\n", "\0\r\n", "\0,\0\n"]),
    st.sampled_from([1, 2, 50]),
)
def test_nul_ended_words_are_never_utf16(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], end: str, times: int
) -> None:
    lines = [word for word in words if word.strip()]
    raw = "".join(f"{line}{end}" for line in lines * times).encode()
    if any(raw[side::2].count(0) >= 0.9 * (len(raw) // 2) for side in (0, 1)):
        return  # a NUL at every other place: nothing tells it from UTF-16
    assert _found(tmp_path_factory.mktemp("nul"), raw) in ("utf-8", None)


SHORT = {
    "latin": "hi ok yes no call me now thanks see you soon lunch café naïve".split(),
    "cyrillic": "да нет привет пока завтра деньги срочно мама обед хорошо".split(),
    "cjk": "你好 明天见 谢谢 在吗 好的 汇款 妈妈 急用 再见 吃饭 今天 没有".split(),
    "kana": "はい いいえ ありがとう おはよう またね おかね すぐに ごめん".split(),
    "thai": "สวัสดี ขอบคุณ พรุ่งนี้ เงิน แม่ ด่วน กินข้าว ใช่ ไม่".split(),
}
_MARKS = {
    "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE, "utf-32-be": codecs.BOM_UTF32_BE,
}  # fmt: skip


@given(
    st.sampled_from(sorted(SHORT)),
    st.sampled_from(sorted(_MARKS)),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
    st.randoms(use_true_random=False),
)
def test_wide_files_of_short_lines_are_told(
    tmp_path_factory: pytest.TempPathFactory,
    script: str,
    name: str,
    marked: bool,
    end: str,
    random: random.Random,
) -> None:
    lines = SHORT[script] + random.choices(SHORT[script], k=random.randint(0, 60))
    random.shuffle(lines)
    raw = "".join(f"{line}{end}" for line in lines).encode(name)
    found = _found(tmp_path_factory.mktemp("wide"), (_MARKS[name] if marked else b"") + raw)
    assert found == (name[:6] if marked else name)
