"""
Pictures made to fit a provider.
"""

import io
from pathlib import Path

import pytest
from PIL import Image

from sendyard.domain.channels import Channel
from sendyard.domain.errors import Invalid
from sendyard.features.media import pictures
from sendyard.features.media.pictures import Fitted, fit, measure
from sendyard.providers.registry import SLUGS, adapter
from sendyard.providers.spec import PICTURES, WHATSAPP_FILES, MediaLimits, MediaRule, MediaWay
from tests.features.media_shelf import noise, photographed, picture

KOREAN = MediaLimits(MediaWay.UPLOAD, (MediaRule(frozenset({"image/jpeg"}), 307_200, 1500, 1440),))
WHATSAPP = MediaLimits(MediaWay.UPLOAD, WHATSAPP_FILES)
CARRYING = [(slug, channel) for slug in SLUGS for channel in adapter(slug).spec.media]


def opened(fitted: Fitted | None) -> Image.Image:
    assert fitted is not None
    image = Image.open(io.BytesIO(fitted.data))
    assert image.size == (fitted.width, fitted.height)
    return image


def test_a_picture_that_fits_stays_as_it_is() -> None:
    assert fit(picture(), "image/jpeg", KOREAN) is None
    assert fit(picture("PNG"), "image/png", WHATSAPP) is None


def test_a_large_picture_is_made_small_enough_and_says_how() -> None:
    data = noise(size=(1800, 1600), quality=95)
    assert len(data) > 307_200
    fitted = fit(data, "image/jpeg", KOREAN)
    image = opened(fitted)
    assert fitted is not None
    assert len(fitted.data) <= 307_200
    assert (image.format, image.width <= 1500, image.height <= 1440) == ("JPEG", True, True)
    assert abs(image.width / image.height - 1800 / 1600) < 0.01
    assert any("made smaller, from 1800 x 1600 to" in change for change in fitted.changes)
    assert fitted.changes[-1].startswith(f"{len(data):,} bytes became")


def test_the_same_picture_gives_the_same_bytes() -> None:
    data = noise(size=(900, 700), quality=95)
    assert fit(data, "image/jpeg", KOREAN) == fit(data, "image/jpeg", KOREAN)


def test_a_photo_is_turned_upright_and_tells_no_longer_where_it_was_taken() -> None:
    image = opened(fit(photographed(), "image/jpeg", KOREAN))
    assert image.size == (40, 80)
    assert dict(image.getexif()) == {}
    assert "exif" not in image.info


def test_text_inside_a_png_is_removed() -> None:
    into = io.BytesIO()
    image = Image.new("RGB", (9, 9))
    image.info["comment"] = "secret"
    from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415 - of this test only

    notes = PngInfo()
    notes.add_text("Author", "Somebody")
    image.save(into, "PNG", pnginfo=notes)
    made = fit(into.getvalue(), "image/png", WHATSAPP)
    assert made is not None
    assert b"Somebody" not in made.data
    assert made.content_type == "image/png"
    assert "what the camera or program wrote into it is gone" in made.changes


def test_what_was_transparent_is_white_where_only_jpeg_is_taken() -> None:
    into = io.BytesIO()
    Image.new("RGBA", (20, 20), (200, 0, 0, 0)).save(into, "PNG")
    made = fit(into.getvalue(), "image/png", KOREAN)
    assert opened(made).convert("RGB").getpixel((5, 5)) == (255, 255, 255)
    assert made is not None
    assert made.changes[:2] == ("made into image/jpeg from image/png", "what was transparent is white")


def test_a_png_too_large_to_stay_one_becomes_a_jpeg() -> None:
    data = noise("PNG", size=(1500, 1400))
    assert len(data) > 5 * 1024 * 1024
    made = fit(data, "image/png", WHATSAPP)
    assert opened(made).format == "JPEG"


def test_a_webp_of_a_sticker_s_size_stays_one_and_a_larger_one_becomes_a_picture() -> None:
    assert fit(picture("WEBP", (512, 512)), "image/webp", WHATSAPP) is None
    assert opened(fit(picture("WEBP", (900, 900)), "image/webp", WHATSAPP)).format == "JPEG"
    see_through = picture("WEBP", (900, 900), "RGBA")
    assert opened(fit(see_through, "image/webp", WHATSAPP)).format in {"JPEG", "PNG"}
    heavy = noise("WEBP", size=(500, 500), quality=100)
    assert len(heavy) > 100 * 1024
    assert len(getattr(fit(heavy, "image/webp", WHATSAPP), "data", b"")) <= 5 * 1024 * 1024


def test_a_picture_in_other_colours_is_made_into_ordinary_ones() -> None:
    assert opened(fit(noise(size=(700, 700), mode="CMYK", quality=100), "image/jpeg", KOREAN)).mode == "RGB"


def test_a_picture_that_no_size_would_save_is_refused() -> None:
    tiny = MediaLimits(MediaWay.LINK, (MediaRule(PICTURES, 100),))
    with pytest.raises(Invalid, match="cannot be made small enough for the limit of 100 bytes"):
        fit(noise(size=(300, 300)), "image/jpeg", tiny)


def test_width_and_height_are_those_a_person_sees(tmp_path: Path) -> None:
    file = tmp_path / "photo"
    file.write_bytes(photographed((80, 40)))
    assert measure(file, "image/jpeg") == (40, 80)
    file.write_bytes(photographed((80, 40), orientation=1))
    assert measure(file, "image/jpeg") == (80, 40)


def test_a_broken_picture_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "half"
    file.write_bytes(noise(size=(200, 200))[:2000])
    with pytest.raises(Invalid) as caught:
        measure(file, "image/jpeg")
    assert caught.value.code == "media_broken"


@pytest.mark.parametrize("most", [1000, 2000])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(pictures, "MOST_PIXELS", most)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # Pillow refuses one, our own look the other
    file = tmp_path / "bomb"
    file.write_bytes(picture("PNG", (60, 40)))
    with pytest.raises(Invalid) as caught:
        measure(file, "image/png")
    assert caught.value.code == "media_too_many_pixels"


@pytest.mark.parametrize(("slug", "channel"), CARRYING)
def test_a_photo_of_today_s_telephones_fits_every_provider_that_carries_files(slug: str, channel: Channel) -> None:
    limits = adapter(slug).spec.media[channel]
    made = fit(noise(size=(1200, 900), quality=98), "image/jpeg", limits)
    if made is not None:
        rule = limits.rule_of(made.content_type)
        assert rule is not None
        assert len(made.data) <= rule.max_bytes
