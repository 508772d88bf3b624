"""
Words people answer with to stop, to start again, or to ask for help, in English, Korean, Chinese and Hindi.

A keyword is the *whole* message: "STOP.", " stop " and "ＳＴＯＰ！" are one, "stop by tomorrow" is a reply. Before the
comparison a message is brought to NFKC, folded in case, freed of invisible characters, and trimmed of punctuation,
symbols and white space at both ends; white space inside becomes one space. Nothing inside is removed: "s.t.o.p" is
no keyword. Refusals in a sentence of their own ("please stop texting me") are no keywords either;
`is_probable_refusal` finds them, for suppression with a person's review (47 CFR 64.1200(a)(10): any reasonable means).

Sources: 47 CFR 64.1200(a)(10) and CTIA for English; for Korean, Chinese and Hindi no statutory list is known, and
the words are those in common use.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

LONGEST_KEYWORD = 40
"""A longer message is never a keyword; checked before anything else is done to it."""


class Intent(StrEnum):
    """What a keyword asks for."""

    OPT_OUT = "opt_out"  # suppress, confirm once
    OPT_IN = "opt_in"  # lift the suppression this person made
    HELP = "help"  # say who we are and how to stop


_WORDS: dict[Intent, dict[str, str]] = {
    Intent.OPT_OUT: {
        "en": "stop|stopall|stop all|unsubscribe|unsub|cancel|end|quit|revoke|optout|opt out|opt-out",
        "ko": "수신거부|수신 거부|무료수신거부|무료 수신거부|무료거부|거부|광고거부|광고 거부|"
        "광고수신거부|수신차단|수신 차단|수신해지|해지|구독취소|구독 취소|수신동의 철회",
        "zh-Hant": "退訂|退订|取消訂閱|取消订阅|停止|停止接收|拒收|拒絕接收|不要再傳|請勿再傳",
        "hi": "बंद करो|बंद करें|बंद कीजिए|बंद कर दो|बंद|बन्द|बन्द करो|बन्द करें|रोको|रोकें|स्टॉप|मत भेजो|मत भेजें|सदस्यता रद्द करें",
    },
    Intent.OPT_IN: {
        "en": "start|unstop|subscribe|opt in|opt-in|optin",
        "ko": "수신동의|수신 동의|수신허용|수신 허용|재수신|다시받기|다시 받기|구독",
        "zh-Hant": "訂閱|订阅|恢復訂閱|恢復接收|重新訂閱|同意接收",
        "hi": "शुरू करो|शुरू करें|शुरू|चालू करो|चालू करें|स्टार्ट|सदस्यता लें",
    },
    Intent.HELP: {
        "en": "help|info",
        "ko": "도움말|도움|문의|안내",
        "zh-Hant": "說明|说明|幫助|帮助|協助|客服",
        "hi": "मदद|सहायता|जानकारी|हेल्प",
    },
}
"""By intent and language, separated by bars; every language is understood from everybody."""

_IN_COUNTRY: dict[str, tuple[str, dict[Intent, str]]] = {"TW": ("zh-Hant", {Intent.OPT_OUT: "n|nt|td|t d"})}
"""Short answers that mean this in one country and anything in the next, with the language to answer in."""

_ASSENTS: dict[str, str] = {"en": "yes", "ko": "네|예|동의", "zh-Hant": "好|是", "hi": "हाँ|हां"}
"""Answers that mean "start again" only from a person who is opted out or was just asked."""

LANGUAGES = ("en", "ko", "zh-Hant", "hi")
"""Those with words of their own."""

_TRIMMED = frozenset("PSZC")
"""Unicode categories without meaning at the ends: punctuation, symbols (emoji), separators, control characters."""

_EMOJI_VARIATION = ("\ufe0e", "\ufe0f")


def normalise(text: str) -> str:
    """Bring a message to the form in which keywords are compared; see the module for what that does."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    visible = "".join(char for char in folded if unicodedata.category(char) != "Cf" and char not in _EMOJI_VARIATION)
    start, end = 0, len(visible)
    while start < end and unicodedata.category(visible[start])[0] in _TRIMMED:
        start += 1
    while end > start and unicodedata.category(visible[end - 1])[0] in _TRIMMED:
        end -= 1
    return " ".join(visible[start:end].split())


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a keyword asks for, and the language it is of."""

    intent: Intent
    language: str


@dataclass(frozen=True, slots=True)
class Keywords:
    """The words in force for a workspace; made by `keywords_with`, or `STANDARD` for the built-in ones."""

    everywhere: Mapping[str, Meaning]
    in_country: Mapping[str, Mapping[str, Meaning]]

    def intent(self, text: str, *, country: str = "", is_stopped: bool = False) -> Intent | None:
        """Say what a whole message asks for, as `meaning` does, without the language."""
        found = self.meaning(text, country=country, is_stopped=is_stopped)
        return found.intent if found else None

    def meaning(self, text: str, *, country: str = "", is_stopped: bool = False) -> Meaning | None:
        """
        Say what a whole message asks for; None for an ordinary reply.

        Args:
            text: the message as received.
            country: ISO 3166 code of the sender's number, for words of one country.
            is_stopped: the person is opted out, or was just asked to confirm an opt-in: then "yes" means start.
        """
        if len(text) > LONGEST_KEYWORD:
            return None
        word = normalise(text)
        found = self.everywhere.get(word) or self.in_country.get(country, {}).get(word)
        return found or (_ASSENTS_NORMAL.get(word) if is_stopped else None)

    def with_words(self, own: Mapping[str, Meaning]) -> "Keywords":
        """Give these words and `own` ones, by their form of `own_word`."""
        return Keywords({**self.everywhere, **own}, self.in_country)


def keywords_with(added: Mapping[Intent, Iterable[str]], language: str = "en") -> Keywords:
    """
    Give the built-in words and a workspace's own; an own word wins over a built-in one of another meaning.

    `language` is that of the own words; `Keywords.with_words` adds those of another.

    Built-in words of refusal cannot be given another meaning: the law names them.

    Raises:
        ValueError: an added word is empty after normalisation, too long, or a built-in word of refusal.
    """
    own = {own_word(written, intent): Meaning(intent, language) for intent, words in added.items() for written in words}
    return STANDARD.with_words(own)


def own_word(written: str, intent: Intent) -> str:
    """
    Bring a workspace's own word into the form in which it is compared.

    Raises:
        ValueError: as `keywords_with`.
    """
    word = normalise(written)
    if not word or len(written) > LONGEST_KEYWORD:
        raise ValueError(
            f"expected a word of 1 to {LONGEST_KEYWORD} characters, not only punctuation, found {written!r:.60}"
        )
    built_in = STANDARD.everywhere.get(word)
    if intent is not Intent.OPT_OUT and built_in and built_in.intent is Intent.OPT_OUT:
        raise ValueError(f"{written!r} means opt-out everywhere and cannot mean {intent.value}")
    return word


def words_of(intent: Intent, language: str) -> tuple[str, ...]:
    """Give the built-in words of a language of `LANGUAGES`, for screens and confirmations."""
    return tuple(_WORDS[intent][language].split("|"))


def assents_of(language: str) -> tuple[str, ...]:
    """Give the words of a language that say yes to a question, the usual one first."""
    return tuple(_ASSENTS[language].split("|"))


def _standard() -> Keywords:
    everywhere = {
        normalise(word): Meaning(intent, language)
        for intent, languages in _WORDS.items()
        for language, words in languages.items()
        for word in words.split("|")
    }
    in_country = {
        country: {
            normalise(word): Meaning(intent, language)
            for intent, words in meanings.items()
            for word in words.split("|")
        }
        for country, (language, meanings) in _IN_COUNTRY.items()
    }
    return Keywords(everywhere, in_country)


STANDARD = _standard()
"""The built-in words."""

_ASSENTS_NORMAL = {
    normalise(word): Meaning(Intent.OPT_IN, language) for language in LANGUAGES for word in assents_of(language)
}

_REFUSAL_FORMS = (
    r"\b(?:stop|quit)\s+(?:texting|messaging|sending|contacting|calling|bothering|spamming)\b",
    r"\b(?:remove|unsubscribe|delete)\s+me\b",
    r"\btake\s+me\s+off\b",
    r"\bopt\s+me\s+out\b",
    r"\b(?:don'?t|do\s+not|never)\s+(?:text|message|contact|call|send)\s+me\b",
    r"\bno\s+more\s+(?:texts?|messages?|sms)\b",
    r"\bi\s+(?:want|wish|would\s+like)\s+to\s+(?:unsubscribe|opt\s+out)\b",
    r"(?:문자|메시지|연락|광고).{0,8}(?:보내지\s*마|보내지\s*말|그만)",
    r"수신\s*거부(?:합니다|해\s*주세요|할게요|하겠습니다|요)",
    r"(?:請|请)?(?:不要|別|别|勿)再?(?:傳|寄|發|发|傳送)(?:簡訊|訊息|廣告|短信|給我|给我|了)",
    r"(?:我要|請|请|幫我|想)(?:退訂|退订|取消訂閱)",
    r"(?:मैसेज|संदेश|एसएमएस|मेसेज).{0,12}(?:मत\s*भेज|बंद\s*कर|न\s*भेज)",
)
_REFUSALS = re.compile("|".join(_REFUSAL_FORMS), re.IGNORECASE)


def is_probable_refusal(text: str) -> bool:
    """
    Say whether a sentence reads like a refusal, though it is no keyword.

    Meant for suppression at once with a flag for review: a person may overrule it. It looks for wishes about being
    written to, so "stop by tomorrow" and "cancel my order" are none.
    """
    plain = unicodedata.normalize("NFKC", text).replace("’", "'")
    return _REFUSALS.search(plain) is not None
