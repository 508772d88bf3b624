"""
Reading files of people: what a person sees before importing, what they get back, and how much memory it takes.
"""

import csv
import io
import itertools
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from sendyard.domain.errors import Invalid
from sendyard.domain.fields import FieldDefinition, FieldType
from sendyard.features.audience.reading import (
    Field,
    Outcome,
    Preview,
    Reading,
    Repeated,
    Several,
    Shape,
    inspect_file,
    map_columns,
    preview,
    read,
    refused_row,
    refused_rows,
)
from sendyard.features.audience.reading.delimited import LONGEST_LINE
from sendyard.features.audience.reading.encodings import detect_encoding
from sendyard.features.audience.reading.headers import custom_key, meaning_of
from sendyard.features.audience.reading.seen import Seen


def shaped(text: str | bytes, **settings: str | bool) -> tuple[io.BytesIO, Shape]:
    stream = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return stream, inspect_file(stream, **settings)  # type: ignore[arg-type]


def reading(text: str | bytes, country: str = "TW", **how: Several | Repeated | int) -> Reading:
    stream, shape = shaped(text)
    return read(stream, map_columns(shape), shape=shape, country=country, **how)  # type: ignore[arg-type]


def people(count: int) -> Iterator[str]:
    yield "phone,name,city\n"
    for number in range(count):
        yield f"09{10_000_000 + number},Lin {number},Taipei\n"


MESSY = "phone,name\n" + "".join(
    [f"09{10_000_000 + n},Ok {n}\n" for n in range(30)]
    + [f"{910_000_100 + n},Zero {n}\n" for n in range(8)]
    + ["8.8E+11,Exponent\n"] * 12
    + ["x,Letters\n", "0912345678;0923456789,Several\n", "0910000000,Again\n"]
)


def test_the_preview_shows_the_first_rows_and_one_of_every_kind_of_trouble() -> None:
    seen = preview(reading(MESSY), first=5, worst=12)
    assert [verdict.row for verdict in seen.first] == [2, 3, 4, 5, 6]
    assert seen.complete
    codes = [verdict.code or verdict.fixes[0].code for verdict in seen.worst]
    assert set(codes) == {"exponent", "letters", "several", "duplicate", "number_rewritten"}
    assert len(codes) == 12
    outcomes = [verdict.outcome for verdict in seen.worst[:8]]
    assert outcomes == [Outcome.REFUSED] * 8
    assert seen.tally.to_dict() == {
        "rows": 53,
        "people": 38,
        "ok": 30,
        "fixed": 8,
        "refused": 15,
        "blank": 0,
        "reasons": {"exponent": 12, "letters": 1, "several": 1, "duplicate": 1},
        "fixes": {"number_rewritten": 8},
    }


def test_a_preview_stops_where_it_was_told_to_and_a_dry_run_does_not() -> None:
    text = "".join(people(200))
    short = preview(reading(text), scanned=50)
    assert (short.complete, len(short.first)) == (False, 20)
    assert preview(reading(text), scanned=None).tally.rows == 200


def test_a_preview_is_a_document_of_plain_values() -> None:
    document = preview(reading(MESSY), first=1, worst=1).to_dict()
    assert document["first"][0]["phone"] == "+886910000000"
    assert document["worst"][0]["code"] == "exponent"
    assert document["worst"][0]["detail"]


def test_refused_rows_come_back_with_their_reason_and_can_be_imported_again() -> None:
    text = 'phone,name,note\n8.8E+11,"Lin, Mei",=1+1\n0912345678,Ok,x\n0912,Chen,a,b\n'
    stream, shape = shaped(text)
    found = list(read(stream, map_columns(shape), shape=shape, country="TW"))
    data = b"".join(refused_rows(shape.header, found))
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert rows[0] == ["phone", "name", "note", "Not imported because"]
    assert rows[1][:3] == ["8.8E+11", "Lin, Mei", "'=1+1"]
    assert rows[1][3].startswith("Row 2, exponent. phone: Expected a phone number")
    assert rows[2][0] == "0912"
    assert rows[2][3].startswith("Row 4, too_many_cells. Expected 3 cells, found 4.")
    assert rows[2][4] == "b"
    mended = data.replace(b"8.8E+11", b"0923456789")
    again_stream, again = shaped(mended)
    mapping = map_columns(again)
    assert mapping.columns[3].target == ""
    (good, *_) = read(again_stream, mapping, shape=again, country="TW")
    assert (good.phone, good.fields, good.custom) == ("+886923456789", {"name": "Lin, Mei"}, {"note": "=1+1"})


