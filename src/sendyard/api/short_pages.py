"""
What people see at a short address that does not simply lead on, in the language their browser asks for.
"""

from collections.abc import Mapping
from html import escape
from typing import NamedTuple
from urllib.parse import urlsplit


class Words(NamedTuple):
    """The sentences of one language."""

    ended: str
    ended_more: str
    unknown: str
    unknown_more: str
    leads_to: str
    go: str


PAGES: Mapping[str, Words] = {
    "en": Words(
        "This link has ended",
        "It was only meant for some time. Whoever sent it to you can tell you more.",
        "There is nothing here",
        "The address may be incomplete. Open it once more from the message, as a whole.",
        "This link leads to",
        "Continue",
    ),
    "ko": Words(
        "종료된 링크입니다",
        "사용 기간이 지났습니다. 메시지를 보낸 곳에 문의해 주세요.",
        "페이지가 없습니다",
        "주소가 완전하지 않을 수 있습니다. 메시지에서 링크 전체를 다시 열어 주세요.",
        "이 링크의 이동 주소",
        "계속",
    ),
    "zh-Hant": Words(
        "連結已結束",
        "這個連結已過期,請洽詢傳送訊息的單位。",
        "找不到頁面",
        "網址可能不完整,請從訊息中重新開啟完整的連結。",
        "這個連結將前往",
        "繼續",
    ),
    "hi": Words(
        "यह लिंक समाप्त हो चुका है",
        "यह केवल कुछ समय के लिए था। जिसने आपको भेजा है, वह और बता सकता है।",
        "यहाँ कुछ नहीं है",
        "पता अधूरा हो सकता है। संदेश से पूरा लिंक फिर से खोलें।",
        "यह लिंक यहाँ ले जाता है",
        "आगे बढ़ें",
    ),
}
_BY_BASE = {"en": "en", "ko": "ko", "zh": "zh-Hant", "hi": "hi"}
_MOST_WISHES = 20
_PAGE = """<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1.125rem/1.6 system-ui, sans-serif; max-width: 32rem; margin: 15vh auto; padding: 0 1.5rem }}
h1 {{ font-size: 1.5rem; line-height: 1.3 }}
p {{ overflow-wrap: anywhere }}
a {{ display: inline-block; min-height: 44px; padding: .5rem 1rem; box-sizing: border-box }}
</style>
<main>
<h1>{title}</h1>
{rest}
</main>
</html>
"""


def language_for(accepted: str) -> str:
    """Give the language of ours that an Accept-Language header asks for most; English where it asks for none."""
    best, weight = "en", 0.0
    for wish in accepted.split(",")[:_MOST_WISHES]:
        tag, _, parameter = wish.partition(";")
        language = _BY_BASE.get(tag.strip().lower().partition("-")[0])
        asked = _weight(parameter)
        if language and asked > weight:
            best, weight = language, asked
    return best


def ended_page(language: str) -> bytes:
    """Say that a link has ended."""
    words = PAGES[language]
    return _page(language, words.ended, f"<p>{escape(words.ended_more)}</p>")


def unknown_page(language: str) -> bytes:
    """Say that an address leads nowhere."""
    words = PAGES[language]
    return _page(language, words.unknown, f"<p>{escape(words.unknown_more)}</p>")


def preview_page(language: str, url: str) -> bytes:
    """Show where a link leads, and let people decide."""
    words = PAGES[language]
    host = escape(urlsplit(url).netloc)
    link = f'<p><a rel="noreferrer noopener nofollow" href="{escape(url)}">{escape(words.go)}</a></p>'
    return _page(language, words.leads_to, f"<p><strong>{host}</strong></p>\n<p>{escape(url)}</p>\n{link}")


def _page(language: str, title: str, rest: str) -> bytes:
    return _PAGE.format(language=language, title=escape(title), rest=rest).encode()


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
