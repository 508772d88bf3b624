"""
Files of recipients: encodings, separators, headers and every kind of bad row.
"""

from typing import Any

import pytest

from sendyard.domain.errors import Invalid
from sendyard.domain.template import compile_template
from sendyard.features.campaigns.audience.columns import map_columns
from sendyard.features.campaigns.audience.rows import Judge, Recipient
from sendyard.features.campaigns.audience.spreadsheet import Spreadsheet, WorkbookSheet, open_spreadsheet

KOREAN = "전화번호,이름\n010-1234-5678,김민수\n"
TAIWANESE = "手機,姓名\n0912345678,王小明\n"


def rows_of(sheet: Spreadsheet | WorkbookSheet) -> list[tuple[int, list[str]]]:
    return [(number, list(row)) for number, row in sheet.rows()]


@pytest.mark.parametrize(
    ("text", "codec", "country", "encoding"),
    [
        (KOREAN, "utf-8", "", "utf-8"),
        (KOREAN, "utf-8-sig", "TW", "utf-8"),
        (KOREAN, "utf-16", "", "utf-16"),
        (KOREAN, "cp949", "KR", "cp949"),
        (KOREAN, "cp949", "", "cp949"),
        (KOREAN, "cp949", "TW", "cp949"),
        (TAIWANESE, "cp950", "TW", "big5"),
        (TAIWANESE, "cp950", "", "big5"),
        (TAIWANESE, "cp950", "KR", "big5"),
        (TAIWANESE, "cp950", "HK", "big5-hkscs"),
        ("phone,name\n+14155550123,Ren\u00e9e\n", "cp1252", "US", "cp1252"),
        ("phone,name\n+14155550123,Andr\u00e9\n", "cp1252", "", "cp1252"),
        ("phone,name\n0912345678,王小明\n", "cp950", "TW", "big5"),
        (KOREAN, "cp949", "US", "cp949"),
    ],
)
def test_the_encoding_is_found_by_mark_by_country_or_by_its_header(
    text: str, codec: str, country: str, encoding: str
) -> None:
    sheet = open_spreadsheet(text.encode(codec), country)
    header, row = text.split(maxsplit=1)[0].split(","), text.splitlines()[1].split(",")
    assert (sheet.encoding, list(sheet.header), rows_of(sheet)) == (encoding, header, [(2, row)])


def test_without_a_known_header_the_encoding_of_the_country_is_taken() -> None:
    assert open_spreadsheet("고객,메모\n김,서울\n".encode("cp949"), "KR").header == ("고객", "메모")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_comma_semicolon_and_tab_separate(separator: str) -> None:
    data = separator.join(["phone", "name"]) + "\n" + separator.join(["0912345678", "A"])
    sheet = open_spreadsheet(data.encode())
    assert (sheet.separator, rows_of(sheet)) == (separator, [(2, ["0912345678", "A"])])


def test_a_separator_within_another_column_name_does_not_mislead() -> None:
    sheet = open_spreadsheet(b'phone;"name, first, middle"\n0912345678;A\n')
    assert sheet.header == ("phone", "name, first, middle")


def test_the_line_that_names_the_separator_is_no_row() -> None:
    sheet = open_spreadsheet(b"sep=;\r\nphone;name\r\n0912345678;A\r\n")
    assert (sheet.header, rows_of(sheet)) == (("phone", "name"), [(2, ["0912345678", "A"])])


