"""
Korea: Art. 50 of the Network Act on advertising, sender numbers, and the limits of its carriers.

The statutory window follows the Korean number, in Korean time, whatever the person's own zone says.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries import korea_layout as layout
from sendyard.domain.countries.courtesy import courtesy_rule
from sendyard.domain.countries.hours import clock, daily, first_open
from sendyard.domain.countries.korea_senders import SENDER_RULES
from sendyard.domain.countries.rules import PROMOTIONAL, TEXTS, Aspect, Finding, Level, Need, Pack, Rule, Source, Waiver
from sendyard.domain.countries.situation import Consent, ConsentKind, Situation
from sendyard.domain.korean import LMS_BYTES, KoreanClass, count_korean

ZONE = "Asia/Seoul"
_SEOUL = ZoneInfo(ZONE)
ADVERTISING_HOURS = daily("08:00-21:00")
KAKAO_HOURS = daily("08:00-20:00")

_KAKAO = frozenset({Channel.BRANDMESSAGE})
_OTHER_MEDIA = frozenset({Channel.WHATSAPP, Channel.LINE})

ACT = "Network Act (정보통신망법)"
_LAW = "https://www.law.go.kr/법령/정보통신망이용촉진및정보보호등에관한법률"
_LABELLING = Source(ACT, "Art. 50(4), Enforcement Decree annex 6", _LAW)
_CONSENT = Source(ACT, "Art. 50(1)", "https://m.ajunews.com/amp/20141128190739452", "2014-11-29")
_NIGHT = Source(ACT, "Art. 50(3)", "https://m.ajunews.com/amp/20141128190739452", "2014-11-29")
_RENEWAL = Source(ACT, "Art. 50(8), Enforcement Decree Art. 62-3", "https://etnews.com/20161129000254", "2016-11-29")
_KAKAO_GUIDE = Source("Kakao brand message guide", "", "https://api.ncloud-docs.com/docs/sens-brandmessage-send.md")
_SIZES = Source("Carrier limits of SMS, LMS and MMS", "", "https://developers.kakao.com/docs/in/kims/common")


def _look_wrong_label(situation: Situation) -> Iterator[Finding]:
    if span := layout.wrong_label(situation.text):
        yield Finding(
            f"Expected {layout.LABEL} in ASCII parentheses without spaces, found {situation.text[slice(*span)]!r}. "
            f"Write {layout.LABEL} as the first characters.",
            span=span,
        )


def _look_label(situation: Situation) -> Iterator[Finding]:
    if not layout.has_label(situation.text) and not layout.wrong_label(situation.text):
        yield Finding(
            f"Advertising must begin with {layout.LABEL}; found {situation.text[:12]!r} first. The label is put in "
            "front (6 bytes).",
            fixed=layout.with_label(situation.text),
        )


def _look_name(situation: Situation) -> Iterator[Finding]:
    text, name = situation.text, situation.sender.business.strip()
    if not layout.has_label(text):
        return  # the wrong label blocks; where the name belongs is known once that is right
    if not name:
        yield Finding(
            "Advertising must name the sender right after the label, and this workspace has no sender name. "
            "Enter the company or service name in the sender's settings.",
            level=Level.BLOCK,
        )
    elif layout.name_position(text, name) < 0:
        yield Finding(
            f"Expected the sender's name {name!r} right after {layout.LABEL}, found "
            f"{text[len(layout.LABEL) :][:12]!r}. The name is put there.",
            fixed=layout.with_name(text, name),
        )


def _look_opt_out(situation: Situation) -> Iterator[Finding]:
    text, number = situation.text, situation.sender.opt_out_number.strip()
    if layout.has_footer(text):
        return
    if not layout.FREE_NUMBER.fullmatch(number):
        yield Finding(
            f"Advertising must end in a free way to refuse, such as 무료수신거부 080-123-4567; found no 080 number "
            f"in the sender's settings ({number!r}). Enter the free number there, or write the line yourself.",
            level=Level.BLOCK,
        )
    else:
        yield Finding(
            "Advertising must end in 무료수신거부 and a free 080 number; found another ending. The line is written "
            f"at the end ({count_korean(layout.footer(number)).bytes + 1} bytes).",
            fixed=layout.with_footer(text, number),
        )


def _look_contact(situation: Situation) -> Iterator[Finding]:
    contact = situation.sender.contact.strip()
    if (
        contact
        and layout.has_label(situation.text)
        and not layout.same_number(contact, situation.sender.value)
        and not layout.holds_number(situation.text, contact)
    ):
        yield Finding(
            f"Advertising must give a contact when questions do not go to the sender number; {contact} is missing. "
            "It is written before the last line.",
            fixed=layout.with_contact(situation.text, contact),
        )


def _look_title(situation: Situation) -> Iterator[Finding]:
    if situation.title and not layout.has_label(situation.title):
        yield Finding(
            f"The title {situation.title!r:.40} has no {layout.LABEL}. The body carries it, as the law asks; put it "
            "in the title as well, as carriers recommend."
        )


def _look_size(situation: Situation) -> Iterator[Finding]:
    found = count_korean(situation.text, media=situation.has_media, title=situation.title)
    if found.unencodable:
        at = situation.text.index(found.unencodable[0])
        listed = " ".join(found.unencodable)
        yield Finding(
            f"Korean carriers have no bytes for {listed}. Replace or remove these characters.", span=(at, at + 1)
        )
    elif found.klass is None:
        yield Finding(
            f"With label and footer the text is {found.bytes:,} bytes; Korea carries at most {LMS_BYTES:,} and never "
            f"splits. Shorten it by {found.bytes - LMS_BYTES:,} bytes."
        )
    elif situation.purpose is Purpose.PROMOTIONAL and found.klass is KoreanClass.LMS and not situation.title:
        yield Finding(
            f"With label and footer the text is {found.bytes} bytes, so it goes and is billed as LMS. "
            f"Shorten it by {found.bytes - 90} bytes for SMS.",
            level=Level.WARN,
            kind="class_change",
        )


_AD_WORDS = re.compile(r"할인|쿠폰|이벤트|특가|세일|혜택|적립|사은품|무료체험|1\+1")


def _look_hidden_ad(situation: Situation) -> Iterator[Finding]:
    if found := _AD_WORDS.search(situation.text):
        yield Finding(
            f"{found[0]!r} reads like advertising, and one promotion makes the whole message an advertisement. "
            "Remove it, or send with purpose promotional.",
            span=found.span(),
        )


def _look_rcs(situation: Situation) -> Iterator[Finding]:
    if situation.text.lstrip().startswith(layout.LABEL):
        at = situation.text.index(layout.LABEL)
        yield Finding(
            f"RCS shows label and free number in its own header and footer; a typed {layout.LABEL} can be refused. "
            "Remove it from the body and set the sender's free number.",
            span=(at, at + len(layout.LABEL)),
        )


def _look_other_medium(situation: Situation) -> Iterator[Finding]:
    if not layout.has_label(situation.text):
        yield Finding(
            f"The law covers every electronic medium, but its layout for this one is not in our sources; the text "
            f"has no {layout.LABEL}. Let the approved template begin with {layout.LABEL} and the name, and offer a "
            "free way to refuse."
        )


def _look_alimtalk(_situation: Situation) -> Iterator[Finding]:
    yield Finding("AlimTalk carries information only, and this is promotional. Use a brand message or SMS.")


def _margin_window(situation: Situation) -> Iterator[Finding]:
    if situation.consent(ConsentKind.NIGHT):
        return
    margin = situation.options.korea_margin_minutes
    until = first_open(ADVERTISING_HOURS.shortened(margin), (ZONE,), situation.at)
    if until and until > situation.at:
        late = ADVERTISING_HOURS.is_open(situation.at, ZONE)
        reason = f"less than {margin} minutes before 21:00" if late else "outside 08:00–21:00"
        yield Finding(
            f"Advertising to Korean numbers from 21:00 to 08:00 Korean time needs a separate night consent, and "
            f"none is recorded; it is {clock(situation.at, ZONE)} there, {reason}. It waits until "
            f"{clock(until, ZONE)}.",
            until=until,
            kind="margin" if late else "night",
        )


def _look_kakao_hours(situation: Situation) -> Iterator[Finding]:
    until = first_open(KAKAO_HOURS, (ZONE,), situation.at)
    if until and until > situation.at:
        yield Finding(
            f"Kakao carries brand messages 08:00–20:00 Korean time, even with night consent; it is "
            f"{clock(situation.at, ZONE)} there. It waits until {clock(until, ZONE)}.",
            until=until,
        )


_RELATIONSHIP_MONTHS = 6


def _look_consent(situation: Situation) -> Iterator[Finding]:
    found = situation.consent(ConsentKind.MARKETING, ConsentKind.WRITTEN)
    if found is None:
        deal = situation.consent(ConsentKind.RELATIONSHIP)
        if deal is None or not situation.options.korea_relationship:
            yield Finding(
                "Advertising to Korea needs the person's explicit consent before, and none is recorded. Ask for it "
                "and record when and how it was given, or leave the person out."
            )
        elif not deal.evidence.strip() or months_later(deal.given_at, _RELATIONSHIP_MONTHS) <= situation.at:
            yield Finding(
                f"A customer's deal stands in for consent for {_RELATIONSHIP_MONTHS} months and with evidence; this "
                f"one ended {deal.given_at:%Y-%m-%d}, evidence {deal.evidence!r:.40}. Ask for consent."
            )
    elif not found.evidence.strip():
        yield Finding(
            "Consent is recorded without saying how it was given; a regulator asks for that. Add the evidence.",
            level=Level.WARN,
        )


def renewal_due(consent: Consent) -> datetime:
    """Say when the two-yearly reminder of a consent is due at the latest: two years after it or the last one."""
    return months_later(consent.confirmed_at or consent.given_at, 24)


@lru_cache(maxsize=4096)
def months_later(moment: datetime, months: int) -> datetime:
    """Add calendar months in Korean time; the 29th of February becomes the 28th, never a later day."""
    local = moment.astimezone(_SEOUL)
    years, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = local.day
    while True:
        try:
            return local.replace(year=years, month=month + 1, day=day).astimezone(UTC)
        except ValueError:
            day -= 1


_REMIND_BEFORE = timedelta(days=30)


def _look_renewal(situation: Situation) -> Iterator[Finding]:
    found = situation.consent(ConsentKind.MARKETING, ConsentKind.WRITTEN)
    if found is None:
        return
    due = renewal_due(found)
    if due - situation.at > _REMIND_BEFORE:
        return
    day = f"{due.astimezone(_SEOUL):%Y-%m-%d}"
    if due <= situation.at:
        yield Finding(
            f"Consent must be confirmed every two years, and this one was due on {day}. Send the confirmation notice "
            "(sender, date and fact of consent, how to keep or withdraw it) and record it; no answer keeps it."
        )
    else:
        yield Finding(f"The two-yearly confirmation of consent is due on {day}. Send it soon.", level=Level.WARN)


RULES = (
    Rule(
        id="kr.wrong_label",
        what="No spelling of the advertising label but (광고): not [광고], (광 고), (대출광고).",
        source=_LABELLING,
        level=Level.BLOCK,
        aspect=Aspect.CONTENT,
        satisfy="Write (광고) in ASCII parentheses as the first characters, or leave the label to Sendyard.",
        waiver=Waiver.NOBODY,
        look=_look_wrong_label,
        channels=TEXTS,
        purposes=PROMOTIONAL,
    ),
    Rule(
        id="kr.hidden_advertising",
        what="Information that contains a promotion is an advertisement as a whole.",
        source=Source(ACT, "Art. 50, KISA guide", "https://prosms.co.kr/landing/spam"),
        level=Level.WARN,
        aspect=Aspect.CONTENT,
        satisfy="Remove the promotion, or send with purpose promotional.",
        waiver=Waiver.MANAGER,
        look=_look_hidden_ad,
        purposes=frozenset({Purpose.TRANSACTIONAL}),
        uncertain=True,
    ),
    Rule(
        id="kr.title_label",
        what="The title of an LMS or MMS carries the label as well.",
        source=Source("Relay operators' notice", "", "https://megabird.com/manage/template/write"),
        level=Level.WARN,
        aspect=Aspect.CONTENT,
        satisfy="Begin the title with (광고).",
        waiver=Waiver.MANAGER,
        look=_look_title,
        channels=TEXTS,
        purposes=PROMOTIONAL,
        uncertain=True,
    ),
    Rule(
        id="kr.label",
        what="Advertising begins with (광고) in the body; nothing stands before it.",
        source=_LABELLING,
        level=Level.FIX,
        aspect=Aspect.CONTENT,
        satisfy="Nothing to do: the label is put in front and counted in the bytes.",
        waiver=Waiver.NOBODY,
        look=_look_label,
        channels=TEXTS,
        purposes=PROMOTIONAL,
    ),
    Rule(
        id="kr.sender_name",
        what="The sender's name follows the label directly.",
        source=_LABELLING,
        level=Level.FIX,
        aspect=Aspect.CONTENT,
        satisfy="Enter the company or service name in the sender's settings; it is put in place.",
        waiver=Waiver.NOBODY,
        look=_look_name,
        channels=TEXTS,
        purposes=PROMOTIONAL,
    ),
    Rule(
        id="kr.opt_out",
        what="Advertising ends in 무료수신거부 and a free 080 number, as text.",
        source=_LABELLING,
        level=Level.FIX,
        aspect=Aspect.CONTENT,
        satisfy="Enter the free 080 number in the sender's settings; the line is written at the end.",
        waiver=Waiver.NOBODY,
        look=_look_opt_out,
        channels=TEXTS,
        purposes=PROMOTIONAL,
    ),
    Rule(
        id="kr.contact",
        what="Advertising gives a contact when that is not the sender number.",
        source=Source(ACT, "Enforcement Decree annex 6", "https://phps.kr/customer_faq_view.html?no=35210"),
        level=Level.FIX,
        aspect=Aspect.CONTENT,
        satisfy="Enter the contact in the sender's settings; its line is written before the last.",
        waiver=Waiver.NOBODY,
        look=_look_contact,
        channels=TEXTS,
        purposes=PROMOTIONAL,
        uncertain=True,
    ),
    Rule(
        id="kr.size",
        what="At most 2,000 bytes of CP949 with label and footer, and only characters it has.",
        source=_SIZES,
        level=Level.BLOCK,
        aspect=Aspect.CONTENT,
        satisfy="Shorten the text, or replace the characters named.",
        waiver=Waiver.NOBODY,
        look=_look_size,
        channels=TEXTS,
    ),
    Rule(
        id="kr.rcs_header",
        what="RCS advertising uses the header and footer fields; the label is not typed.",
        source=Source("RCS message specification of the Korean carriers"),
        level=Level.WARN,
        aspect=Aspect.CONTENT,
        satisfy="Remove the label from the body.",
        waiver=Waiver.MANAGER,
        look=_look_rcs,
        channels=frozenset({Channel.RCS}),
        purposes=PROMOTIONAL,
        uncertain=True,
    ),
    Rule(
        id="kr.other_medium",
        what="Advertising on other media is labelled and can be refused free of charge as well.",
        source=_LABELLING,
        level=Level.WARN,
        aspect=Aspect.CONTENT,
        satisfy="Have label, name and a way to refuse in the approved text.",
        waiver=Waiver.MANAGER,
        look=_look_other_medium,
        channels=_OTHER_MEDIA,
        purposes=PROMOTIONAL,
        uncertain=True,
    ),
    Rule(
        id="kr.alimtalk",
        what="AlimTalk is for information only.",
        source=Source("Kakao AlimTalk guide"),
        level=Level.BLOCK,
        aspect=Aspect.CONTENT,
        satisfy="Use a brand message or SMS.",
        waiver=Waiver.NOBODY,
        look=_look_alimtalk,
        channels=frozenset({Channel.ALIMTALK}),
        purposes=PROMOTIONAL,
    ),
    *SENDER_RULES,
    Rule(
        id="kr.consent",
        what="Advertising needs explicit consent before, with a record of it.",
        source=_CONSENT,
        level=Level.BLOCK,
        aspect=Aspect.CONSENT,
        satisfy="Record when and how the person agreed.",
        waiver=Waiver.NOBODY,
        look=_look_consent,
        purposes=PROMOTIONAL,
        needs=frozenset({Need.CONSENTS}),
    ),
    Rule(
        id="kr.consent_renewal",
        what="Consent is confirmed with the person every two years.",
        source=_RENEWAL,
        level=Level.BLOCK,
        aspect=Aspect.CONSENT,
        satisfy="Send the confirmation notice and record it.",
        waiver=Waiver.OWNER,
        look=_look_renewal,
        purposes=PROMOTIONAL,
        needs=frozenset({Need.CONSENTS}),
    ),
    Rule(
        id="kr.night",
        what="No advertising from 21:00 to 08:00 Korean time without a separate night consent.",
        source=_NIGHT,
        level=Level.DEFER,
        aspect=Aspect.TIME,
        satisfy="Let it wait until 08:00, or record a night consent.",
        waiver=Waiver.NOBODY,
        look=_margin_window,
        purposes=PROMOTIONAL,
        needs=frozenset({Need.CONSENTS}),
    ),
    Rule(
        id="kr.kakao_hours",
        what="Brand messages go out 08:00–20:00 Korean time, even with night consent.",
        source=_KAKAO_GUIDE,
        level=Level.DEFER,
        aspect=Aspect.TIME,
        satisfy="Let it wait until 08:00.",
        waiver=Waiver.NOBODY,
        look=_look_kakao_hours,
        channels=_KAKAO,
        purposes=PROMOTIONAL,
        uncertain=True,
    ),
    courtesy_rule("kr", ZONE),
)

PACK = Pack("kr", "Korea", frozenset({"KR"}), RULES)
