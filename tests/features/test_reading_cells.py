"""
Reading workbooks made by hand, and the words that cells use.
"""

import io
import zipfile
from pathlib import Path

import pytest

from sendyard.domain.errors import Invalid
from sendyard.features.audience.reading import RowVerdict, inspect_file, map_columns, read
from sendyard.features.audience.reading.shared_strings import SharedStrings
from sendyard.features.audience.reading.vocabulary import read_answer, read_country, read_language, read_time_zone


def test_texts_of_a_workbook_are_kept_as_bytes() -> None:
    strings = SharedStrings()
    for text in ("", "王小明", "Lin"):
        strings.append(text)
    assert ([strings[place] for place in range(3)], len(strings)) == (["", "王小明", "Lin"], 3)
    with pytest.raises(IndexError):
        strings[3]


def test_a_sheet_there_is_not_is_refused_with_those_there_are() -> None:
    path = Path(__file__).parent / "awkward_files" / "texts.xlsx"
    with pytest.raises(Invalid, match="客戶") as refused:
        inspect_file(path, sheet="Sheet9")
    assert refused.value.code == "unknown_sheet"


def test_a_workbook_that_unpacks_to_gigabytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendyard.features.audience.reading.workbook.MOST_BYTES", 100)
    with pytest.raises(Invalid) as refused:
        inspect_file(Path(__file__).parent / "awkward_files" / "texts.xlsx")
    assert refused.value.code == "too_large"


def test_a_workbook_of_too_much_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sendyard.features.audience.reading.shared_strings.MOST_BYTES", 10)
    with pytest.raises(Invalid) as refused:
        inspect_file(Path(__file__).parent / "awkward_files" / "texts.xlsx")
    assert refused.value.code == "too_large"


def sheet(xml: str, *, workbook: str = "", styles: str = "") -> io.BytesIO:
    """A workbook made by hand around the rows of one sheet."""
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        relation = f'<Relationship Id="r1" Type="{kinds}/officeDocument" Target="/xl/workbook.xml"/>'
        archive.writestr("_rels/.rels", f"<Relationships>{relation}</Relationships>")
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns:r="r">{workbook}<sheets><sheet name="A" r:id="r1"/></sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships><Relationship Id="r1" Type="{kinds}/worksheet" Target="worksheets/a.xml"/>'
            f'<Relationship Id="r2" Type="{kinds}/styles" Target="styles.xml"/></Relationships>',
        )
        archive.writestr("xl/worksheets/a.xml", f"<worksheet><sheetData>{xml}</sheetData></worksheet>")
        archive.writestr("xl/styles.xml", f"<styleSheet>{styles}</styleSheet>")
    return stream


HEAD = '<row><c t="inlineStr"><is><t>phone</t></is></c><c t="str"><v>born</v></c></row>'


def only(stream: io.BytesIO) -> RowVerdict:
    shape = inspect_file(stream)
    (verdict,) = read(stream, map_columns(shape), shape=shape, country="TW")
    return verdict


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('<c s="1"><v>0</v></c>', "0"),
        ('<c s="1"><v>32878</v></c>', "1994-01-06"),
        ('<c t="d"><v>2026-01-05</v></c>', "2026-01-05"),
        ("<c><v>abc</v></c>", "abc"),
        ("<c><v>inf</v></c>", "inf"),
        ('<c s="x"><v>0.5</v></c>', "0.5"),
        ('<c t="b"><v>0</v></c>', "FALSE"),
        ('<c t="inlineStr"><is><r><t>a</t></r><rPh><t>reading</t></rPh><r><t>b_x000A_c</t></r></is></c>', "ab\nc"),
    ],
)
def test_cells_without_places_and_with_rare_kinds_are_read(cell: str, text: str) -> None:
    styles = '<numFmts><numFmt numFmtId="5" formatCode="General"/></numFmts><cellXfs><xf/><xf numFmtId="14"/></cellXfs>'
    rows = f"{HEAD}<row><c><v>912345678</v></c>{cell}</row>"
    verdict = only(sheet(rows, workbook='<workbookPr date1904="1"/>', styles=styles))
    assert (verdict.row, verdict.phone, verdict.custom) == (2, "+886912345678", {"born": text})


