"""
What the columns of a file are: which holds the number, which the value of each variable.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.template import Template

# Surest first: a file that has both "mobile" and "tel" means the mobile.
_PHONE_NAMES = (
    """
    mobile mobilephone mobilenumber mobilephonenumber mobileno cell cellphone cellnumber cellphonenumber handphone
    휴대폰 휴대폰번호 휴대전화 휴대전화번호 핸드폰 핸드폰번호
    手機 手機號碼 手機號 手机 手机号码 手机号 行動電話 行動電話號碼 門號 मोबाइल मोबाइलनंबर
    """,
    "phone phonenumber phoneno msisdn e164 전화번호 수신번호 수신자번호 수신전화번호 電話號碼 电话号码 फ़ोन फ़ोननंबर",
    """
    recipient recipientnumber recipientphone to tonumber sendto destination 수신자 받는사람 받는번호
    收件人 收訊人 收訊號碼 受話方
    """,
    "telephone telephonenumber tel telno contactnumber contactno contactphone 전화 연락처 電話 电话 聯絡電話 联系电话",
    "number contact address 번호 號碼",
    "lineuserid lineid whatsappid waid userid",
)
_JOINTS = re.compile(r"[\W_]+")
_MOST_NAMED = 30  # columns listed in a message


@dataclass(frozen=True, slots=True)
class Columns:
    """Positions of what a campaign needs; `count` is how many columns the header has."""

    phone: int
    variables: Mapping[str, int]
    count: int
    phone_name: str
    variable_names: Mapping[str, str]  # variable → the column it is taken from


NO_COLUMNS = Columns(0, {}, 0, "", {})
"""Of a campaign without a file."""


def _key(name: str) -> str:
    return _JOINTS.sub("", unicodedata.normalize("NFKC", name).casefold())


_RANKS = {_key(name): rank for rank, names in enumerate(_PHONE_NAMES) for name in names.split()}


def phone_rank(name: str) -> int | None:
    """How surely a column of this name holds the number, 0 for surest; None when it does not look so."""
    return _RANKS.get(_key(name))


def map_columns(
    header: Sequence[str],
    template: Template,
    *,
    phone_column: str = "",
    also: Sequence[str] = (),
    filled: Collection[str] = (),
) -> Columns:
    """
    Find the column of the number and one for every variable, by name; case, spaces and punctuation do not matter.

    A variable with a default may lack a column.

    Args:
        header: names of the columns.
        template: whose variables need values.
        also: further variables, of the registered forms of the text.
        phone_column: the column of the number, when its name does not tell.
        filled: variables that come from elsewhere when there is no column for them.

    Raises:
        Invalid: a column is missing, or there are two of that name; the columns found are listed.
    """
    phone = _phone(header, phone_column)
    places: dict[str, list[int]] = {}
    for position, name in enumerate(header):
        places.setdefault(_key(name), []).append(position)
    variables: dict[str, int] = {}
    missing = []
    for variable in dict.fromkeys((*template.variables, *also)):
        fitting = places.get(_key(variable), [])
        exact = [position for position in fitting if header[position] == variable] or fitting
        if len(exact) > 1:
            detail = f"Expected one column for {{{variable}}}, found {len(exact)} of that name. Rename all but one."
            raise _refused("ambiguous_column", detail)
        if exact:
            variables[variable] = exact[0]
        elif variable not in filled and (variable in template.required or variable in also):
            missing.append("{" + variable + "}")
    if missing:
        raise _refused(
            "missing_column",
            f"Expected a column for {', '.join(missing)}, found the columns {_listed(header)}. Rename a column, add "
            "one, or give the variable a default in the template.",
        )
    return Columns(phone, variables, len(header), header[phone], {name: header[at] for name, at in variables.items()})


def _phone(header: Sequence[str], wanted: str) -> int:
    if wanted:
        for position, name in enumerate(header):
            if _key(name) == _key(wanted):
                return position
        raise _refused("missing_column", f"Expected a column {wanted!r:.80}, found the columns {_listed(header)}.")
    ranked = [(rank, position) for position, name in enumerate(header) if (rank := phone_rank(name)) is not None]
    if not ranked:
        advice = "Name the column of the numbers `phone`."
        if any(sum(map(str.isdigit, name)) >= 7 for name in header):
            advice = "The first row seems to hold data: put a header such as `phone,name` above it."
        raise _refused(
            "no_phone_column",
            f"Expected a column of phone numbers such as phone, 전화번호 or 手機, found the columns "
            f"{_listed(header)}. {advice}",
        )
    return min(ranked)[1]


def _listed(header: Sequence[str]) -> str:
    named = ", ".join(f"{name:.40}" if name else "(no name)" for name in header[:_MOST_NAMED])
    return f"{named} and {len(header) - _MOST_NAMED} more" if len(header) > _MOST_NAMED else named


def _refused(code: str, detail: str) -> Invalid:
    return Invalid(code, detail, errors=[FieldError("/csv", code, detail)])
