"""
In which encoding a text file is written, judged from a quarter of a megabyte.

The legacy encodings of East Asia decode each other's bytes without error, into rare characters. So each is tried, and
the one whose characters people really use in names, addresses and headers wins; what remains close is said to be so.
General detectors were not taken: they know no contact lists, and take short ones of names for other languages.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from sendyard.features.audience.reading.headers import is_known_name
from sendyard.features.audience.reading.sources import refused

SAMPLE = 256 * 1024
_BLOCK = 1 << 20

_LABELS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with mark",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "cp949": "CP949",
    "euc_kr": "EUC-KR",
    "cp950": "Big5",
    "big5hkscs": "Big5-HKSCS",
    "gb18030": "GB18030",
    "cp1252": "Windows-1252",
}
CODECS = {label.casefold(): codec for codec, label in _LABELS.items()} | {codec: codec for codec in _LABELS}
"""What an encoding may be called when a person chooses it, in lower case → Python's name."""

# A file without anything to weigh is read as the country of its numbers writes.
_AT_HOME = {
    "KR": ("cp949",),
    "TW": ("cp950", "big5hkscs"),
    "HK": ("big5hkscs", "cp950"),
    "MO": ("big5hkscs", "cp950"),
    "CN": ("gb18030",),
    "SG": ("gb18030",),
}
_LEGACY = ("cp949", "cp950", "big5hkscs", "gb18030")

# The commonest of names, places, headers and remarks; each encoding's own writing only.
_KOREAN = "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허남심노하곽성차주우구민진나지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모민수영준서지현은아유하예도경동미숙희정순자호철용재승혜진우시군로길읍면리대한서울부산인천광주대전울산경기강원충북남전라제주고객번호이름전화휴대폰메모주소일월회사님의을를에가는동의예아니오등급신규배송"  # noqa: E501
_TRADITIONAL = "陳林黃張李王吳劉蔡楊許鄭謝郭洪曾邱廖賴周徐蘇葉莊呂江何蕭羅高潘簡朱鍾彭游詹胡施沈余趙盧梁顏柯孫魏翁戴范方宋鄧杜傅侯曹薛丁卓馬董溫唐藍蔣石古紀姚馮明志文小美玲雅淑怡家俊偉宏君婷惠華國芳芬英秀麗建成德信義仁愛和平中正大安山區市縣路街段巷弄號樓台臺北新桃園竹高雄南東西花蓮屏苗栗彰化投雲嘉基隆宜手機碼電話姓名地址備註客戶會員生日郵件的是不了有在我公司先士日年月元同意香港灣九龍界嘅啲咗"  # noqa: E501
_SIMPLIFIED = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文小明丽伟强芳军平建国华市区路街号楼室省县北京上海广州深圳东西南中大的是不了有在我公司先生女士手机号码电话姓名地址备注客户会员日期邮件年月同意"  # noqa: E501
_COMMON = {
    "cp949": frozenset(_KOREAN),
    "cp950": frozenset(_TRADITIONAL),
    "big5hkscs": frozenset(_TRADITIONAL),
    "gb18030": frozenset(_SIMPLIFIED),
}

# Per character: common, of the first level of its standard, of the second, not expected in such files at all.
_SCORES = (4.0, 1.0, -1.8, -4.0)
_HEADER_BONUS = 3.0
_HOME_BONUS = 0.4
_CLEAR_LEAD = 1.0
_ABROAD = 4.0
_FEW = 4
_BAD_BYTE = 0.02  # of the characters beyond ASCII
_WORDS = re.compile(r"[^,;\t|\r\n\"]+")
_WESTERN_LETTERS = frozenset("àâäáãåæçèéêëìíîïñòóôöõøùúûüýÿßœšžÀÂÄÁÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÖÕØÙÚÛÜÝŸŒŠŽ’‘“”–—…€£°·«»¿¡")


@dataclass(frozen=True, slots=True)
class Encoding:
    """
    The encoding that is taken: Python's codec, what people call it, and whether another was nearly as likely.

    `others` names those, likeliest first; a person should look at the preview and may choose one of them.
    """

    codec: str
    label: str
    certain: bool = True
    others: tuple[str, ...] = ()


def chosen_encoding(name: str) -> Encoding:
    """
    Take the encoding a person chose.

    Raises:
        Invalid: it is none of those we read.
    """
    codec = CODECS.get(name.strip().casefold())
    if codec is None:
        raise refused(
            "unknown_encoding", f"Expected one of {', '.join(_LABELS.values())}, found {name!r:.40}. Choose one."
        )
    return Encoding(codec, _LABELS[codec])


def detect_encoding(stream: BinaryIO, country: str = "") -> Encoding:
    """
    Judge the encoding of an open file, which is left at its beginning.

    The sample begins where the first byte beyond ASCII is, however late that comes.

    Args:
        stream: the file.
        country: ISO 3166 code of most of its people; decides between equals only.

    Raises:
        Invalid: it is empty, or no text in an encoding we know.
    """
    head = stream.read(SAMPLE)
    encoding = _by_mark(head) or _by_zeros(head)
    if encoding is None:
        sample = head if not head.isascii() else _first_beyond_ascii(stream)
        encoding = _by_content(sample, head, country)
    stream.seek(0)
    return encoding


def _by_mark(head: bytes) -> Encoding | None:
    if head.startswith(codecs.BOM_UTF8):
        return Encoding("utf-8-sig", _LABELS["utf-8-sig"])
    if head.startswith(codecs.BOM_UTF16_LE):
        return Encoding("utf-16", _LABELS["utf-16-le"])
    if head.startswith(codecs.BOM_UTF16_BE):
        return Encoding("utf-16", _LABELS["utf-16-be"])
    return None


