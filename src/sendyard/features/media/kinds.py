"""
What a file is, judged by its content; what it is called or said to be does not count.

Only kinds that some provider carries are taken. Whatever a browser could run (HTML, SVG, programs, macros) is not.
"""

import codecs
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from sendyard.domain.errors import FieldError, Invalid

EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "image/jpeg": ("jpg", "jpeg"),
    "image/png": ("png",),
    "image/webp": ("webp",),
    "image/gif": ("gif",),
    "video/mp4": ("mp4", "m4v"),
    "video/3gpp": ("3gp",),
    "audio/aac": ("aac",),
    "audio/amr": ("amr",),
    "audio/mpeg": ("mp3",),
    "audio/mp4": ("m4a",),
    "audio/ogg": ("ogg", "opus", "oga"),
    "application/pdf": ("pdf",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("docx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ("xlsx",),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ("pptx",),
    "text/plain": ("txt", "csv", "md"),
    "text/vcard": ("vcf",),
}
"""Every type that is taken, and the endings of its names; the first is the usual one."""

_TAKEN = "JPEG, PNG, WebP, GIF, MP4, 3GP, AAC, AMR, MP3, M4A, Ogg Opus, PDF, DOCX, XLSX, PPTX, plain text and vCard"

_HEAD = 4096  # bytes that tell what a file is
_OFFICE = {
    f"{folder}/{document}.xml": f"application/vnd.openxmlformats-officedocument.{kind}"
    for folder, document, kind in (
        ("word", "document", "wordprocessingml.document"),
        ("xl", "workbook", "spreadsheetml.sheet"),
        ("ppt", "presentation", "presentationml.presentation"),
    )
}
_MOST_ENTRIES = 10_000
_MOST_UNPACKED = 1024 * 1024 * 1024
_BRANDS: Mapping[bytes, str] = {  # major brands of ISO base media files
    b"isom": "video/mp4",
    b"iso2": "video/mp4",
    b"iso4": "video/mp4",
    b"iso5": "video/mp4",
    b"iso6": "video/mp4",
    b"mp41": "video/mp4",
    b"mp42": "video/mp4",
    b"avc1": "video/mp4",
    b"dash": "video/mp4",
    b"MSNV": "video/mp4",
    b"M4V ": "video/mp4",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
}
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"#!AMR\n", "audio/amr"),
    (b"ID3", "audio/mpeg"),
    (b"%PDF-", "application/pdf"),
)
_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\xcf\xfa\xed\xfe", "a macOS program"),
    (b"#!AMR-WB", "AMR wideband sound; convert it to AMR or AAC"),
    (b"#!", "a script"),
    (b"\xd0\xcf\x11\xe0", "an old Office document; save it as DOCX, XLSX or PPTX, or as PDF"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BM", "a BMP picture; convert it to JPEG or PNG"),
    (b"II*\x00", "a TIFF picture; convert it to JPEG or PNG"),
    (b"MM\x00*", "a TIFF picture; convert it to JPEG or PNG"),
)
_RUNS = re.compile(rb"<\s*(svg|html|script|body|head|iframe|!doctype\s+(html|svg))\b", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")


def judge(path: Path) -> str:
    """
    Give the media type of a file.

    Raises:
        Invalid: `media_empty`, or `media_type_refused` with what was found.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise _invalid("media_empty", "Expected a file, found nothing in it.")
    return _by_start(head) or _by_container(path, head) or _by_sound(head) or _by_text(path, head)


def _by_start(head: bytes) -> str:
    return next((content_type for start, content_type in _STARTS if head.startswith(start)), "")


def _by_container(path: Path, head: bytes) -> str:
    if head[4:8] == b"ftyp":
        return _of_brand(head[8:12])
    if head.startswith(b"RIFF"):
        return _of_riff(head[8:12])
    if head.startswith(b"OggS"):
        return _of_ogg(head)
    return _of_zip(path) if head.startswith(b"PK\x03\x04") else ""


def _of_brand(brand: bytes) -> str:
    if content_type := _BRANDS.get(brand):
        return content_type
    if brand.startswith((b"3gp", b"3g2")):
        return "video/3gpp"
    if brand in {b"heic", b"heix", b"mif1", b"msf1", b"avif"}:
        raise _refused("a HEIC or AVIF picture; convert it to JPEG")
    if brand == b"qt  ":
        raise _refused("a QuickTime film; convert it to MP4")
    raise _refused(f"a film of the kind {brand!r:.12}; convert it to MP4")


def _of_riff(form: bytes) -> str:
    if form == b"WEBP":
        return "image/webp"
    raise _refused("WAVE sound; convert it to MP3" if form == b"WAVE" else "an AVI film; convert it to MP4")


def _of_ogg(head: bytes) -> str:
    if b"OpusHead" in head[:128]:
        return "audio/ogg"
    raise _refused("an Ogg file that is not Opus; convert it")


def _by_sound(head: bytes) -> str:
    """Recognise sound that begins with a frame: eleven or twelve bits, then the layer."""
    if len(head) < 4 or head[0] != 0xFF:
        return ""
    if head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    return "audio/mpeg" if head[1] & 0xE6 == 0xE2 else ""


def _of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise _refused(f"a broken archive ({error})") from None
    names = {entry.filename for entry in entries}
    content_type = next((kind for part, kind in _OFFICE.items() if part in names), "")
    if not content_type or "[Content_Types].xml" not in names:
        raise _refused("an archive that is no DOCX, XLSX or PPTX; send what is in it")
    if any(name.lower().endswith(("vbaproject.bin", ".exe", ".dll", ".js", ".vbs")) for name in names):
        raise _refused("a document with macros; save it without them")
    if any(name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) for name in names):
        raise _refused("a document whose parts have unsafe names")
    if len(entries) > _MOST_ENTRIES or sum(entry.file_size for entry in entries) > _MOST_UNPACKED:
        raise _refused("a document that unpacks to far more than any real one")
    return content_type


def _by_text(path: Path, head: bytes) -> str:
    for start, what in _REFUSED:
        if head.startswith(start):
            raise _refused(what)
    if _RUNS.search(head):
        what = "an SVG picture" if b"<svg" in head.lower() else "HTML"
        raise _refused(f"{what}, which can carry programs; send it as PNG or PDF")
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while piece := file.read(1024 * 1024):
            try:
                text = decoder.decode(piece)
            except UnicodeDecodeError:
                raise _refused("neither one of these nor text in UTF-8") from None
            if _CONTROL.search(text):
                raise _refused("neither one of these nor text")
    if decoder.getstate()[0]:
        raise _refused("text that ends in the middle of a character")
    is_card = head.removeprefix(codecs.BOM_UTF8).lstrip()[:11].upper() == b"BEGIN:VCARD"
    return "text/vcard" if is_card else "text/plain"


def _refused(found: str) -> Invalid:
    return _invalid("media_type_refused", f"Expected {_TAKEN}; found {found}.")


def _invalid(code: str, detail: str) -> Invalid:
    return Invalid(code, detail, errors=[FieldError("", code, detail)])
