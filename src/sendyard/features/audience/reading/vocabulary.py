"""
Words that cells use for yes and no, languages, countries and time zones, and what they stand for.
"""

import re
import unicodedata
import zoneinfo
from functools import cache, lru_cache

import phonenumbers

_YES = (
    "yes y true 1 o ok on agree agreed accepted subscribed subscribe optin optedin granted v ✓ ✔ ○ "
    "동의 동의함 수신동의 동의합니다 예 네 수신 是 同意 有 好 已同意 訂閱 订阅 हाँ हां सहमत हा जीहाँ"
)
_NO = (
    "no n false 0 x off disagree declined unsubscribed unsubscribe optout optedout revoked stop ✗ × "
    "거부 미동의 수신거부 동의안함 아니오 아니요 비동의 否 不同意 無 无 沒有 没有 拒收 退訂 退订 नहीं असहमत ना"
)
_LANGUAGES = {
    "en": "english eng 영어 英文 英語 英语 अंग्रेज़ी अंग्रेजी",
    "ko": "korean kor kr 한국어 한글 국어 韓文 韓語 韩语 韩文 कोरियाई",
    "zh-Hant": "traditionalchinese chinesetraditional zhhant cht tc 번체 중국어번체 繁體中文 繁中 正體中文 國語 粵語",
    "zh-Hans": "simplifiedchinese chinesesimplified zhhans chs sc 간체 중국어간체 简体中文 简中 簡體中文",
    "hi": "hindi hin हिन्दी हिंदी 힌디어 印地語 印地语",
    "ja": "japanese jpn jp 일본어 日文 日語 日语 日本語",
    "ta": "tamil தமிழ்",
    "te": "telugu తెలుగు",
    "bn": "bengali bangla বাংলা",
    "mr": "marathi मराठी",
    "gu": "gujarati ગુજરાતી",
    "vi": "vietnamese tiếngviệt 越南文",
    "th": "thai ไทย 泰文",
    "id": "indonesian bahasaindonesia 印尼文",
    "es": "spanish español",
    "fr": "french français",
    "de": "german deutsch",
}
_COUNTRIES = {
    "KR": "korea southkorea republicofkorea kor 한국 대한민국 韓國 韩国 दक्षिणकोरिया",
    "TW": "taiwan twn roc 대만 台灣 臺灣 台湾 中華民國 ताइवान",
    "US": "usa unitedstates unitedstatesofamerica america 미국 美國 美国 अमेरिका",
    "IN": "india ind bharat 인도 印度 भारत",
    "HK": "hongkong hkg 홍콩 香港",
    "JP": "japan jpn 일본 日本",
    "CN": "china chn prc 중국 中國 中国 चीन",
    "SG": "singapore sgp 싱가포르 新加坡",
    "GB": "uk unitedkingdom greatbritain england 영국 英國 英国",
    "CA": "canada 캐나다 加拿大",
    "AU": "australia 호주 澳洲 澳大利亚",
    "MY": "malaysia 말레이시아 馬來西亞 马来西亚",
    "VN": "vietnam 베트남 越南",
    "TH": "thailand 태국 泰國 泰国",
    "PH": "philippines 필리핀 菲律賓 菲律宾",
    "ID": "indonesia 인도네시아 印尼",
}
# Abbreviations that mean one zone wherever they are written; IST and CST do not.
_ZONES = {
    "KST": "Asia/Seoul",
    "JST": "Asia/Tokyo",
    "HKT": "Asia/Hong_Kong",
    "SGT": "Asia/Singapore",
    "UTC": "Etc/UTC",
    "GMT": "Etc/UTC",
}
_ZONES_AT_HOME = {("IST", "IN"): "Asia/Kolkata", ("CST", "TW"): "Asia/Taipei", ("CST", "US"): "America/Chicago"}
_OFFSET = re.compile(r"(?:UTC|GMT)\s*([+-])\s*(\d{1,2})(?::?00)?", re.IGNORECASE | re.ASCII)
_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|\d{3}))?", re.ASCII)
_JOINTS = re.compile(r"[\s_.\-/()'’·]+")


def _plain(text: str) -> str:
    return _JOINTS.sub("", unicodedata.normalize("NFKC", text).casefold())


