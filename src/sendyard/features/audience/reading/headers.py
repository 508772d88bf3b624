"""
What the names of columns mean, in English, Korean, Chinese of both scripts and Hindi.
"""

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache


class Field(StrEnum):
    """What a column can hold besides custom fields."""

    PHONE = "phone"
    WHATSAPP_ID = "whatsapp_id"  # business-scoped id, as Meta gave it
    LINE_USER_ID = "line_user_id"  # `U` and 32 hexadecimal digits, as LINE gave it
    EMAIL = "email"
    NAME = "name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    LANGUAGE = "language"
    TIME_ZONE = "time_zone"
    COUNTRY = "country"  # of the person; also reads the number of the same row
    TAGS = "tags"
    LISTS = "lists"
    EXTERNAL_ID = "external_id"  # the person's number in the customer's own system
    CONSENT = "consent"  # to advertising
    CONSENT_AT = "consent_at"
    CONSENT_SOURCE = "consent_source"  # where it was said; also of the kinds below that have no column for it
    WRITTEN_CONSENT = "written_consent"  # the kinds of `ConsentKind`
    WRITTEN_CONSENT_AT = "written_consent_at"
    WRITTEN_CONSENT_SOURCE = "written_consent_source"
    NIGHT_CONSENT = "night_consent"
    NIGHT_CONSENT_AT = "night_consent_at"
    NIGHT_CONSENT_SOURCE = "night_consent_source"
    REGISTERED_CONSENT = "registered_consent"
    REGISTERED_CONSENT_AT = "registered_consent_at"
    REGISTERED_CONSENT_SOURCE = "registered_consent_source"
    RELATIONSHIP_AT = "relationship_at"  # the day a customer's deal ended; no answer stands beside it
    RELATIONSHIP_SOURCE = "relationship_source"
    SOURCE = "source"
    LEAD_STATE = "lead_state"


