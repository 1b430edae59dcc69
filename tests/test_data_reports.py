"""Adapters for reports and comment lists, on invented files of the same form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from invented_source import make_source, write_files

from scamdetect.errors import SourceError
from scamdetect.train.data.readers import Draft
from scamdetect.train.data.rows import _drafts

ANY = {"*": "legit"}


def read(tmp_path: Path, adapter: str, name: str, text: str, **changes: Any) -> list[Draft]:  # noqa: ANN401
    files = {name: text.encode()}
    write_files(tmp_path, "invented", files)
    form = {"format": "adapter", "adapter": adapter, "parts": [{"files": name}]}
    row = {"text": [], "lang": "ko", "channel": "sms"}
    source = make_source("invented", files, read=form, row=row, labels=ANY, **changes)
    return list(_drafts(source, tmp_path))


def test_the_reporter_and_the_model_of_the_source_make_one_label(tmp_path: Path) -> None:
    text = "type,type_pred,proba,message,sender\nPenipuan,0,0.9,send credit to mum,+0\n"
    [draft] = read(tmp_path, "penipuan_reports", "a.csv", text)
    assert (draft.text, draft.label) == ("send credit to mum", "penipuan/0")
    assert "+0" not in draft.text


def test_marks_of_lost_letters_go_and_ruined_messages_are_left_out(tmp_path: Path) -> None:
    lines = [
        "2025,other,[sent abroad] your par?cel waits, is it you? open the link now,x",
        "2025,other,your ??? account ???? ????? ???? ???? is,x",
        "2025,other,[a long name in brackets] hi,x",
    ]
    text = "\ufeffDate,Keyword,SMS,Result\n" + "\n".join(
        ",".join([*line.split(",", 2)[:2], f'"{line.split(",", 2)[2].rsplit(",", 1)[0]}"', "x"])
        for line in lines
    )
    [draft] = read(tmp_path, "kisa_reports", "a.csv", text)
    assert draft.text == "[sent abroad] your parcel waits, is it you? open the link now"
    assert draft.label == "other"


def test_a_numbered_table_begins_where_no_other_source_has_it(tmp_path: Path) -> None:
    text = "index,content,class\n2999,too early to be taken,2\n3000.0,taken at last,2\n3001,ab,2\n"
    assert [d.text for d in read(tmp_path, "korean_message", "a.csv", text)] == ["taken at last"]


def test_letters_tell_ukrainian_from_russian(tmp_path: Path) -> None:
    text = "commenttext,spam\nїжак іде,false\nрыба это мы,false\nкот там,false\n"
    drafts = read(tmp_path, "ukrainian_comments", "a.csv", text)
    assert [(d.lang, d.label) for d in drafts] == [("uk", "false"), ("ru", "false")]


def test_videos_have_a_title_and_a_description(tmp_path: Path) -> None:
    text = 'A title,"A description, with a comma"\tTrue\t\nAlone\tFalse\n\n'
    drafts = read(tmp_path, "video_texts", "a.txt", text)
    assert [(d.text, d.label) for d in drafts] == [
        ("A title\nA description, with a comma", "True"), ("Alone", "False"),
    ]  # fmt: skip
    with pytest.raises(SourceError, match=r"invented/a\.txt:1: expected texts, a tab and True"):
        read(tmp_path, "video_texts", "a.txt", "no label\n")


def test_comments_come_from_every_list(tmp_path: Path) -> None:
    text = json.dumps(
        {
            "ones": [{"comment": "thank you coach", "scam": 1}],
            "zeros": [{"comment": "to the moon", "scam": 0}],
        }
    )
    drafts = read(tmp_path, "comment_lists", "a.json", text)
    assert [(d.text, d.label) for d in drafts] == [("thank you coach", "1"), ("to the moon", "0")]


def test_a_label_behind_the_empty_columns_is_no_part_of_the_text(tmp_path: Path) -> None:
    lines = [
        "SMS,a,b,c,d,e,Ham,thank you, sir.,,,,,,,ham",
        "SMS,a,b,c,d,e,Spam,win, now,,,",
        "SMS,a,b,c,d,e,Ham,no spam, please, just ham",
    ]
    drafts = read(tmp_path, "exais_table", "a.csv", "\n".join(lines) + "\n")
    assert [draft.text for draft in drafts] == [
        "thank you, sir.",
        "win, now",
        "no spam, please, just ham",
    ]
