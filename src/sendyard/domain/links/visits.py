"""
Whether somebody who asks for a short address is a person.

Messengers fetch an address to show a preview, mail and handset scanners to look for harm, browsers to be quick. None
of them is a click. A rule names its source; what no rule recognises counts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

TOO_SOON_MS = 2_000
"""A handset needs longer than this to show a message; scanners of carriers do not."""
AT_ONCE = 5
"""So many different recipients' addresses asked for from one place within a second are not read by people."""

# Fetchers of previews name themselves; each word is documented by whoever runs it, or stands in its published agent:
# WhatsApp, facebookexternalhit (Meta for Developers, "Web Crawlers"), kakaotalk-scrap (Kakao Developers, "Scrap"),
# Line / linebot previews ("facebookexternalhit ... line-poker"), TelegramBot, Twitterbot, Slackbot, Discordbot,
# SkypeUriPreview, Applebot, Googlebot and Google's other fetchers ("Google crawlers"), bingbot, Yeti (Naver), Daum,
# Baiduspider, YandexBot, LinkedInBot, Embedly, Snapchat's "Snap URL Preview Service", Microsoft's "BingPreview".
_PREVIEW = re.compile(
    r"whatsapp/|facebookexternalhit|facebookcatalog|meta-external|kakaotalk-scrap|line-poker|linespider|telegrambot|"
    r"twitterbot|slackbot|slack-imgproxy|discordbot|skypeuripreview|linkedinbot|embedly|snap url preview|bingpreview|"
    r"iframely|google-pagerenderer|googleother|google-inspectiontool|apple-pubsub|redditbot|pinterest",
    re.IGNORECASE,
)
_CRAWLER = re.compile(
    r"googlebot|google-read-aloud|bingbot|applebot|yeti/|daum|baiduspider|yandex|sogou|petalbot|semrush|ahrefs|mj12bot|"
    r"dotbot|\bbot\b|bot/|crawler|spider|scrap(er|y)|headless|phantomjs|lighthouse|pingdom|uptimerobot|statuscake",
    re.IGNORECASE,
)
_SCANNER = re.compile(
    r"barracuda|proofpoint|mimecast|safelinks|fortiguard|fortinet|trendmicro|zscaler|symantec|bluecoat|virustotal|"
    r"urlscan|paloalto|cloudmark|messagelabs|netcraft",
    re.IGNORECASE,
)
_PROGRAM = re.compile(
    r"^(curl|wget|python-|python/|aiohttp|httpx|okhttp|java/|apache-httpclient|go-http-client|axios|node|undici|"
    r"libwww-perl|ruby|php|postmanruntime|insomnia|dart/)",
    re.IGNORECASE,
)
_PREFETCH = ("purpose", "sec-purpose", "x-purpose", "x-moz")


@dataclass(frozen=True, slots=True)
class Visit:
    """
    One request for a short address.

    Attributes:
        method: of the request.
        headers: names in lower case.
        after_ms: milliseconds since the message was handed over; None when that is not known.
        neighbours: different recipients' addresses that were asked for from the same place within this second, this one
            included.
    """

    method: str
    headers: Mapping[str, str]
    after_ms: int | None = None
    neighbours: int = 1


def filtered(visit: Visit) -> str:
    """Say why a visit is no click: head, prefetch, preview, crawler, scanner, program, too_soon, at_once; else ""."""
    if visit.method != "GET":
        return "head"
    if any("prefetch" in visit.headers.get(name, "").lower() for name in _PREFETCH):
        return "prefetch"
    agent = visit.headers.get("user-agent", "")
    for reason, pattern in (("preview", _PREVIEW), ("scanner", _SCANNER), ("crawler", _CRAWLER), ("program", _PROGRAM)):
        if pattern.search(agent):
            return reason
    if not agent.strip():
        return "program"  # every browser names itself
    if visit.after_ms is not None and 0 <= visit.after_ms < TOO_SOON_MS:
        return "too_soon"
    return "at_once" if visit.neighbours >= AT_ONCE else ""


def family(agent: str) -> str:
    """Give what is kept of a user agent: the kind of device, nothing that could tell two people apart."""
    for word, name in _FAMILIES:
        if word in agent:
            return name
    return "other"


_FAMILIES = (
    ("KAKAOTALK", "kakaotalk"),
    (" Line/", "line app"),
    ("FBAN/", "facebook"),
    ("Instagram", "instagram"),
    ("iPhone", "iphone"),
    ("iPad", "ipad"),
    ("Android", "android"),
    ("Windows", "windows"),
    ("Macintosh", "mac"),
    ("Linux", "linux"),
)