# Several lines for one field: surest first. A file that has both "mobile" and "tel" means the mobile.
_NAMES: dict[Field, tuple[str, ...]] = {
    Field.PHONE: (
        """
        mobile mobilephone mobilenumber mobilephonenumber mobileno cell cellphone cellnumber cellphonenumber handphone
        휴대폰 휴대폰번호 휴대전화 휴대전화번호 핸드폰 핸드폰번호 휴대번호
        手機 手機號碼 手機號 手机 手机号码 手机号 行動電話 行動電話號碼 移动电话 門號
        मोबाइल मोबाइलनंबर मोबाइलनम्बर मोबाइलसंख्या मोबाइलफ़ोन
        """,
        """
        phone phonenumber phoneno msisdn e164 smsnumber smsphone 전화번호 수신번호 수신자번호 수신전화번호
        電話號碼 电话号码 फ़ोन फ़ोननंबर फोन फोननंबर दूरभाष
        """,
        """
        recipient recipientnumber recipientphone to tonumber sendto destination 수신자 받는사람 받는번호
        收件人 收訊人 收訊號碼 受話方 收件人电话 प्राप्तकर्ता
        """,
        "whatsapp whatsappnumber whatsappno whatsappphone 왓츠앱 왓츠앱번호 व्हाट्सएप व्हाट्सएपनंबर",
        """
        telephone telephonenumber tel telno contactnumber contactno contactphone 전화 연락처
        電話 电话 聯絡電話 联系电话 聯絡方式 联系方式 संपर्कनंबर
        """,
        "number contact 번호 號碼 号码 नंबर संपर्क",
    ),
    Field.WHATSAPP_ID: ("whatsappid whatsappuserid bsuid businessscopeduserid",),
    Field.LINE_USER_ID: ("lineuserid lineid lineuid line userid라인 라인아이디 라인id line帳號 line使用者id lineuser",),
    Field.EMAIL: (
        """
        email emailaddress mail mailaddress emailid 이메일 이메일주소 메일 메일주소 전자우편
        電子郵件 電子郵箱 電郵 信箱 電子信箱 邮箱 电子邮件 电子邮箱 邮件 郵件 ईमेल ईमेलपता ईमेलआईडी
        """,
    ),
    Field.NAME: (
        """
        name fullname customername contactname displayname recipientname clientname personname
        이름 성명 고객명 고객이름 회원명 성함 수신자명 姓名 名字 客戶姓名 客户姓名 客戶名稱 客户名称 會員姓名 会员姓名
        नाम पूरानाम ग्राहककानाम ग्राहकनाम
        """,
        "customer client member nickname 고객 회원 客戶 客户 會員 会员 暱稱 昵称 稱呼 称呼 ग्राहक",
    ),
    Field.FIRST_NAME: ("firstname givenname forename 이름만 पहलानाम प्रथमनाम",),
    Field.LAST_NAME: ("lastname surname familyname 성 姓 姓氏 उपनाम कुलनाम",),
    Field.LANGUAGE: ("language lang locale preferredlanguage 언어 사용언어 語言 语言 語系 भाषा",),
    Field.TIME_ZONE: ("timezone tz tzid 시간대 타임존 時區 时区 समयक्षेत्र",),
    Field.COUNTRY: ("country countrycode nation 국가 나라 국가코드 國家 国家 國別 国别 देश",),
    Field.TAGS: ("tags tag labels label groups group segment 태그 그룹 분류 標籤 标签 群組 分組 分组 टैग समूह",),
    Field.LISTS: ("lists list listname 명단 수신자명단 名單 名单 सूची",),
    Field.EXTERNAL_ID: (
        """
        externalid customerid customerno customernumber memberid memberno clientid contactid crmid userid
        고객번호 회원번호 고객id 회원id 客戶編號 客户编号 會員編號 会员编号 會員卡號 ग्राहकआईडी ग्राहकसंख्या
        """,
        "id",
    ),
    Field.CONSENT: (
        """
        consent optin optedin marketingconsent smsconsent subscribed permission marketingoptin acceptsmarketing
        acceptssmsmarketing agree agreed 동의 동의여부 수신동의 수신동의여부 마케팅동의 마케팅수신동의 광고수신동의
        同意 是否同意 行銷同意 同意接收 营销同意 訂閱 订阅 सहमति अनुमति
        """,
    ),
    Field.CONSENT_AT: (
        """
        consentat consentdate consenttime optinat optindate optedinat subscribedat 동의일 동의일자 동의일시 수신동의일
        수신동의일자 同意日期 同意時間 同意时间 सहमतितिथि सहमतिदिनांक
        marketingconsentat marketingconsentdate 마케팅동의일 마케팅동의일자 마케팅수신동의일 마케팅수신동의일자
        광고수신동의일 광고수신동의일자 行銷同意日期 行銷同意時間 营销同意日期 विपणनसहमतितिथि
        """,
    ),
    Field.CONSENT_SOURCE: (
        """
        consentsource consentevidence optinsource optinmethod marketingconsentsource 동의출처 동의경로 동의방법
        수신동의경로 마케팅동의경로 마케팅동의출처 同意來源 同意来源 同意管道 行銷同意來源 सहमतिस्रोत विपणनसहमतिस्रोत
        """,
    ),
    Field.WRITTEN_CONSENT: (
        """
        writtenconsent signedconsent expresswrittenconsent pewc 서면동의 서면동의여부 書面同意 书面同意 लिखितसहमति
        """,
    ),
    Field.WRITTEN_CONSENT_AT: (
        """
        writtenconsentat writtenconsentdate signedconsentdate 서면동의일 서면동의일자 書面同意日期 书面同意日期
        लिखितसहमतितिथि लिखितसहमतिदिनांक
        """,
    ),
    Field.WRITTEN_CONSENT_SOURCE: (
        "writtenconsentsource 서면동의출처 서면동의경로 書面同意來源 书面同意来源 लिखितसहमतिस्रोत",
    ),
    Field.NIGHT_CONSENT: (
        """
        nightconsent nighttimeconsent nightoptin nightmarketingconsent nightadconsent 야간동의 야간동의여부 야간수신동의
        야간수신동의여부 야간광고동의 야간광고수신동의 야간광고수신동의여부 야간마케팅동의 야간마케팅수신동의
        夜間同意 夜間廣告同意 夜間行銷同意 夜間接收同意 夜间同意 夜间营销同意 रात्रिसहमति रातकीसहमति
        """,
    ),
    Field.NIGHT_CONSENT_AT: (
        """
        nightconsentat nightconsentdate nighttimeconsentdate nightoptindate 야간동의일 야간동의일자 야간수신동의일
        야간수신동의일자 야간광고동의일 야간광고수신동의일 야간광고수신동의일자 야간마케팅동의일
        夜間同意日期 夜間同意時間 夜间同意日期 रात्रिसहमतितिथि रात्रिसहमतिदिनांक
        """,
    ),
    Field.NIGHT_CONSENT_SOURCE: (
        "nightconsentsource 야간동의출처 야간동의경로 야간수신동의경로 夜間同意來源 夜间同意来源 रात्रिसहमतिस्रोत",
    ),
    Field.REGISTERED_CONSENT: (
        "registeredconsent dltconsent dltregistered 등록동의 登記同意 登记同意 पंजीकृतसहमति डीएलटीसहमति dltसहमति",
    ),
    Field.REGISTERED_CONSENT_AT: (
        """
        registeredconsentat registeredconsentdate dltconsentat dltconsentdate 등록동의일 등록동의일자
        登記同意日期 登记同意日期 पंजीकृतसहमतितिथि डीएलटीसहमतितिथि dltसहमतितिथि
        """,
    ),
    Field.REGISTERED_CONSENT_SOURCE: (
        "registeredconsentsource dltconsentsource 등록동의출처 登記同意來源 登记同意来源 पंजीकृतसहमतिस्रोत",
    ),
    Field.RELATIONSHIP_AT: (
        """
        relationshipat relationshipended relationshipendedat dealended dealendedat 거래종료일
        거래종료일자 거래관계종료일 交易結束日 交易終止日 交易结束日 交易终止日 सौदासमाप्तितिथि
        """,
    ),
    Field.RELATIONSHIP_SOURCE: (
        "relationshipsource dealsource 거래관계출처 거래관계근거 交易關係來源 交易关系来源 सौदास्रोत",
    ),
    Field.SOURCE: ("source leadsource origin channelsource 출처 유입경로 가입경로 來源 来源 स्रोत",),
    Field.LEAD_STATE: (
        "leadstate leadstatus lifecyclestage stage 리드상태 고객상태 客戶狀態 客户状态 名單狀態 लीडस्थिति",
    ),
}
_JOINTS = re.compile(r"[\W_]+")
_REMARK = re.compile(r"[(\[（【<].*?[)\]）】>]|[*＊:：]")
LONGEST_NAME = 200


