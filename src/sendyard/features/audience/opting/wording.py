"""
What is said to people about their own wishes, in four languages; a workspace may have texts of its own.

Law asks for little: who speaks, what was understood, and how to change one's mind. In Korea the result of a consent
or refusal is told with its day (Network Act, Art. 50(7)), and the two-yearly reminder names sender, day and fact of
the consent and how to keep or withdraw it (Enforcement Decree Art. 62-3). None of these texts may promote anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sendyard.domain.errors import AppError, FieldError, Invalid
from sendyard.domain.keywords import LANGUAGES, Intent, assents_of
from sendyard.domain.phone import country_of
from sendyard.domain.template import Template, compile_template

LONGEST_TEXT = 600  # characters


class Reply(StrEnum):
    """What a text is for."""

    OPT_OUT = "opt_out"  # you will get no more
    OPT_IN = "opt_in"  # you will get our messages
    HELP = "help"  # who we are, and how to stop
    ASK = "ask"  # answer with this word if you want them
    RENEWAL = "renewal"  # you agreed two years ago


VARIABLES: Mapping[Reply, tuple[str, ...]] = {
    Reply.OPT_OUT: ("business", "contact", "date"),
    Reply.OPT_IN: ("business", "contact", "date"),
    Reply.HELP: ("business", "contact", "date"),
    Reply.ASK: ("business", "contact", "date", "word"),
    Reply.RENEWAL: ("business", "contact", "date", "given", "kinds", "refuse"),
}
"""What a text of each kind may have in braces."""

REQUIRED: Mapping[Reply, tuple[str, ...]] = {
    Reply.OPT_OUT: (),
    Reply.OPT_IN: (),
    Reply.HELP: (),
    Reply.ASK: ("word",),
    Reply.RENEWAL: ("business", "given", "refuse"),
}
"""What it must have: a question needs its answer, and the law names what a reminder says."""

REPLY_TO: Mapping[Intent, Reply] = {
    Intent.OPT_OUT: Reply.OPT_OUT,
    Intent.OPT_IN: Reply.OPT_IN,
    Intent.HELP: Reply.HELP,
}

TEXTS: Mapping[Reply, Mapping[str, str]] = {
    Reply.OPT_OUT: {
        "en": "{business|}You have unsubscribed and will get no more messages. Reply START to get them again.",
        "ko": "{business|}{date} 수신거부 처리되었습니다. 다시 받으시려면 수신동의 라고 답장해 주세요.",
        "zh-Hant": "{business|}已於 {date} 為您退訂，不會再傳訊息給您。若要恢復，請回覆「訂閱」。",
        "hi": "{business|}आपका अनुरोध मिला। अब आपको संदेश नहीं भेजे जाएँगे। फिर पाने के लिए शुरू लिखकर भेजें।",
    },
    Reply.OPT_IN: {
        "en": "{business|}You have subscribed to our messages. Reply STOP to end them, HELP for help.",
        "ko": "{business|}{date} 수신동의 처리되었습니다. 거부하시려면 수신거부 라고 답장해 주세요.",
        "zh-Hant": "{business|}已於 {date} 為您訂閱訊息。若要停止，請回覆「退訂」。",
        "hi": "{business|}अब आपको हमारे संदेश मिलेंगे। रोकने के लिए बंद करो लिखकर भेजें।",
    },
    Reply.HELP: {
        "en": "{business|}{contact|}Reply STOP to get no more messages, START to get them again.",
        "ko": "{business|}{contact|}받지 않으시려면 수신거부, 다시 받으시려면 수신동의 라고 답장해 주세요.",
        "zh-Hant": "{business|}{contact|}若要停止訊息請回覆「退訂」，若要恢復請回覆「訂閱」。",
        "hi": "{business|}{contact|}संदेश रोकने के लिए बंद करो, फिर पाने के लिए शुरू लिखकर भेजें।",
    },
    Reply.ASK: {
        "en": "{business|}Reply {word} if you want to get our news and offers. If you do not, ignore this message.",
        "ko": "{business|}광고성 정보 수신에 동의하시면 {word} 라고 답장해 주세요. "
        "원하지 않으시면 답장하지 않으셔도 됩니다.",
        "zh-Hant": "{business|}若您同意收到我們的消息與優惠，請回覆「{word}」；若不同意，無須回覆。",
        "hi": "{business|}हमारे समाचार और ऑफ़र पाने के लिए {word} लिखकर भेजें। नहीं चाहते तो कुछ न करें।",
    },
    Reply.RENEWAL: {
        "en": "{business|}On {given} you agreed to receive our advertising ({kinds}). "
        "You need do nothing to keep this. To withdraw: {refuse}.",
        "ko": "{business|}광고성 정보 수신동의 확인 안내입니다. 고객님은 {given}에 {kinds}에 동의하셨습니다. "
        "동의를 유지하시려면 따로 하실 일이 없습니다. 철회 방법: {refuse}",
        "zh-Hant": "{business|}您於 {given} 同意接收本公司的廣告訊息（{kinds}）。"
        "若要繼續接收，無須回覆。若要取消：{refuse}。",
        "hi": "{business|}आपने {given} को हमारे विज्ञापन संदेश ({kinds}) पाने की सहमति दी थी। जारी रखने के लिए कुछ न करें। "
        "वापस लेने के लिए: {refuse}।",
    },
}
"""
The built-in texts. In them `{business}` and `{contact}` come with the punctuation of the language and vanish where a
workspace has told neither.
"""

_LEADING_NAME = {"en": "{}: ", "ko": "[{}] ", "zh-Hant": "【{}】", "hi": "{}: "}
_LEADING_CONTACT = {"en": "Questions: {}. ", "ko": "문의 {}. ", "zh-Hant": "如有疑問請洽 {}。", "hi": "प्रश्न: {}। "}
_FREE_CALL = {
    "en": "call {} (free)",
    "ko": "무료수신거부 {}",
    "zh-Hant": "撥打免費電話 {}",
    "hi": "{} पर निःशुल्क कॉल करें",
}
_STOP_WORD = {"en": "reply STOP", "ko": "수신거부 라고 답장", "zh-Hant": "回覆「退訂」", "hi": "बंद करो लिखकर भेजें"}
_ASK_US = {"en": "contact {}", "ko": "{} 문의", "zh-Hant": "請洽 {}", "hi": "{} से संपर्क करें"}
_KINDS = {
    "en": {"marketing": "advertising", "written": "advertising", "night": "at night as well"},
    "ko": {"marketing": "광고성 정보 수신", "written": "광고성 정보 수신", "night": "야간 광고성 정보 수신"},
    "zh-Hant": {"marketing": "廣告訊息", "written": "廣告訊息", "night": "夜間廣告訊息"},
    "hi": {"marketing": "विज्ञापन", "written": "विज्ञापन", "night": "रात में भी"},
}
_BY_COUNTRY = {"KR": "ko", "TW": "zh-Hant", "HK": "zh-Hant", "MO": "zh-Hant"}
_ZONES = {"ko": "Asia/Seoul", "zh-Hant": "Asia/Taipei", "hi": "Asia/Kolkata"}
_BUILT_IN: Mapping[Reply, Mapping[str, Template]] = {
    reply: {language: compile_template(text) for language, text in texts.items()} for reply, texts in TEXTS.items()
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a text is filled with: who speaks, and, for some texts, the answer wanted or the consent meant."""

    business: str = ""
    contact: str = ""
    opt_out_number: str = ""
    home_zone: str = "UTC"
    receives_replies: bool = True
    word: str = ""
    given_at: int = 0  # milliseconds
    kinds: tuple[str, ...] = field(default=())


