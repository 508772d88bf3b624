"""
What a file is and what it may be called.
"""

from pathlib import Path

import pytest

from sendyard.domain.errors import Invalid
from sendyard.features.media.kinds import EXTENSIONS, judge
from sendyard.features.media.names import LONGEST_NAME, safe_name
from tests.features.media_shelf import MP4, OPUS, PDF, office, picture

OFFICE = "application/vnd.openxmlformats-officedocument."
TAKEN = [
    (picture(), "image/jpeg"),
    (picture("PNG"), "image/png"),
    (picture("WEBP"), "image/webp"),
    (picture("GIF"), "image/gif"),
    (MP4, "video/mp4"),
    (b"\x00\x00\x00\x18ftyp3gp5" + bytes(16), "video/3gpp"),
    (b"\x00\x00\x00\x18ftypM4A " + bytes(16), "audio/mp4"),
    (b"\xff\xf1\x50\x80" + bytes(16), "audio/aac"),
    (b"#!AMR\n" + bytes(16), "audio/amr"),
    (b"ID3\x04" + bytes(16), "audio/mpeg"),
    (b"\xff\xfb\x90\x00" + bytes(16), "audio/mpeg"),
    (OPUS, "audio/ogg"),
    (PDF, "application/pdf"),
    (office(), f"{OFFICE}wordprocessingml.document"),
    (office("xl/workbook.xml"), f"{OFFICE}spreadsheetml.sheet"),
    (office("ppt/presentation.xml"), f"{OFFICE}presentationml.presentation"),
    ("Menü\n1 < 2\t만두\n".encode(), "text/plain"),
    (b"\xef\xbb\xbfBEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ann\r\nEND:VCARD\r\n", "text/vcard"),
]
REFUSED = [
    (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG picture"),
    (b"<!DOCTYPE html><p>hello", "HTML"),
    (b"hello <ScRiPt>alert(1)</script>", "HTML"),
    (b"MZ\x90\x00", "a Windows program"),
    (b"\x7fELF\x02", "a Linux program"),
    (b"#!/bin/sh\nrm -rf", "a script"),
    (b"#!AMR-WB\n", "wideband"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x1f\x8b\x08", "a gzip archive"),
    (b"BM\x00\x00", "a BMP picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"\x00\x00\x00\x18ftypheic", "HEIC"),
    (b"\x00\x00\x00\x18ftypqt  ", "QuickTime"),
    (b"\x00\x00\x00\x18ftypwxyz", "a film of the kind"),
    (b"RIFF\x00\x00\x00\x00WAVE", "WAVE sound"),
    (b"RIFF\x00\x00\x00\x00AVI ", "an AVI film"),
    (b"OggS\x00\x02" + bytes(20) + b"\x01vorbis", "not Opus"),
    (b"PK\x03\x04 and no more", "a broken archive"),
    (office("something.xml"), "no DOCX"),
    (office("word/document.xml", "word/vbaProject.bin"), "macros"),
    (office("word/document.xml", "../../etc/passwd"), "unsafe names"),
    (b"caf\xe9 \xff", "nor text in UTF-8"),
    (b"one\x00two", "nor text"),
    ("한".encode()[:2], "in the middle of a character"),
]


@pytest.mark.parametrize(("data", "content_type"), TAKEN, ids=lambda value: value if isinstance(value, str) else "")
def test_a_file_is_what_its_content_says(tmp_path: Path, data: bytes, content_type: str) -> None:
    file = tmp_path / "invoice.exe"
    file.write_bytes(data)
    assert judge(file) == content_type
    assert content_type in EXTENSIONS


@pytest.mark.parametrize(("data", "found"), REFUSED, ids=[found for _, found in REFUSED])
def test_what_is_refused_says_what_was_found(tmp_path: Path, data: bytes, found: str) -> None:
    file = tmp_path / "summer.jpg"
    file.write_bytes(data)
    with pytest.raises(Invalid, match=f"Expected JPEG.*found .*{found}") as caught:
        judge(file)
    assert caught.value.code == "media_type_refused"


def test_a_document_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "bomb.docx"
    file.write_bytes(office())
    monkeypatch.setattr("sendyard.features.media.kinds._MOST_UNPACKED", 3)
    with pytest.raises(Invalid, match="unpacks to far more"):
        judge(file)


def test_nothing_is_no_file(tmp_path: Path) -> None:
    file = tmp_path / "empty.pdf"
    file.touch()
    with pytest.raises(Invalid) as caught:
        judge(file)
    assert caught.value.code == "media_empty"


@pytest.mark.parametrize(
    ("given", "content_type", "name"),
    [
        ("menu.pdf", "application/pdf", "menu.pdf"),
        ("Summer.JPEG", "image/jpeg", "Summer.jpeg"),
        ("../../etc/passwd", "text/plain", "passwd.txt"),
        ("C:\\Users\\ann\\menu.pdf", "application/pdf", "menu.pdf"),
        ("invoice\u202efdp.exe", "image/png", "invoicefdp.exe.png"),
        ("a\x00b\x1fc\u200b.png", "image/png", "ab c.png"),
        ("two\n lines.txt", "text/plain", "two lines.txt"),
        ('say "hi"<b>?.gif', "image/gif", "say _hi_b_.gif"),
        ("메뉴 2026.pdf", "application/pdf", "메뉴 2026.pdf"),
        ("", "audio/ogg", "file.ogg"),
        ("...", "video/mp4", "file.mp4"),
        (".htaccess", "text/plain", "htaccess.txt"),
    ],
)
def test_a_name_is_one_visible_path_component_with_the_true_ending(given: str, content_type: str, name: str) -> None:
    assert safe_name(given, content_type) == name


def test_a_name_has_an_end() -> None:
    made = safe_name("x" * 500 + ".pdf", "application/pdf")
    assert len(made) == LONGEST_NAME
    assert made.endswith("x.pdf")
