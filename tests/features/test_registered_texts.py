"""
Texts registered at India's DLT portals: files as portals write them, each row with its verdict.
"""

from typing import Any

import pytest

from sendyard.domain.countries.situation import RegisteredTemplate, Registration
from sendyard.domain.errors import Invalid, NotFound
from sendyard.features.connections.compliance import RegisteredTexts, dlt_file
from sendyard.features.connections.compliance.dlt_file import read_dlt_file
from tests.yard import Yard

BY = "key-1"
FIRST, SECOND, THIRD = "1107123456789012345", "1107123456789012346", "1107123456789012347"
TEXT = "Hi {#var#}, your ACME order {#var#} is packed."
FILE = f"""Template Id,Template Name,Template Type,Header,Template Content,Status
{FIRST},packed,Service Implicit,VM-ACMEIN-S,"{TEXT}",Approved
{SECOND},sale,Promotional,612345,ACME sale ends today,Pending
"""


def texts(yard: Yard) -> RegisteredTexts:
    return RegisteredTexts(yard.database, yard.directory)


async def load(yard: Yard, file: str, **rest: Any) -> dict[str, Any]:
    return await texts(yard).load(yard.workspace_id, file, by=BY, **rest)


def counts(done: dict[str, Any]) -> tuple[int, int, int, int]:
    return done["added"], done["changed"], done["unchanged"], done["refused"]


def only_row(file: str) -> dlt_file.FileRow:
    (row,) = read_dlt_file(file)
    return row


def with_text(text: str, **cells: str) -> str:
    """A file of one template."""
    given = {"id": FIRST, "content": text, **cells}
    quoted = ('"' + cell.replace('"', '""') + '"' for cell in given.values())
    return f"{','.join(given)}\n{','.join(quoted)}\n"


async def test_file_of_a_portal_is_known_to_the_engine_at_once(yard: Yard) -> None:
    done = await load(yard, FILE)
    assert counts(done) == (2, 0, 0, 0)
    assert [(one["row"], one["id"], one["verdict"]) for one in done["verdicts"]] == [
        (2, FIRST, "added"),
        (3, SECOND, "added"),
    ]
    assert yard.directory.facts(yard.workspace_id).templates == {
        FIRST: RegisteredTemplate(FIRST, TEXT, "service_implicit", Registration.APPROVED, ("ACMEIN",)),
        SECOND: RegisteredTemplate(SECOND, "ACME sale ends today", "promotional", Registration.PENDING, ("612345",)),
    }


async def test_importing_again_changes_only_what_the_file_tells_anew(yard: Yard) -> None:
    await load(yard, FILE)
    revision = yard.directory.facts(yard.workspace_id).revision
    assert counts(await load(yard, FILE)) == (0, 0, 2, 0)
    assert yard.directory.facts(yard.workspace_id).revision == revision
    newer = f"Template ID;Content\n{SECOND};ACME sale ends tomorrow\n"
    assert counts(await load(yard, newer, state="approved")) == (0, 1, 0, 0)
    found = yard.directory.facts(yard.workspace_id).templates[SECOND]
    assert (found.text, found.state) == ("ACME sale ends tomorrow", Registration.APPROVED)
    assert (found.category, found.senders) == ("promotional", ("612345",))


async def test_dry_run_says_the_same_and_keeps_nothing(yard: Yard) -> None:
    said = await load(yard, FILE, dry_run=True)
    assert await texts(yard).list(yard.workspace_id) == []
    assert await load(yard, FILE) == said


async def test_a_bad_row_refuses_no_other(yard: Yard) -> None:
    file = (
        "TEMPLATE_ID\tTEMPLATE CONTENT\n"
        f"1.10716E+18\t{TEXT}\n"
        f"11071234\t{TEXT}\n"
        f"{FIRST}\t \n"
        "\n"
        f"'{SECOND}\t{TEXT}\n"
        f"{SECOND}\tanother text\n"
    )
    done = await load(yard, file)
    assert [(one["row"], one["verdict"], one["code"]) for one in done["verdicts"]] == [
        (2, "refused", "shortened_id"),
        (3, "refused", "bad_id"),
        (4, "refused", "bad_text"),
        (6, "added", ""),
        (7, "refused", "repeated"),
    ]
    assert "a spreadsheet program has cut it" in done["verdicts"][0]["detail"]
    assert [one["id"] for one in await texts(yard).list(yard.workspace_id)] == [SECOND]


def test_template_in_several_rows_has_all_their_headers() -> None:
    file = f"id,content,headers\n{FIRST},{'Hi {#var#}'},ACMEIN\n{FIRST},{'Hi {#var#}'},ACMEXY|ACMEIN\n"
    assert only_row(file).told["senders"] == ("ACMEIN", "ACMEXY")
    assert only_row(f"id,content\n{FIRST},Hello\n{FIRST},Hello\n").told == {"text": "Hello"}


def test_headers_lose_what_operators_add_and_others_are_left_out() -> None:
    row = only_row(with_text("Hi {#var#}", header="VM-ACMEIN-S, 612345; A"))
    assert row.told["senders"] == ("ACMEIN", "612345")
    assert "'A' is no header" in row.remarks[0]