def simplified(name: str) -> str:
    """Reduce a name to what is compared: no case, width, spaces, punctuation or vowel signs of Hindi."""
    return _JOINTS.sub("", unicodedata.normalize("NFKC", name[:LONGEST_NAME]).casefold())


_MEANINGS = {
    simplified(name): (field, rank)
    for field, ranks in _NAMES.items()
    for rank, names in enumerate(ranks)
    for name in names.split()
}


@lru_cache(maxsize=4096)
def meaning_of(name: str) -> tuple[Field, int] | None:
    """
    Say which field a column's name means and how surely, 0 for surest; None for a name we do not know.

    A remark in brackets and marks of required columns are left out: `手機號碼（必填）*`.
    """
    return _MEANINGS.get(simplified(name)) or _MEANINGS.get(simplified(_REMARK.sub("", name)))


def is_known_name(name: str) -> bool:
    """Say whether a cell reads like the name of a column we know."""
    return meaning_of(name) is not None


def custom_key(name: str) -> str:
    """Make the key of a custom field from a column's name, as templates write it: `Order Date` → `order_date`."""
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name[:LONGEST_NAME])).strip().lower()
    kept = "".join(char if char.isalnum() or unicodedata.category(char) in {"Mn", "Mc"} else " " for char in plain)
    key = "_".join(kept.split())[:64]
    return key if key.isidentifier() or not key else f"_{key}"


def settled_names(cells: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """
    Give every column a name of its own and say what was changed for that.

    Columns without a name are called by their place, and names that come again get a number.
    """
    names: list[str] = []
    remarks: list[str] = []
    seen: set[str] = set()
    for place, cell in enumerate(cells, start=1):
        name = unicodedata.normalize("NFC", " ".join(cell.lstrip("\ufeff").split()))[:LONGEST_NAME]
        wanted = name or f"column {place}"
        settled, count = wanted, 1
        while simplified(settled) in seen or settled in names:
            count += 1
            settled = f"{wanted} ({count})"
        if name and settled != name:
            remarks.append(f"Column {place} is called {settled}, because {name} comes before it.")
        seen.add(simplified(settled) or settled)
        names.append(settled)
    return tuple(names), tuple(remarks)