def test_the_file_of_refused_rows_is_made_piece_by_piece() -> None:
    pieces = list(refused_rows(["phone"], (verdict for verdict in reading("phone\n" + "x1\n" * 1200))))
    assert len(pieces) == 4
    assert b"".join(pieces).count(b", letters. ") == 1200


def test_one_refused_row_is_a_line() -> None:
    (verdict,) = reading("phone,name\nx,L\0in\n")
    assert refused_row(["phone", "name"], verdict).startswith(b'x,L\xef\xbf\xbdin,"Row 2, bad_character')


def test_progress_goes_from_nothing_to_everything() -> None:
    rows = reading("".join(people(20_000)))
    assert rows.progress == (0, 0)
    seen = [rows.progress for verdict in rows if verdict.row % 4000 == 0]
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert all(0 < done <= total for done, total in seen)
    done, total = rows.progress
    assert done == total
    assert rows.row == 20_001


def peak_of(count: int) -> int:
    class Endless(io.RawIOBase):
        """A file of so many people that is nowhere in memory."""

        def __init__(self) -> None:
            self.rest, self.lines = b"", people(count)

        def readable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return True

        def seek(self, place: int, whence: int = 0) -> int:
            if whence == 0 and place == 0:
                self.rest, self.lines = b"", people(count)
            return 30 * count if whence == 2 else place

        def read(self, size: int = -1) -> bytes:
            while len(self.rest) < size and (block := "".join(itertools.islice(self.lines, 500))):
                self.rest += block.encode()
            taken, self.rest = self.rest[:size], self.rest[size:]
            return taken

    stream = Endless()
    shape = inspect_file(stream)  # type: ignore[arg-type]
    rows = read(stream, map_columns(shape), shape=shape, country="TW", repeated=Repeated.PASS)  # type: ignore[arg-type]
    tracemalloc.start()
    total = sum(1 for _ in rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == count
    return peak


def test_memory_does_not_grow_with_the_file() -> None:
    few, many = peak_of(6_000), peak_of(24_000)
    assert many < few + 500_000
    assert many < 8_000_000


def test_people_seen_are_remembered_exactly_and_closely() -> None:
    numbers = [f"+8869{n:08}" for n in random.Random(7).sample(range(100_000_000), 50_000)]
    seen = Seen()
    assert [seen.first(number, row) for row, number in enumerate(numbers)] == list(range(50_000))
    assert [seen.first(number, 10**6) for number in numbers] == list(range(50_000))
    assert seen.first("Uabc", 7) == 7
    assert seen.first("Uabc", 8) == 7


def test_a_line_without_end_is_one_refused_row() -> None:
    verdicts = list(reading("phone,name\n0912345678," + "x" * (2 * LONGEST_LINE) + "\n0923456789,Chen\n"))
    assert [(v.row, v.code) for v in verdicts] == [(2, "too_long_row"), (3, "")]


def test_a_quoted_cell_of_a_hundred_thousand_characters_is_one_refused_row() -> None:
    text = 'phone,name\n0912345678,"' + "x" * 140_000 + '"\n0923456789,Chen\n'
    assert [(v.row, v.code) for v in reading(text)] == [(2, "too_long_row"), (3, "")]


def test_a_quote_that_is_never_closed_costs_one_row_of_a_long_file() -> None:
    text = 'phone,name\n0900000000,"Lin\n' + "".join(f"09{10_000_000 + n},A\n" for n in range(1000))
    verdicts = list(reading(text))
    assert [v.code for v in verdicts[:2]] == ["bad_quotes", ""]
    assert len(verdicts) == 1001


def test_a_file_can_be_let_go_of_before_its_end(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("".join(people(100)))
    shape = inspect_file(path, country="TW")
    rows = read(path, map_columns(shape), shape=shape, country="TW")
    assert next(rows).phone == "+886910000000"
    rows.close()
    assert list(rows) == []


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({"handset": "phone"}, "unknown_column"),
        ({"phone": "telephone"}, "unknown_field"),
        ({"phone": "custom:two words"}, "unknown_field"),
        ({"phone": "phone", "name": "phone"}, "field_twice"),
    ],
)
def test_a_mapping_by_hand_is_checked(overrides: dict[str, str], code: str) -> None:
    _, shape = shaped("phone,name\n0912345678,Lin\n")
    with pytest.raises(Invalid) as refused:
        map_columns(shape, overrides=overrides)
    assert refused.value.code == code