def test_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    sheet = open_spreadsheet(b'\n\nphone,note\n0912345678,"two\nlines"\n\n0912345679,x\n,\n0912345670,y\n,\n,\n')
    assert isinstance(sheet, Spreadsheet)
    assert sheet.header_row == 3
    assert [(number, row[0]) for number, row in rows_of(sheet)] == [
        (4, "0912345678"),
        (6, "0912345679"),
        (7, ""),
        (8, "0912345670"),
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf \r\n", "empty_file"),
        (b",,,\n,,,\n", "empty_file"),
        (b"PK\x03\x04rest", "damaged_workbook"),
        (b"\xd0\xcf\x11\xe0rest", "not_csv"),
        ("phone,name\n".encode("utf-16-le"), "not_csv"),
        (b"phone,name\n\x81\x8d\x8f\x90\x9d\xff\n", "unknown_encoding"),
        ("phone,name\n+14155550123,Ren\u00e9e\n".encode("cp1252"), "ambiguous_encoding"),
    ],
)
def test_a_file_that_is_no_csv_is_refused_with_advice(data: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        open_spreadsheet(data)
    assert (refused.value.code, refused.value.errors[0].pointer) == (code, "/csv")


@pytest.mark.parametrize(
    "rows", [b'0912345678,"never closed\n0912345679,B\n', b'0912345678,"a"b\n', b"0912345678," + b"x" * 140_000 + b"\n"]
)
def test_quotes_that_are_not_in_order_name_their_row(rows: bytes) -> None:
    sheet = open_spreadsheet(b"phone,name\n0912345670,A\n" + rows)
    with pytest.raises(Invalid, match=r"Row 3 of the file .*quotation marks"):
        rows_of(sheet)


@pytest.mark.parametrize(
    "name", ["Phone", "phone number", "PHONE_NO.", "전화번호", "휴대폰 번호", "手機", "recipient", "to", "Ｔｅｌ"]
)
def test_the_column_of_the_number_is_known_by_many_names(name: str) -> None:
    assert map_columns(["name", name], compile_template("Hi")).phone == 1


def test_the_surest_name_wins_and_then_the_first_column() -> None:
    assert map_columns(["tel", "mobile", "cell"], compile_template("Hi")).phone == 1


def test_the_column_of_the_number_can_be_named() -> None:
    columns = map_columns(["phone", "Second Line"], compile_template("Hi"), phone_column="second_line")
    assert (columns.phone, columns.phone_name) == (1, "Second Line")


def test_variables_find_their_columns_whatever_case_and_spaces() -> None:
    columns = map_columns(["phone", "Order Date", " NAME "], compile_template("{order_date} {name} {note|-}"))
    assert columns.variables == {"order_date": 1, "name": 2}
    assert columns.variable_names == {"order_date": "Order Date", "name": " NAME "}


def test_an_exact_name_beats_a_similar_one() -> None:
    assert map_columns(["phone", "Name", "name"], compile_template("{name}")).variables == {"name": 2}


@pytest.mark.parametrize(
    ("header", "body", "wanted", "code", "words"),
    [
        (["name", ""], "Hi", "", "no_phone_column", r"name, \(no name\)\. Name the column"),
        (["0912345678", "Kim"], "Hi", "", "no_phone_column", "put a header such as"),
        (["phone"], "{name} {amount}", "", "missing_column", r"\{name\}, \{amount\}, found the columns phone"),
        (["phone", "Name", "NAME"], "{name}", "", "ambiguous_column", "found 2"),
        (["phone"], "Hi", "handset", "missing_column", "'handset'"),
        ([f"c{n}" for n in range(40)], "Hi", "", "no_phone_column", "and 10 more"),
    ],
)
def test_missing_columns_are_named_with_those_there_are(
    header: list[str], body: str, wanted: str, code: str, words: str
) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        map_columns(header, compile_template(body), phone_column=wanted)
    assert refused.value.code == code


def judged(*rows: list[str], body: str = "Hi {name}", country: str = "TW") -> list[Recipient]:
    template = compile_template(body)
    judge = Judge(map_columns(["phone", "name", "note"], template), template, country)
    return [judge.judge(number, row) for number, row in enumerate(rows, start=2)]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (["", "Kim"], "blank"),
        (["no number", "Kim"], "letters"),
        (["0912", "Kim"], "too_short"),
        (["02-2345-6789", "Kim"], "not_mobile"),
        (["=A1+1", "Kim"], "formula"),
        (["8.86912E+11", "Kim"], "exponent"),
        (["0912345678", ""], "missing_value"),
        (["0912345678", " \u3000"], "missing_value"),
        (["0912345678"], "missing_value"),
        (["0912345678", "Kim", "1", "200"], "too_many_cells"),
        (["0912345678", "K\0im"], "bad_character"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason_and_keeps_what_was_given(row: list[str], code: str) -> None:
    (refused,) = judged(row)
    assert (refused.code, refused.given, refused.address) == (code, row[0], "")
    assert refused.detail.startswith(("Expected", "A cell"))


def test_a_good_row_keeps_the_values_of_the_template_only() -> None:
    (good,) = judged(["0912-345-678", " Kim ", "secret"])
    assert good == Recipient(2, "0912-345-678", "+886912345678", "TW", '{"name":"Kim"}', "", "", "")


@pytest.mark.parametrize("given", ["０９１２３４５６７８", "912345678"])
def test_a_repaired_number_says_what_was_repaired(given: str) -> None:
    (good,) = judged([given, "Kim"])
    assert (good.address, good.code) == ("+886912345678", "")
    assert good.fixed


def test_a_number_written_twice_is_kept_once_and_the_other_names_its_row() -> None:
    rows = judged(["0912345678", "Kim"], ["+886 912 345 678", "Lee"], ["0912345679", "Park"])
    assert [row.code for row in rows] == ["", "duplicate", ""]
    assert "row 2" in rows[1].detail


def test_a_row_refused_before_does_not_make_a_duplicate() -> None:
    assert [row.code for row in judged(["0912345678", ""], ["0912345678", "Lee"])] == ["missing_value", ""]


def test_what_cannot_be_stored_is_shown_as_a_mark() -> None:
    (refused,) = judged(["ab\0" + "x" * 300, "Kim"])
    assert refused.given == "ab\ufffd" + "x" * 197


def test_empty_cells_left_out_at_the_end_are_empty() -> None:
    (good,) = judged(["0912345678", "Kim"], body="{name} {note|none}")
    assert good.variables == '{"name":"Kim","note":""}'


def counts(judge: Judge) -> dict[str, Any]:
    return {"good": judge.good, "fixed": judge.fixed, **judge.refused}


def test_the_judge_counts_what_it_decided() -> None:
    template = compile_template("Hi")
    judge = Judge(map_columns(["phone"], template), template, "TW")
    for number, given in enumerate(["0912345678", "912345679", "", "x", "0912345678"], start=2):
        judge.judge(number, [given])
    assert counts(judge) == {"good": 2, "fixed": 1, "blank": 1, "letters": 1, "duplicate": 1}