def _by_zeros(head: bytes) -> Encoding | None:
    """UTF-16 without its mark shows in line ends, separators and digits: every second byte of them is zero."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if (even + odd) * 8 < len(head):
        return None
    codec = "utf-16-le" if odd > even else "utf-16-be"
    if min(even, odd) * 10 > max(even, odd):
        raise refused("not_a_table", "Expected text, found bytes that are none. Save the file as CSV UTF-8.")
    return Encoding(codec, _LABELS[codec], certain=False)


def _first_beyond_ascii(stream: BinaryIO) -> bytes:
    while block := stream.read(_BLOCK):
        if not block.isascii():
            start = next(place for place, byte in enumerate(block) if byte > 127)
            return block[start : start + SAMPLE]
    return b""


def _by_content(sample: bytes, head: bytes, country: str) -> Encoding:
    if not sample:
        return Encoding("utf-8", _LABELS["utf-8"])
    if _is_utf8(sample):
        return Encoding("utf-8", _LABELS["utf-8"])
    home = _AT_HOME.get(country, ())
    scored = sorted(((_score(sample, head, codec, home), -place, codec) for place, codec in enumerate(_LEGACY)))
    scored.reverse()
    best, _, codec = scored[0]
    whole = _decodes(sample, codec)
    # Where East Asian text is at home, a few letters with accents are more likely halves of characters.
    western = _western_score(sample) - (_ABROAD if home and whole else 0.0)
    if not whole and western <= 0:
        raise refused(
            "unknown_encoding",
            "Expected text in UTF-8, UTF-16, CP949, Big5 or GB18030, found other bytes. Save it as CSV UTF-8.",
        )
    if western > best:
        certain = best < western - _CLEAR_LEAD
        return Encoding("cp1252", _LABELS["cp1252"], certain, () if certain else (_LABELS[codec],))
    near = [name for score, _, name in scored[1:] if score > best - _CLEAR_LEAD and not _same_family(name, codec)]
    certain = not near and best > 0
    return Encoding(codec, _LABELS[codec], certain, tuple(_LABELS[name] for name in near))


def _decodes(sample: bytes, codec: str) -> bool:
    text = sample.decode(codec, "replace")
    return text.count("\ufffd") <= max(1, sum(char > "\x7f" for char in text) * _BAD_BYTE)


def _same_family(first: str, second: str) -> bool:
    return {first, second} == {"cp950", "big5hkscs"}


def _is_utf8(sample: bytes) -> bool:
    """Say whether these are UTF-8, with at most a few damaged characters, such as cut-off ones at the ends."""
    text = sample.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    beyond = sum(1 for char in text if char > "\x7f")
    whole = beyond - damaged
    if whole <= _FEW and not any(char < "\u0250" or char >= "\u0800" for char in text if "\x7f" < char != "\ufffd"):
        return False  # two bytes that happen to fit; nobody writes a word or two of Greek among ASCII
    return whole > 0 and damaged <= max(2 if whole > 8 else 0, whole * _BAD_BYTE)


def _score(sample: bytes, head: bytes, codec: str, home: tuple[str, ...]) -> float:
    """Average what each character beyond ASCII speaks for the encoding."""
    text = sample.decode(codec, "replace")
    points, count = 0.0, 0
    common = _COMMON[codec]
    for char, raw in _beyond_ascii(text, codec):
        count += 1
        points += _SCORES[0] if char in common else _SCORES[_level(codec, char, raw)]
    if not count:
        return _SCORES[3]
    score = points / count
    if any(is_known_name(word) for word in _WORDS.findall(_first_lines(head, codec)) if not word.isascii()):
        score += _HEADER_BONUS
    return score + (_HOME_BONUS * (2 - home.index(codec)) if codec in home else 0.0)


def _first_lines(head: bytes, codec: str) -> str:
    return "\n".join(head[: 1 << 14].decode(codec, "replace").splitlines()[:20])


def _beyond_ascii(text: str, codec: str) -> Iterator[tuple[str, bytes]]:
    for char in text[: SAMPLE // 4]:
        if char > "\x7f":
            yield char, char.encode(codec, "replace")


def _level(codec: str, char: str, raw: bytes) -> int:
    """Place a character in the standard: 1 everyday, 2 known but rare, 3 not to be expected."""
    if char == "\ufffd" or "\ue000" <= char <= "\uf8ff" or len(raw) != 2:
        return 3
    lead, trail = raw
    if codec == "cp949":
        if "가" <= char <= "힣":
            return 1 if trail >= 0xA1 and 0xB0 <= lead <= 0xC8 else 2
        return 2
    if codec == "gb18030":
        return 1 if trail >= 0xA1 and 0xB0 <= lead <= 0xD7 else 2 if lead >= 0xA1 and trail >= 0xA1 else 3
    return 1 if 0xA4 <= lead <= 0xC6 else 2 if lead <= 0xF9 and lead >= 0xA1 else 2 if codec == "big5hkscs" else 3


def _western_score(sample: bytes) -> float:
    """Score Western European letters between ASCII ones; East Asian text read so is a row of symbols."""
    text = sample.decode("cp1252", "replace")
    beyond = [char for char in text if char > "\x7f"]
    known = sum(char in _WESTERN_LETTERS for char in beyond)
    alone = len(re.findall(r"[\x00-\x7f][^\x00-\x7f](?![^\x00-\x7f])", text))
    share, apart = known / len(beyond), alone / len(beyond)
    return 4.0 * apart - 1.0 if share > 0.9 and apart > 0.5 else -1.0