def test_a_mapping_says_why_and_can_be_sent_back() -> None:
    _, shape = shaped("Mobile,Tel,Name,Order Date,2nd,***\n0912345678,,Lin,,,\n")
    mapping = map_columns(shape)
    assert [(c["target"], c["because"]) for c in mapping.to_dict()] == [
        ("phone", "name"),
        ("custom:tel", "rest"),
        ("name", "name"),
        ("custom:order_date", "rest"),
        ("custom:_2nd", "rest"),
        ("custom:column_6", "rest"),
    ]
    again = map_columns(shape, overrides={c["column"]: c["target"] for c in mapping.to_dict()})
    assert [c.target for c in again.columns] == [c.target for c in mapping.columns]


def test_columns_of_the_same_key_get_keys_of_their_own() -> None:
    _, shape = shaped("phone,order date,order-date!,Order_Date?\n")
    assert len({column.target for column in map_columns(shape).columns}) == 4


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Mobile Number", Field.PHONE),
        ("휴대폰 번호", Field.PHONE),
        ("手機號碼", Field.PHONE),
        ("手机号码", Field.PHONE),
        ("मोबाइल नंबर", Field.PHONE),
        ("फ़ोन", Field.PHONE),
        ("Phone (required)", Field.PHONE),
        ("WhatsApp Number", Field.PHONE),
        ("E-mail Address", Field.EMAIL),
        ("이메일 주소", Field.EMAIL),
        ("電子郵件", Field.EMAIL),
        ("ईमेल", Field.EMAIL),
        ("성명", Field.NAME),
        ("客戶姓名", Field.NAME),
        ("नाम", Field.NAME),
        ("First Name", Field.FIRST_NAME),
        ("姓氏", Field.LAST_NAME),
        ("시간대", Field.TIME_ZONE),
        ("時區", Field.TIME_ZONE),
        ("Time Zone", Field.TIME_ZONE),
        ("언어", Field.LANGUAGE),
        ("भाषा", Field.LANGUAGE),
        ("LINE User ID", Field.LINE_USER_ID),
        ("whatsapp_id", Field.WHATSAPP_ID),
        ("마케팅 수신동의", Field.CONSENT),
        ("Consent Date", Field.CONSENT_AT),
        ("標籤", Field.TAGS),
        ("고객번호", Field.EXTERNAL_ID),
        ("來源", Field.SOURCE),
        ("Lead status", Field.LEAD_STATE),
        ("국가", Field.COUNTRY),
    ],
)
def test_column_names_are_understood_in_five_writings(name: str, field: Field) -> None:
    meaning = meaning_of(name)
    assert meaning is not None
    assert meaning[0] is field


def test_custom_keys_can_be_used_in_templates() -> None:
    keys = [custom_key(name) for name in ("Order Date", "주문 번호", "訂單編號（必填）", "जन्म तिथि", "2nd", "!!")]
    assert keys == ["order_date", "주문_번호", "訂單編號_必填", "जन्म_तिथि", "_2nd", ""]
    assert all(key.isidentifier() for key in keys if key)


