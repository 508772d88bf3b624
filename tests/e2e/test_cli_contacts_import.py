"""
`contacts import`: a messy file becomes people, and what is refused comes back with its reason.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Command

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