def language_for(address: str) -> str:
    """Give the language in which a person is asked who has not written yet: by the country of the number."""
    return _BY_COUNTRY.get(country_of(address), "en") if address.startswith("+") else "en"


def usual_word(language: str) -> str:
    """Give the answer that is asked for in a language, as people write it."""
    return assents_of(language)[0].upper()


def say(reply: Reply, language: str, told: Told, now: int, own: str = "") -> str:
    """
    Put it into words.

    Args:
        reply: what for.
        language: one of `LANGUAGES`.
        told: what the text is filled with.
        now: milliseconds since 1970; its day is named in the language's own country.
        own: the workspace's text in place of the built-in one; where it needs something nobody told us, the built-in
            one is used after all.
    """
    values = _values(language, told, now)
    if own:
        try:
            return compile_template(own).render(values)
        except AppError:
            values = _values(language, told, now)
    if told.business:
        values["business"] = _LEADING_NAME[language].format(told.business)
    if told.contact:
        values["contact"] = _LEADING_CONTACT[language].format(told.contact)
    return _BUILT_IN[reply][language].render(values)


def way_to_refuse(language: str, told: Told) -> str:
    """Say how a person withdraws: by the free number, else a reply, else our contact; "" where there is no way."""
    if told.opt_out_number:
        return _FREE_CALL[language].format(told.opt_out_number)
    if told.receives_replies:
        return _STOP_WORD[language]
    return _ASK_US[language].format(told.contact) if told.contact else ""


def check_text(reply: Reply, text: str) -> None:
    """
    Check a workspace's own text.

    Raises:
        Invalid: it is empty or too long, cannot be read, or has or lacks a variable.
    """
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise wrong("/text", "bad_text", f"Expected 1 to {LONGEST_TEXT} characters, found {len(text)}.")
    used = compile_template(text).variables
    known = VARIABLES[reply]
    if strange := [name for name in used if name not in known]:
        detail = f"Expected only {', '.join('{' + name + '}' for name in known)}, found {{{strange[0]}}}."
        raise wrong("/text", "unknown_variable", detail)
    if missing := [name for name in REQUIRED[reply] if name not in used]:
        detail = f"A text of this kind has to say {{{missing[0]}}}, and this one does not; add it."
        raise wrong("/text", "variable_needed", detail)


def check_language(language: str) -> str:
    """Give the language as we write it. Raises Invalid for one without texts."""
    found = {name.casefold(): name for name in LANGUAGES}.get(language.strip().replace("_", "-").casefold())
    if found is None:
        detail = f"Expected one of {', '.join(LANGUAGES)}, found {language!r:.20}."
        raise wrong("/language", "unknown_language", detail)
    return found


def wrong(pointer: str, code: str, detail: str) -> Invalid:
    """One field that is not usable."""
    return Invalid(code, detail, errors=[FieldError(pointer, code, detail)])


def _values(language: str, told: Told, now: int) -> dict[str, str]:
    zone = ZoneInfo(_ZONES.get(language, told.home_zone))
    return {
        "business": told.business,
        "contact": told.contact,
        "date": _day(now, zone),
        "word": told.word,
        "given": _day(told.given_at, zone),
        "kinds": ", ".join(dict.fromkeys(_KINDS[language].get(kind, kind) for kind in told.kinds)),
        "refuse": way_to_refuse(language, told),
    }


def _day(milliseconds: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(zone):%Y-%m-%d}"
