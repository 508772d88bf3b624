"""
What a message with a code of our own says: a stored template, or a short text in the person's language.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sendyard.domain.content import Content, TemplateRef
from sendyard.domain.errors import AppError, FieldError, Invalid, NotFound
from sendyard.domain.template import compile_template
from sendyard.features.otp.wishes import CodeWish
from sendyard.features.templates import Templates
from sendyard.ledger.entries import NOTHING

CODE, MINUTES = "code", "minutes"
"""The variables that are filled in here."""

# Each fits one SMS of its country, and names no sender: the text must be true of whoever sends it.
TEXTS = {
    "en": "{code} is your verification code. It expires in {minutes} min. Do not share it with anyone.",
    "ko": "인증번호 {code} ({minutes}분 유효). 타인에게 알려주지 마세요.",
    "zh-Hant": "您的驗證碼是 {code}，{minutes} 分鐘內有效，請勿告訴他人。",
    "hi": "आपका सत्यापन कोड {code} है, {minutes} मिनट तक मान्य। किसी को न बताएं।",
}
_TEMPLATES = {language: compile_template(text) for language, text in TEXTS.items()}
_BY_COUNTRY = {"KR": "ko", "TW": "zh-Hant", "HK": "zh-Hant", "MO": "zh-Hant"}
_ALSO = {"zh": "zh-Hant", "zh-tw": "zh-Hant", "zh-hk": "zh-Hant", "zh-mo": "zh-Hant"}


class Wording(NamedTuple):
    """The text, with its registered forms where it has some."""

    text: str
    variants: Mapping[str, Content] = NOTHING
    registration: Mapping[str, str] = NOTHING


def language_of(wanted: str, country: str) -> str:
    """
    Choose a language of `TEXTS`: as wanted (a region is passed over), else by country, else English.

    Raises:
        Invalid: there is no text in the language wanted.
    """
    if not wanted:
        return _BY_COUNTRY.get(country, "en")
    tag = wanted.replace("_", "-").casefold()
    known = {name.casefold(): name for name in TEXTS} | _ALSO
    found = known.get(tag) or known.get("-".join(tag.split("-")[:2])) or known.get(tag.split("-")[0])
    if found is None or (found == "zh-Hant" and tag.startswith(("zh-hans", "zh-cn", "zh-sg"))):
        detail = f"Expected one of the languages {', '.join(TEXTS)}, found {wanted!r:.20}; or give a template."
        raise Invalid("unknown_language", detail, errors=[FieldError("/language", "unknown_language", detail)])
    return found


async def word(templates: Templates, workspace_id: str, wish: CodeWish, country: str, code: str) -> Wording:
    """
    Put the code into words.

    Raises:
        Invalid: the template does not exist, lacks `{code}` or a value; or the language is not known.
    """
    values = {**wish.variables, CODE: code, MINUTES: str(wish.expires_in // 60)}
    if not wish.template:
        return Wording(_TEMPLATES[language_of(wish.language, country)].render(values))
    try:
        rendered = await templates.render(workspace_id, wish.template, values)
    except NotFound as error:
        raise _placed(error, "/template") from None
    if code not in rendered.text or not all(_carries(form, code) for form in rendered.variants.values()):
        detail = f"The template {wish.template!r:.80} does not say the code; write {{{CODE}}} where it belongs."
        raise Invalid("code_missing", detail, errors=[FieldError("/template", "code_missing", detail)])
    return Wording(rendered.text, rendered.variants, rendered.registration)


def _carries(form: Content, code: str) -> bool:
    return not isinstance(form, TemplateRef) or any(code in value for value in form.variables.values())


def _placed(error: AppError, pointer: str) -> Invalid:
    return Invalid(error.code, error.detail, errors=[FieldError(pointer, error.code, error.detail)])