def test_half_of_a_pair_in_a_workbook_is_a_damaged_character() -> None:
    rows = f'{HEAD}<row><c t="str"><v>0912345678</v></c><c t="str"><v>_xD83D_</v></c></row>'
    assert only(sheet(rows)).code == "bad_character"


def test_a_cell_written_twice_is_the_later_one() -> None:
    rows = f'{HEAD}<row r="2"><c r="A2"><v>1</v></c><c r="A2" t="str"><v>0912345678</v></c></row>'
    assert only(sheet(rows)).phone == "+886912345678"


@pytest.mark.parametrize("place", ["ZZZ1", "17"])
def test_a_cell_at_an_impossible_place_means_damage(place: str) -> None:
    with pytest.raises(Invalid) as refused:
        inspect_file(sheet(f'<row><c r="{place}"><v>1</v></c></row>'))
    assert refused.value.code == "damaged_workbook"


@pytest.mark.parametrize(
    ("target", "code"), [("xl/workbook.bin", "old_workbook"), ("word/document.xml", "not_a_table")]
)
def test_other_office_documents_are_refused(target: str, code: str) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        relation = f'<Relationship Id="r1" Type="x/officeDocument" Target="{target}"/>'
        archive.writestr("_rels/.rels", f"<Relationships>{relation}</Relationships>")
        archive.writestr(target, "<a/>")
    with pytest.raises(Invalid) as refused:
        inspect_file(stream)
    assert refused.value.code == code


def test_a_workbook_without_sheets_is_empty() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        relation = '<Relationship Id="r1" Type="x/officeDocument" Target="xl/workbook.xml"/>'
        archive.writestr("_rels/.rels", f"<Relationships>{relation}</Relationships>")
        archive.writestr("xl/workbook.xml", "<workbook><sheets/></workbook>")
    with pytest.raises(Invalid) as refused:
        inspect_file(stream)
    assert refused.value.code == "empty_file"


@pytest.mark.parametrize(
    ("text", "answer"), [("Yes", True), ("○", True), ("미동의", False), ("否", False), ("?", None)]
)
def test_answers_are_read_in_every_language(text: str, answer: bool | None) -> None:
    assert read_answer(text) is answer


@pytest.mark.parametrize(
    ("text", "tag"),
    [("KO", "ko"), ("zh_TW", "zh-Hant"), ("zh-CN", "zh-Hans"), ("en-us", "en-US"), ("zh-Hant-HK", "zh-Hant-HK"),
     ("한국어", "ko"), ("Traditional Chinese", "zh-Hant"), ("हिन्दी", "hi"), ("qq", ""), ("?", "")],
)  # fmt: skip
def test_languages_are_read_as_tags_and_by_name(text: str, tag: str) -> None:
    assert read_language(text) == tag


@pytest.mark.parametrize(
    ("text", "code"), [("tw", "TW"), ("대한민국", "KR"), ("भारत", "IN"), ("001", ""), ("Mars", "")]
)
def test_countries_are_read_as_codes_and_by_name(text: str, code: str) -> None:
    assert read_country(text) == code


@pytest.mark.parametrize(
    ("text", "country", "zone"),
    [("asia/seoul", "", "Asia/Seoul"), ("America/New York", "", "America/New_York"), ("KST", "", "Asia/Seoul"),
     ("IST", "IN", "Asia/Kolkata"), ("IST", "", ""), ("UTC+8", "", "Etc/GMT-8"), ("GMT-05:00", "", "Etc/GMT+5"),
     ("UTC+99", "", ""), ("Seoul", "", "")],
)  # fmt: skip
def test_time_zones_are_read_by_name_abbreviation_and_hours(text: str, country: str, zone: str) -> None:
    assert read_time_zone(text, country) == zone
