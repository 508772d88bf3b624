"""
Pictures made to fit: upright, without what the camera wrote into them, and as small as a provider wants them.

The same picture and limits give the same result. Runs in worker threads.
"""

import io
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from PIL import Image, ImageOps, UnidentifiedImageError

from sendyard.domain.errors import FieldError, Invalid
from sendyard.providers.spec import MediaLimits, MediaRule

MOST_PIXELS = 50_000_000
"""More than any telephone's camera makes; beyond it a small file may need all of the memory."""

# Asked for here, Pillow refuses before it unpacks anything.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}
_QUALITIES = (90, 82, 74, 66, 58)
_SMALLER = 0.75  # of each side, when no quality is enough
_SMALLEST = 32  # pixels; a picture beyond recognition is not sent
_PRIVATE = frozenset({"exif", "xmp", "photoshop", "comment", "XML:com.adobe.xmp", "Raw profile type exif"})


@dataclass(frozen=True, slots=True)
class Fitted:
    """A picture as a provider takes it, and what was done to it, in words."""

    data: bytes
    content_type: str
    width: int
    height: int
    changes: tuple[str, ...]


def measure(path: Path, content_type: str) -> tuple[int, int]:
    """
    Give width and height as a person sees the picture, after reading all of it.

    Raises:
        Invalid: it is broken, or larger than any camera makes.
    """
    with path.open("rb") as file:
        image = _opened(file, content_type)
        width, height = image.size
        # Orientations 5 to 8 lie on their side.
        return (height, width) if image.getexif().get(0x0112, 1) >= 5 else (width, height)


def fit(data: bytes, content_type: str, limits: MediaLimits) -> Fitted | None:
    """
    Make a picture fit; None when it does as it is.

    Raises:
        Invalid: no size of it would do.
    """
    image = _opened(io.BytesIO(data), content_type)
    rule = limits.rule_of(content_type)
    is_private = bool(_PRIVATE & image.info.keys() or getattr(image, "text", None))
    if (
        rule is not None
        and len(data) <= rule.max_bytes
        and _within(image.size, rule)
        and (not is_private or getattr(image, "is_animated", False))
    ):
        return None
    upright = ImageOps.exif_transpose(image)
    targets = [(one, taken) for one in _targets(upright, content_type, rule) if (taken := limits.rule_of(one))]
    found = _smallest_change(upright, targets, image.info.get("icc_profile"))
    if found is None:
        detail = f"The picture cannot be made small enough for the limit of {targets[-1][1].max_bytes:,} bytes."
        raise _invalid("media_too_large", detail)
    made, final_type, size = found
    changes = []
    if final_type != content_type:
        changes.append(f"made into {final_type} from {content_type}")
    if size != upright.size:
        width, height = upright.size
        changes.append(f"made smaller, from {width} x {height} to {size[0]} x {size[1]} pixels")
    if final_type == "image/jpeg" and upright.has_transparency_data:
        changes.append("what was transparent is white")
    if is_private:
        changes.append("what the camera or program wrote into it is gone")
    changes.append(f"{len(data):,} bytes became {len(made):,}")
    return Fitted(made, final_type, size[0], size[1], tuple(changes))


def _opened(file: IO[bytes], content_type: str) -> Image.Image:
    detail = f"Expected a picture of at most {MOST_PIXELS:,} pixels, found more; make it smaller."
    too_many = _invalid("media_too_many_pixels", detail)
    try:
        image = Image.open(file, formats=[_FORMATS[content_type]])
        if math.prod(image.size) <= MOST_PIXELS:
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise too_many from None
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError) as error:
        detail = f"Expected a whole picture, found a broken one ({error}); export it anew."
        raise _invalid("media_broken", detail) from None
    if math.prod(image.size) > MOST_PIXELS:
        raise too_many
    return image


def _targets(image: Image.Image, content_type: str, rule: MediaRule | None) -> Iterator[str]:
    """The types to try, the one nearest to the picture first; not every one is taken everywhere."""
    # A sticker has its size; a larger picture of that type was meant as a picture.
    if content_type != "image/webp" or (rule is not None and _within(image.size, rule)):
        yield content_type
    others = ("image/png", "image/jpeg") if image.has_transparency_data else ("image/jpeg", "image/png")
    yield from (one for one in others if one != content_type)


def _smallest_change(
    image: Image.Image, targets: list[tuple[str, MediaRule]], profile: bytes | None
) -> tuple[bytes, str, tuple[int, int]] | None:
    scale = 1.0
    while True:
        for content_type, rule in targets:
            size = _bounded(image.size, rule, scale)
            if min(size) < min(_SMALLEST, *image.size):
                return None
            shown = image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)
            for made in _encoded(shown, content_type, profile):
                if len(made) <= rule.max_bytes:
                    return made, content_type, size
        scale *= _SMALLER


def _encoded(image: Image.Image, content_type: str, profile: bytes | None) -> Iterator[bytes]:
    """The picture in its best quality first, then in lesser ones, where the type has any."""
    if content_type == "image/png":
        yield _saved(image, "PNG", icc_profile=profile)
        return
    if content_type == "image/jpeg":
        # The profile of another colour space would show the colours wrongly.
        kept = profile if image.mode == "RGB" else None
        image = _opaque(image)
        for quality in _QUALITIES:
            yield _saved(image, "JPEG", quality=quality, optimize=True, icc_profile=kept)
        return
    for quality in _QUALITIES:
        yield _saved(image, "WEBP", quality=quality, icc_profile=profile)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    into = io.BytesIO()
    clean = image.copy()
    clean.info = {name: image.info[name] for name in ("transparency",) if name in image.info}
    clean.save(into, kind, **{name: value for name, value in options.items() if value is not None})
    return into.getvalue()


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(ground, layer).convert("RGB")


def _within(size: tuple[int, int], rule: MediaRule) -> bool:
    return (not rule.max_width or size[0] <= rule.max_width) and (not rule.max_height or size[1] <= rule.max_height)


def _bounded(size: tuple[int, int], rule: MediaRule, scale: float) -> tuple[int, int]:
    width, height = size
    if rule.max_width:
        scale = min(scale, rule.max_width / width)
    if rule.max_height:
        scale = min(scale, rule.max_height / height)
    return max(1, int(width * scale)), max(1, int(height * scale))


def _invalid(code: str, detail: str) -> Invalid:
    return Invalid(code, detail, errors=[FieldError("", code, detail)])
