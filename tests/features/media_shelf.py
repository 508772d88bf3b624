"""
Files for tests, made as they are needed, and a library over a yard.
"""

import io
import random
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from sendyard.features.media import Links, MediaLibrary
from sendyard.features.media.stores import FileStore, Store
from sendyard.storage.vault import Vault, generate_key
from tests.yard import PUBLIC_URL, Yard

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(64)
OPUS = b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead\x01\x01" + bytes(40)


def picture(kind: str = "JPEG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: Any) -> bytes:
    """A plain picture."""
    into = io.BytesIO()
    Image.new(mode, size, "teal").save(into, kind, **options)
    return into.getvalue()


def noise(kind: str = "JPEG", size: tuple[int, int] = (1600, 1200), mode: str = "RGB", **options: Any) -> bytes:
    """A picture that hardly gets smaller by packing; the same one each time."""
    chance = random.Random(7)
    image = Image.frombytes(mode, size, chance.randbytes(size[0] * size[1] * len(mode)))
    into = io.BytesIO()
    image.save(into, kind, **options)
    return into.getvalue()


def photographed(size: tuple[int, int] = (80, 40), orientation: int = 6) -> bytes:
    """A picture that lies on its side and tells where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Invented Cameras"
    return picture(size=size, exif=exif)


def office(part: str = "word/document.xml", *more: str) -> bytes:
    """A document as office programs write them, as far as anybody looks."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        for name in ("[Content_Types].xml", part, *more):
            archive.writestr(name, "<x/>")
    return into.getvalue()


@dataclass
class Shelf:
    """A library, and how tests put files on it."""

    library: MediaLibrary
    root: Path
    yard: Yard

    async def add(self, data: bytes, name: str = "given.bin") -> dict[str, Any]:
        self.root.mkdir(exist_ok=True)
        file = self.root / "arrived"
        file.write_bytes(data)
        return await self.library.add(self.yard.workspace_id, name, file)

    async def item(self, data: bytes, name: str = "given.bin") -> Any:
        """Put a file on the shelf and give it as a message carries it."""
        added = await self.add(data, name)
        items = await self.library.items(self.yard.workspace_id, [added["id"]], until=0)
        return items[added["id"]]

    def stored(self) -> list[Path]:
        """Everything that is in the store."""
        return sorted(file for file in self.root.glob("*/*/*") if file.is_file())


def shelf_at(root: Path, yard: Yard, public_url: str = PUBLIC_URL, **options: Any) -> Shelf:
    vault: Vault = options.pop("vault", None) or Vault([generate_key()])
    store: Store = options.pop("store", None) or FileStore(root)
    library = MediaLibrary(yard.database, store, yard.directory, Links(vault, public_url), spool=root, **options)
    return Shelf(library, root, yard)