@pytest.mark.parametrize(
    ("has_header", "header", "first_row"), [(True, ("0912345678", "Lin"), 2), (False, ("column 1", "column 2"), 1)]
)
def test_a_person_may_say_whether_there_is_a_header(
    *, has_header: bool, header: tuple[str, ...], first_row: int
) -> None:
    text = "0912345678,Lin\n0923456789,Chen\n"
    stream, shape = shaped(text, has_header=has_header)
    assert shape.header == header
    mapping = map_columns(shape, overrides={header[0]: "phone"})
    assert next(read(stream, mapping, shape=shape, country="TW")).row == first_row


def test_a_delimiter_line_above_a_table_without_header_is_no_row() -> None:
    assert [(v.row, v.phone) for v in reading("sep=;\n0912345678;Lin\n")] == [(2, "+886912345678")]


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"delimiter": "x"}, "bad_delimiter"),
        ({"encoding": "latin-9"}, "unknown_encoding"),
    ],
)
def test_what_a_person_chooses_is_checked(settings: dict[str, str], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        shaped("phone,name\n0912345678,Lin\n", **settings)
    assert refused.value.code == code


def test_a_strange_delimiter_line_is_refused() -> None:
    with pytest.raises(Invalid, match="comma, semicolon"):
        shaped("sep=#\nphone#name\n")


def test_a_chosen_delimiter_is_taken() -> None:
    assert shaped("phone;name|x\n", delimiter="|")[1].header == ("phone;name", "x")


def test_a_table_of_thousands_of_columns_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        shaped(",".join(f"c{n}" for n in range(501)) + "\n")
    assert refused.value.code == "too_many_columns"


@pytest.mark.parametrize(
    ("codec", "label", "names"),
    [
        ("cp949", "CP949", "김서준 이하은 박도윤 최지우 정시우 강서연 조예준 윤민서 장지호 임수아"),
        ("cp950", "Big5", "陳怡君 林志明 黃淑芬 張家豪 李雅婷 王建宏 吳美玲 劉俊傑 蔡佩珊 楊宗翰"),
        ("gb18030", "GB18030", "张伟 王芳 李娜 刘洋 陈静 杨磊 赵敏 黄强 周杰 吴艳"),
        ("utf-8", "UTF-8", "김서준 陳怡君 राम Renée"),
    ],
)
@pytest.mark.parametrize("count", [1, 2, 10])
def test_an_encoding_is_known_from_a_few_names_without_any_country(
    codec: str, label: str, names: str, count: int
) -> None:
    rows = "".join(f"+8869{n:08},{name}\n" for n, name in enumerate(names.split()[:count]))
    found = detect_encoding(io.BytesIO(f"phone,name\n{rows}".encode(codec)))
    assert found.label == label


def test_an_encoding_that_is_not_certain_says_what_else_it_may_be() -> None:
    stream, shape = shaped("phone,name\n0912345678,縈\n".encode("cp950"), country="TW")
    assert shape.encoding is not None
    assert (shape.encoding.label, shape.encoding.certain) == ("Big5", False)
    assert shape.encoding.others
    assert any(shape.encoding.label in remark for remark in shape.remarks)
    assert not stream.closed


@pytest.mark.parametrize(
    ("text", "codec", "country", "label"),
    [
        ("phone,name\n0912345678,澤\n", "cp950", "TW", "Big5"),
        ("phone,name\n0912345678,瑋\n", "cp950", "TW", "Big5"),
        ("phone,name\n01012345678,뷁\n", "cp949", "KR", "CP949"),
        ("phone,name\n13812345678,婧\n", "gb18030", "CN", "GB18030"),
        ("phone,name\n0912345678,Renée\n0912345679,André\n0912345670,Chloë\n", "cp1252", "TW", "Windows-1252"),
        ("phone,name\n+302101234567,Ελένη Παππά\n", "utf-8", "", "UTF-8"),
    ],
)
def test_the_country_decides_about_a_single_rare_character(text: str, codec: str, country: str, label: str) -> None:
    assert detect_encoding(io.BytesIO(text.encode(codec)), country).label == label


def test_bytes_of_no_encoding_are_refused() -> None:
    with pytest.raises(Invalid) as refused:
        shaped(b"phone,name\n0912345678,\xff\xff\xff\x81\x8d\xff\n")
    assert refused.value.code == "unknown_encoding"


def test_characters_that_come_late_decide_about_the_encoding() -> None:
    text = "".join(people(30_000)) + "0999999999,王小明,高雄\n"
    assert detect_encoding(io.BytesIO(text.encode("cp950"))).label == "Big5"


@pytest.mark.parametrize(
    ("header", "cell", "code"),
    [
        ("name", "x" * 201, "too_long"),
        ("tags", ",".join(f"t{n}" for n in range(51)), "too_many_tags"),
        ("tags", "x" * 101, "too_many_tags"),
        ("consent date", "soon", "bad_date"),
        ("whatsapp id", "886912345678", "bad_whatsapp_id"),
        ("email", "a..b@example.test", "bad_email"),
    ],
)
def test_standard_fields_are_checked(header: str, cell: str, code: str) -> None:
    (verdict,) = reading(f'phone,{header}\n0912345678,"{cell}"\n')
    assert (verdict.outcome, verdict.code, verdict.column) == (Outcome.REFUSED, code, header)


def test_a_consent_date_is_kept_as_a_day() -> None:
    (verdict,) = reading("phone,consent date\n0912345678,2026/1/5\n")
    assert verdict.fields == {"consent_at": "2026-01-05"}


def test_typed_values_that_were_read_otherwise_are_fixes() -> None:
    stream, shape = shaped("phone,points\n0912345678,(5)\n")
    mapping = map_columns(shape, fields=[FieldDefinition("points", FieldType.NUMBER)])
    (verdict,) = read(stream, mapping, shape=shape, country="TW")
    assert (verdict.custom, [fix.column for fix in verdict.fixes]) == ({"points": "-5"}, ["points"])


def test_spaces_in_an_address_are_mended() -> None:
    (verdict,) = reading("phone,email\n0912345678,lin @example.test\n")
    assert (verdict.fields["email"], verdict.outcome) == ("lin@example.test", Outcome.FIXED)


@pytest.mark.parametrize(
    ("cell", "phones"),
    [
        ("0912345678 0923456789", ["+886912345678", "+886923456789"]),
        ("+886912345678+886923456789", ["+886912345678", "+886923456789"]),
        ("0912345678 或 0923456789", ["+886912345678", "+886923456789"]),
        ("0912345678、0912345678", ["+886912345678"]),
    ],
)
def test_several_numbers_of_a_cell_are_told_apart(cell: str, phones: list[str]) -> None:
    found = list(reading(f"phone\n{cell}\n", several=Several.EACH))
    assert [verdict.phone for verdict in found] == phones
    assert [verdict.part for verdict in found] == list(range(len(phones)))


def test_the_rows_of_several_people_count_once() -> None:
    rows = reading("phone\n0912345678/0923456789\n0934567890\n", several=Several.EACH)
    assert len(list(rows)) == 3
    assert (rows.tally.rows, rows.tally.people) == (2, 3)


def test_going_on_without_looking_for_repetitions_reads_nothing_twice() -> None:
    rows = reading("".join(people(10)) + ",,\n", repeated=Repeated.PASS, after_row=8)
    assert [verdict.row for verdict in rows] == [9, 10, 11]
    assert (rows.tally.rows, rows.tally.blank) == (3, 1)


def test_an_empty_preview_is_complete() -> None:
    seen: Preview = preview(reading("phone,name\n"))
    assert (seen.first, seen.worst, seen.complete, seen.tally.rows) == ([], [], True, 0)
