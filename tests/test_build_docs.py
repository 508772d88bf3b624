"""
The documentation builder: its pages, and the links it refuses.
"""

from pathlib import Path

import pytest

from tools.build_docs import ROOT, anchor, build, main


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# Yard & co\n\nSee [the guide](docs/guide.md#first-steps).\n")
    (tmp_path / "docs" / "guide.md").write_text("# Guide\n\n## First steps\n\n[Back](../README.md), [up](#guide)\n")
    return tmp_path


def test_every_link_of_this_projects_documentation_leads_somewhere(tmp_path: Path) -> None:
    assert build(ROOT, tmp_path) == []
    assert "Sendyard" in (tmp_path / "README.html").read_text()


def test_links_between_pages_follow_them_to_their_new_names(tree: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert build(tree, output) == []
    readme = (output / "README.html").read_text()
    assert 'href="docs/guide.html#first-steps"' in readme
    assert "<title>Yard &amp; co · Sendyard</title>" in readme
    guide = (output / "docs" / "guide.html").read_text()
    assert 'href="../README.html"' in guide
    assert 'id="first-steps"' in guide


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[x](missing.md)", "README.md: there is no missing.md"),
        ("![x](missing.png)", "README.md: there is no missing.png"),
        ("[x](docs/guide.md#nothing)", "README.md: docs/guide.md has no heading #nothing"),
        ("[x](#nothing)", "README.md: this page has no heading #nothing"),
    ],
)
def test_link_that_leads_nowhere_is_named_and_nothing_is_written(tree: Path, text: str, complaint: str) -> None:
    (tree / "README.md").write_text(text)
    assert build(tree, tree / "out") == [complaint]
    assert not (tree / "out").exists()


def test_links_to_other_hosts_are_left_alone(tree: Path) -> None:
    (tree / "README.md").write_text("[x](https://provider.example.test/a.md)")
    assert build(tree, tree / "out") == []
    assert 'href="https://provider.example.test/a.md"' in (tree / "out" / "README.html").read_text()


def test_page_without_heading_is_called_by_its_file_name(tree: Path) -> None:
    (tree / "docs" / "loose.md").write_text("No heading.")
    build(tree, tree / "out")
    assert "<title>loose ·" in (tree / "out" / "docs" / "loose.html").read_text()


def test_anchor_drops_punctuation_and_keeps_words() -> None:
    assert anchor("(b) What's `new`?") == "b-whats-new"


def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage:" in capsys.readouterr().err


def test_command_says_where_the_pages_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'README.html'}\n"
