"""Files of fingerprints: what is in them, what is not, and what two platforms see of each other."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import command, score

from scamdetect.errors import InputError
from scamdetect.share.fingerprint_files import make_fingerprints, match_fingerprints, names_of
from scamdetect.share.fingerprint_key import Key, read_key, write_key

KEY, OTHER_KEY = Key(bytes(range(32))), Key(bytes(range(1, 33)))
DAY = datetime.date(2026, 11, 3)
PARCEL = "Dear {}, your parcel is held at customs, pay the fee of {} at https://fee{}.example today"
PRIZE = "Congratulations {}! You won prize {} of our lottery, write to claims{}@prize.example now"
NAMES = ("Maria", "Yusuf", "Chen", "Olga")


def texts(template: str, count: int) -> list[str]:
    return [template.format(NAMES[n % 4], n + 5, n) for n in range(count)]


def platform(
    folder: Path, tiny_bundle: Path, campaigns: dict[str, list[str]], **other: int
) -> tuple[Path, Path]:
    """Return the campaigns and the scored dump of a platform that has these and honest messages."""
    folder.mkdir()
    rows = [(text, name) for name, some in campaigns.items() for text in some]
    rows = [*rows[::2], ("hello lunch", None), *rows[1::2], ("", None)]
    (folder / "in.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text, _ in rows), encoding="utf-8"
    )
    assert score(folder, "in.jsonl", "-o", "in.parquet", "--model", tiny_bundle).returncode == 0
    names = list(campaigns)
    table = {
        "campaign": names,
        "template": ["hidden words"] * len(names),
        "messages": [len(some) for some in campaigns.values()],
        "languages": [[{"language": "en", "messages": 3}]] * len(names),
        "senders": [other.get("senders", 3)] * len(names),
        "first_day": pa.array([DAY] * len(names), pa.date32()),
        "last_day": pa.array([None] * len(names), pa.date32()),
    }
    path = folder / "in.campaigns.parquet"
    pq.write_table(pa.table(table), path)
    members = [(row, name) for row, (_, name) in enumerate(rows) if name is not None]
    columns = {"row": [row for row, _ in members], "campaign": [name for _, name in members]}
    pq.write_table(pa.table(columns), folder / "in.campaigns.members.parquet")
    return path, folder / "in.parquet"


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("platforms") / "bank"
    some = {
        "bank-parcel": texts(PARCEL, 12),
        "bank-few": texts(PARCEL, 9),
        "bank-short": ["hi"] * 12,
    }
    return platform(folder, tiny_bundle, some)


@pytest.fixture(scope="module")
def telco(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("platforms") / "telco"
    changed = texts(PARCEL.replace(" today", " soon"), 1_100)
    return platform(folder, tiny_bundle, {"telco-prize": texts(PRIZE, 10), "telco-parcel": changed})


def made(of: tuple[Path, Path], destination: Path, key: Key = KEY) -> Path:
    make_fingerprints(of[0], [of[1]], destination, key=key)
    return destination


def test_campaigns_of_two_platforms_meet(
    tmp_path: Path, bank: tuple[Path, Path], telco: tuple[Path, Path]
) -> None:
    mine, theirs = made(bank, tmp_path / "mine"), made(telco, tmp_path / "theirs")
    (pair,) = match_fingerprints(mine, theirs)
    assert names_of(bank[0], KEY)[pair.mine.name] == "bank-parcel"
    assert names_of(telco[0], KEY)[pair.theirs.name] == "telco-parcel"
    assert 0.7 < pair.similarity < 1
    assert (pair.mine.size, pair.theirs.size) == (10, 1_000)
    assert (pair.theirs.first_day, pair.theirs.last_day) == ("2026-11-03", None)
    assert not match_fingerprints(mine, theirs, at_least=0.99)


def test_a_file_holds_no_text_and_no_id(tmp_path: Path, bank: tuple[Path, Path]) -> None:
    summary = make_fingerprints(bank[0], [bank[1]], tmp_path / "mine", key=KEY)
    assert summary.fingerprints == 1
    assert summary.left_out == {
        "fewer than 10 messages": 1, "their messages have too little in common": 1,
    }  # fmt: skip
    content = (tmp_path / "mine").read_text("utf-8")
    head, line = map(json.loads, content.splitlines())
    assert set(head) == {"format", "version", "key", "masking", "values", "bits", "shingle"}
    assert set(line) == {"campaign", "signature", "messages", "first_day", "last_day"}
    assert len(line["signature"]) == 256 and line["messages"] == 10
    for secret in ("parcel", "customs", "Maria", "bank", "hidden", KEY.secret.hex()):
        assert secret not in content
    assert (tmp_path / "mine").read_bytes() == made(bank, tmp_path / "again").read_bytes()


def test_without_the_key_nothing_is_like_it(tmp_path: Path, bank: tuple[Path, Path]) -> None:
    mine, theirs = made(bank, tmp_path / "mine"), made(bank, tmp_path / "theirs", OTHER_KEY)
    with pytest.raises(InputError, match="made with a different key; use the same key file"):
        match_fingerprints(mine, theirs)
    head = theirs.read_text("utf-8").replace(OTHER_KEY.id, KEY.id)
    theirs.write_text(head, encoding="utf-8")
    assert not match_fingerprints(mine, theirs, at_least=0.3)


def test_other_masking_is_told(tmp_path: Path, bank: tuple[Path, Path]) -> None:
    mine, theirs = made(bank, tmp_path / "mine"), made(bank, tmp_path / "theirs")
    head, *lines = theirs.read_text("utf-8").splitlines()
    other = json.loads(head) | {"masking": "00000000"}
    theirs.write_text("\n".join([json.dumps(other), *lines]), encoding="utf-8")
    with pytest.raises(InputError, match="different masking; use the same version"):
        match_fingerprints(mine, theirs)


@pytest.mark.parametrize(
    ("senders", "said"), [(2, "1 with fewer than 3 senders"), (3, "no campaign has a fingerprint")]
)
def test_campaigns_of_few_senders_have_none(
    tmp_path: Path, tiny_bundle: Path, senders: int, said: str
) -> None:
    some = {"a": texts(PARCEL, 12) if senders == 2 else ["hi"] * 12}
    of = platform(tmp_path / "p", tiny_bundle, some, senders=senders)
    with pytest.raises(InputError, match=said):
        made(of, tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_campaigns_without_senders_are_refused(tmp_path: Path, bank: tuple[Path, Path]) -> None:
    table = pq.read_table(bank[0]).drop_columns(["senders"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InputError, match="make them again with --sender-column"):
        make_fingerprints(
            tmp_path / "a.parquet", [bank[1]], tmp_path / "mine", key=KEY,
            members=bank[0].with_name("in.campaigns.members.parquet"),
        )  # fmt: skip


def test_members_of_another_dump_are_refused(
    tmp_path: Path, bank: tuple[Path, Path], telco: tuple[Path, Path]
) -> None:
    with pytest.raises(InputError, match="rows that are not in the dumps"):
        make_fingerprints(
            bank[0], [bank[1]], tmp_path / "mine", key=KEY,
            members=telco[0].with_name("in.campaigns.members.parquet"),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "not a file of fingerprints"),
        ('{"a": 1}', "not a file of fingerprints"),
        ('{"format": "scamdetect fingerprints", "version": 2}', "made with other rules"),
    ],
)
def test_other_files_are_none(
    tmp_path: Path, bank: tuple[Path, Path], line: str, said: str
) -> None:
    (tmp_path / "theirs").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=said):
        match_fingerprints(made(bank, tmp_path / "mine"), tmp_path / "theirs")


@pytest.mark.parametrize(
    "change",
    [
        {"campaign": "x"}, {"campaign": None}, {"signature": "00"}, {"signature": 5},
        {"messages": 11}, {"messages": "10"},
    ],
)  # fmt: skip
def test_a_broken_fingerprint_is_named_with_its_line(
    tmp_path: Path, bank: tuple[Path, Path], change: dict[str, object]
) -> None:
    mine = made(bank, tmp_path / "mine")
    head, line = mine.read_text("utf-8").splitlines()
    broken = json.dumps(json.loads(line) | change)
    (tmp_path / "theirs").write_text(f"{head}\n{broken}\n", encoding="utf-8")
    with pytest.raises(InputError, match="theirs:2: not a fingerprint"):
        match_fingerprints(mine, tmp_path / "theirs")


def test_the_commands_make_and_match(
    tmp_path: Path, bank: tuple[Path, Path], telco: tuple[Path, Path]
) -> None:
    done = command(tmp_path, "fingerprints", "key", "-o", "k.key")
    assert done.stderr == "key written to k.key\n"
    for of, name in ((bank, "mine"), (telco, "theirs")):
        done = command(tmp_path, "fingerprints", "make", *of, "--key", "k.key", "-o", name)
        assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("2 fingerprints written to theirs\nnext: ")
    done = command(
        tmp_path,
        "fingerprints",
        "match",
        "mine",
        "theirs",
        "--campaigns",
        bank[0],
        "--key",
        "k.key",
    )
    assert done.stderr == "1 pairs of campaigns are alike\n"
    head, row = done.stdout.splitlines()
    assert head.startswith("similarity,mine,theirs,")
    name = row.split(",")[2]
    assert names_of(telco[0], read_key(tmp_path / "k.key"))[name] == "telco-parcel"
    assert row.split(",")[1] == "bank-parcel" and row.endswith(",10+,1000+,2026-11-03,")


def test_the_commands_refuse_a_weak_or_open_key(tmp_path: Path, bank: tuple[Path, Path]) -> None:
    path = write_key(tmp_path / "k.key")
    path.chmod(0o644)
    arguments = ("fingerprints", "make", *bank, "--key", "k.key", "-o", "mine")
    done = command(tmp_path, *arguments)
    assert done.returncode == 2 and "can read or write the key" in done.stderr
    path.chmod(0o600)
    path.write_text("abcd\n", encoding="ascii")
    done = command(tmp_path, *arguments)
    assert done.returncode == 2 and "16 bits" in done.stderr
    done = command(tmp_path, "fingerprints", "make", *bank, "-o", "mine")
    assert done.returncode == 2 and "Missing option '--key'" in done.stderr
