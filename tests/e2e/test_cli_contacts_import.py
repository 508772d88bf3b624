"""
`contacts import`: a messy file becomes people, and what is refused comes back with its reason.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sendyard.cli.opening import Place, in_yard
from sendyard.domain.errors import Invalid
from sendyard.features.audience import Manner
from tests.e2e.conftest import Command
from tests.features.test_awkward_files import EXPECTED, FOLDER, definitions, start

FILE = "phone,name,tags\n0912-345-678,\u738b\u5c0f\u660e,vip\n0912345679,Ann,\nnobody,Bob,\n0912345678,again,\n"


def imported(sendyard: Command, file: Path, *options: str) -> tuple[int, dict[str, Any]]:
    said = sendyard("contacts", "import", str(file), "--country", "tw", *options, "--json")
    return said.code, said.document


def people(sendyard: Command) -> Sequence[tuple[str, str]]:
    found = sendyard("contacts", "list", "--json").document["data"]
    return [(person["phone"], person["name"]) for person in found]


def test_good_rows_become_people_and_bad_ones_come_back(sendyard: Command, tmp_path: Path) -> None:
    file, refused = tmp_path / "people.csv", tmp_path / "refused.csv"
    file.write_text(FILE, encoding="big5")
    code, found = imported(sendyard, file, "--list", "customers", "--refused", str(refused))
    assert code == 3
    assert found["counts"]["added"] == 2
    assert [one["row"] for one in found["refused"]] == [4, 5]
    assert all(one["code"] and one["detail"] for one in found["refused"])
    assert people(sendyard) == [("+886912345678", "\u738b\u5c0f\u660e"), ("+886912345679", "Ann")]
    lines = refused.read_text("utf-8-sig").splitlines()
    assert lines[0].startswith("phone,name,tags,")
    assert [line.split(",")[0] for line in lines[1:]] == ["nobody", "0912345678"]
    again, repeated = imported(sendyard, file)
    assert (again, repeated["counts"].get("added", 0)) == (3, 0)
    assert len(people(sendyard)) == 2


def test_how_a_file_was_read_is_shown(sendyard: Command, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("電話;姓名;Shoe Size\n0912345678;王小明;42\n", encoding="big5")
    said = sendyard("contacts", "import", str(file), "--country", "TW", "--dry-run").out
    assert "Big5, semicolon" in said
    assert "電話 as phone, 姓名 as name" in said
    assert "The column Shoe Size will not be stored" in said


def test_a_dry_run_stores_nothing(sendyard: Command, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("phone,name\n0912345678,Ann\n")
    code, found = imported(sendyard, file, "--dry-run")
    assert (code, found["dry_run"]) == (0, True)
    assert people(sendyard) == []


def test_a_file_without_a_way_to_reach_anybody_is_refused(sendyard: Command, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("name,city\nAnn,Taipei\n")
    said = sendyard("contacts", "import", str(file))
    assert said.code == 1
    assert "column" in said.err


def test_a_column_can_be_named(sendyard: Command, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("x,name\n0912345678,Ann\n")
    code, found = imported(sendyard, file, "--column", "x=phone")
    assert (code, found["counts"]["added"]) == (0, 1)
    assert sendyard("contacts", "import", str(file), "--column", "x").code == 2


def test_imports_are_listed_shown_taken_back_and_their_refused_rows_fetched(sendyard: Command, tmp_path: Path) -> None:
    file, refused = tmp_path / "people.csv", tmp_path / "refused.csv"
    file.write_text(FILE, encoding="utf-8")
    _, found = imported(sendyard, file)
    assert found["reasons"] == {"letters": 1, "duplicate": 1}
    (listed,) = sendyard("contacts", "imports", "list", "--json").document["data"]
    assert (listed["id"], listed["status"]) == (found["id"], "done")
    assert "people.csv" in sendyard("contacts", "imports", "list").out
    assert "1 letters" in sendyard("contacts", "imports", "show", found["id"]).out
    assert sendyard("contacts", "imports", "refused", found["id"], "--output", str(refused)).code == 0
    assert len(refused.read_text("utf-8-sig").splitlines()) == 3
    assert sendyard("contacts", "imports", "refused", found["id"], "--json").code == 2
    assert "nobody" in sendyard("contacts", "imports", "refused", found["id"]).out
    assert sendyard("contacts", "imports", "cancel", found["id"]).code == 1
    undone = sendyard("contacts", "imports", "undo", found["id"], "--json").document
    assert (undone["status"], undone["counts"]["deleted"]) == ("undone", 2)
    assert people(sendyard) == []
    assert sendyard("contacts", "imports", "undo", found["id"]).code == 1


def test_a_waiting_import_is_cancelled(sendyard: Command, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(FILE, encoding="utf-8")

    async def send(place: Place) -> Any:
        return await place.yard.import_steps.take(place.workspace_id, file, Manner(), name="sent.csv", start=True)

    made = in_yard(send)
    assert sendyard("contacts", "imports", "cancel", made["id"], "--json").document["status"] == "cancelled"


def test_everybody_is_written_and_read_again(sendyard: Command, tmp_path: Path) -> None:
    file, book = tmp_path / "people.csv", tmp_path / "book.csv"
    file.write_text(FILE, encoding="utf-8")
    imported(sendyard, file, "--list", "customers")
    assert sendyard("contacts", "export", "--output", str(book), "--json").document == {"people": 2, "file": str(book)}
    code, found = imported(sendyard, book)
    assert (code, found["counts"]["unchanged"]) == (0, 2)
    assert len(sendyard("contacts", "export", "--filter", "tag = vip").out.splitlines()) == 2
    assert len(sendyard("contacts", "export", "--list", "customers").out.splitlines()) == 3
    assert sendyard("contacts", "export", "--json").code == 2
    assert sendyard("contacts", "export", "+886912345678", "--list", "customers").code == 2
    assert sendyard("contacts", "export", "--segment", "nothing").code == 1


def test_how_a_file_is_read_can_be_said(sendyard: Command, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("phone;name\n0912345601 / 0912345602;Ann\n", encoding="utf-8")
    options = ("--several", "each", "--delimiter", ";", "--tag", "fair", "--source", "shop")
    code, found = imported(sendyard, file, *options)
    assert (code, found["counts"]["added"], found["counts"]["fixed"]) == (0, 2, 2)
    (first, _) = sendyard("contacts", "list", "--json").document["data"]
    assert (first["tags"], first["source"]) == (["fair"], "shop")


@pytest.mark.timeout(300)
def test_every_awkward_file_comes_to_the_same_on_the_command_line(sendyard: Command) -> None:
    found = {name: awkward(sendyard, name) for name in sorted(EXPECTED)}
    assert found == {name: wanted(name) for name in sorted(EXPECTED)}


def wanted(name: str) -> tuple[int, dict[str, int]]:
    """The exit code, and the reasons for which the reader alone refuses rows."""
    try:
        verdicts = [*start(name)[2]]
    except Invalid:
        return 1, {}
    reasons = Counter(verdict.code for verdict in verdicts if verdict.code)
    refused = reasons.total()
    return (0 if not refused else 3 if refused < len(verdicts) else 1), dict(reasons)


def awkward(sendyard: Command, name: str) -> tuple[int, dict[str, int]]:
    settings = EXPECTED[name].get("settings", {})
    fields = definitions(settings.get("fields", {}))

    async def define(place: Place) -> None:
        for one in fields:
            await place.yard.contact_fields.add(
                place.workspace_id, code=one.key, type=one.type.value, currency=one.currency, choices=one.choices
            )

    async def forget(place: Place) -> None:
        for one in fields:
            await place.yard.contact_fields.remove(place.workspace_id, one.key)

    told = ("country", "several", "repeated", "unreadable", "consent_at")
    options = [f"--{one.replace('_', '-')}={settings[one]}" for one in told if one in settings]
    options += [f"--encoding={settings.get('encoding_chosen', '')}", f"--sheet={settings.get('sheet_chosen', '')}"]
    options += ["--landlines"] if settings.get("landlines") else []
    options += [f"--column={column}={target}" for column, target in settings.get("overrides", {}).items()]
    if fields:
        in_yard(define)
    said = sendyard("contacts", "import", str(FOLDER / name), *options, "--dry-run", "--json")
    if fields:
        in_yard(forget)
    return said.code, said.document.get("reasons", {})