def _table(words: dict[str, str]) -> dict[str, str]:
    return {_plain(word): meaning for meaning, given in words.items() for word in given.split()}


_ANSWERS = {_plain(word): answer for answer, words in ((True, _YES), (False, _NO)) for word in words.split()}
_LANGUAGE_OF = _table(_LANGUAGES)
_COUNTRY_OF = _table(_COUNTRIES)
_TWO_LETTERS = frozenset(
    [
        "aa",
        "ab",
        "af",
        "am",
        "ar",
        "as",
        "az",
        "be",
        "bg",
        "bn",
        "bo",
        "bs",
        "ca",
        "cs",
        "cy",
        "da",
        "de",
        "dz",
        "el",
        "en",
        "eo",
        "es",
        "et",
        "eu",
        "fa",
        "fi",
        "fil",
        "fr",
        "ga",
        "gl",
        "gu",
        "he",
        "hi",
        "hr",
        "hu",
        "hy",
        "id",
        "is",
        "it",
        "ja",
        "jv",
        "ka",
        "kk",
        "km",
        "kn",
        "ko",
        "ku",
        "ky",
        "la",
        "lb",
        "lo",
        "lt",
        "lv",
        "mai",
        "mg",
        "mi",
        "mk",
        "ml",
        "mn",
        "mr",
        "ms",
        "mt",
        "my",
        "ne",
        "nl",
        "no",
        "nb",
        "nn",
        "or",
        "pa",
        "pl",
        "ps",
        "pt",
        "ro",
        "ru",
        "sa",
        "sd",
        "si",
        "sk",
        "sl",
        "so",
        "sq",
        "sr",
        "su",
        "sv",
        "sw",
        "ta",
        "te",
        "tg",
        "th",
        "tk",
        "tl",
        "tr",
        "tt",
        "uk",
        "ur",
        "uz",
        "vi",
        "xh",
        "yi",
        "yo",
        "yue",
        "zh",
        "zu",
    ]
)
_SCRIPTS = {"TW": "zh-Hant", "HK": "zh-Hant", "MO": "zh-Hant", "CN": "zh-Hans", "SG": "zh-Hans"}


@lru_cache(maxsize=1024)
def read_answer(text: str) -> bool | None:
    """Read yes or no; None for anything else."""
    return _ANSWERS.get(_plain(text))


@lru_cache(maxsize=1024)
def read_language(text: str) -> str:
    """Give the BCP 47 tag of a language given as tag or by name, or ""."""
    named = _LANGUAGE_OF.get(_plain(text))
    if named:
        return named
    found = _TAG.fullmatch(text.strip())
    if found is None or found[1].lower() not in _TWO_LETTERS:
        return ""
    language, script, region = found[1].lower(), (found[2] or "").title(), (found[3] or "").upper()
    if language == "zh" and not script and region in _SCRIPTS:
        return _SCRIPTS[region]
    return "-".join(part for part in (language, script, region) if part)


@lru_cache(maxsize=1024)
def read_country(text: str) -> str:
    """Give the ISO 3166 code of a country given as code or by name, or ""."""
    code = text.strip().upper()
    return code if code in phonenumbers.SUPPORTED_REGIONS and code != "001" else _COUNTRY_OF.get(_plain(text), "")


@cache
def _known_zones() -> dict[str, str]:
    return {name.casefold(): name for name in zoneinfo.available_timezones()}


@lru_cache(maxsize=1024)
def read_time_zone(text: str, country: str = "") -> str:
    """Give the IANA name of a time zone given so, by an abbreviation or by whole hours from UTC, or ""."""
    plain = unicodedata.normalize("NFKC", text).strip()
    short = plain.upper()
    if zone := _ZONES.get(short) or _ZONES_AT_HOME.get((short, country)):
        return zone
    if found := _OFFSET.fullmatch(plain):
        # The sign is turned round there: Etc/GMT-9 is nine hours ahead.
        name = f"etc/gmt{'-' if found[1] == '+' else '+'}{int(found[2])}"
        return _known_zones().get(name, "")
    return _known_zones().get(plain.replace(" ", "_").casefold(), "") if "/" in plain else ""