def test_placeholders_are_written_as_operators_compare_them_and_nothing_else_is_touched() -> None:
    row = only_row(with_text("Dear {#VAR#},  code {#Numeric#}\r\nACME "))
    assert row.told["text"] == "Dear {#var#},  code {#numeric#}\nACME "
    assert [remark.split()[0] for remark in row.remarks] == ["Placeholders", "The"]


def test_what_looks_wrong_with_a_template_is_said_and_it_is_taken() -> None:
    row = only_row(
        with_text("Dear XXXX", id="1108123456789012345", type="SI", category="Banking", status="Odd", tags="numeric")
    )
    said = " ".join(row.remarks)
    assert row.told == {"text": "Dear XXXX", "category": "service_implicit", "tags": ("numeric",)}
    for words in (
        "usually 07, found 08", "'Odd' is no state", "'XXXX' is no placeholder", "0 variables and 1 tags",
        "must contain a variable",
    ):  # fmt: skip
        assert words in said


def test_unknown_category_and_tag_are_left_open() -> None:
    row = only_row(with_text("Hi {#var#}", category="Banking", tags="colour"))
    assert row.told == {"text": "Hi {#var#}"}
    assert "'Banking' is no category" in row.remarks[0]
    assert "tags are left out" in row.remarks[1]


@pytest.mark.parametrize(
    ("written", "category"),
    [("Service-Implicit", "service_implicit"), ("SE", "service_explicit"), ("transactional", "transactional")],
)
def test_category_is_read_as_portals_write_it(written: str, category: str) -> None:
    assert only_row(with_text("Hi {#var#}", type=written)).told["category"] == category


def test_title_above_the_header_is_passed_over_and_rows_count_as_a_spreadsheet_does() -> None:
    row = only_row(f"\ufeffTemplates of ACME,,\n,,\nid,text\n{FIRST},hello\n")
    assert (row.row, row.told["text"]) == (4, "hello")


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (" \n", "empty_file"),
        ("name,text\nx,y\n", "no_header"),
        ("title\n" * 10 + FILE, "no_header"),
        (f'id,text\n{FIRST},"{"x" * 200_000}"\n', "bad_file"),
    ],
)
def test_file_that_is_no_list_of_templates_is_refused_as_a_whole(file: str, code: str) -> None:
    with pytest.raises(Invalid) as error:
        read_dlt_file(file)
    assert error.value.code == code


def test_file_with_too_many_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dlt_file, "MOST_ROWS", 1)
    with pytest.raises(Invalid) as error:
        read_dlt_file(FILE)
    assert error.value.code == "too_many_rows"


async def test_template_is_entered_changed_and_forgotten_by_hand(yard: Yard) -> None:
    desk = texts(yard)
    with pytest.raises(Invalid, match="expected the text as approved"):
        await desk.put(yard.workspace_id, FIRST, {"state": "approved"}, by=BY)
    made = await desk.put(
        yard.workspace_id,
        FIRST,
        {"text": TEXT, "senders": ["ACMEIN"], "tags": ["var", ""], "category": "promotional"},
        by=BY,
    )
    assert (made["state"], made["senders"], made["tags"]) == ("unknown", ["ACMEIN"], ["", ""])
    changed = await desk.put(yard.workspace_id, FIRST, {"state": "approved", "senders": None}, by="key-2")
    assert await desk.get(yard.workspace_id, FIRST) == changed
    assert (changed["text"], changed["senders"], changed["updated_by"]) == (TEXT, None, "key-2")
    await desk.delete(yard.workspace_id, FIRST, by="k")
    assert yard.directory.facts(yard.workspace_id).templates == {}
    with pytest.raises(NotFound):
        await desk.get(yard.workspace_id, FIRST)
    with pytest.raises(NotFound):
        await desk.delete(yard.workspace_id, FIRST, by="k")


async def test_what_is_wrong_with_a_template_is_named(yard: Yard) -> None:
    changes = {"text": "", "category": "fun", "state": "", "senders": "ACMEIN", "tags": ["colour"], "name": "x" * 99}
    with pytest.raises(Invalid) as error:
        await texts(yard).put(yard.workspace_id, FIRST, changes, by=BY)
    assert [found.pointer for found in error.value.errors] == [f"/{name}" for name in changes]
    for bad in ("", "123"):
        with pytest.raises(Invalid, match="19 digits"):
            await texts(yard).put(yard.workspace_id, bad, {"text": TEXT}, by=BY)
    with pytest.raises(Invalid):
        await load(yard, FILE, state="sure")


async def test_templates_are_listed_by_state_and_category_page_by_page(yard: Yard) -> None:
    await load(yard, FILE + f"{THIRD},late,SI,ACMEIN,Late {{#var#}},Rejected\n")
    desk = texts(yard)

    async def ids(**asked: Any) -> list[str]:
        return [one["id"] for one in await desk.list(yard.workspace_id, **asked)]

    assert await ids() == [FIRST, SECOND, THIRD]
    assert await ids(after=FIRST, limit=1) == [SECOND]
    assert await ids(state="approved") == [FIRST]
    assert await ids(category="service_implicit") == [FIRST, THIRD]
    assert await desk.list("another") == []
