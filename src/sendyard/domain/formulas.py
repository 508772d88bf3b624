"""
Cells that a spreadsheet program would run: how one is recognised, disarmed on the way out and known again.
"""

import re

# OWASP, "CSV Injection": the first character decides; full-width ones count in East Asian versions.
_START = re.compile(r"[=+\-@\t\r＝＋－＠]")
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*%?", re.ASCII)
_DISARMED = re.compile(r"'[=+\-@\t\r＝＋－＠]")


def is_formula(cell: str) -> bool:
    """Say whether a spreadsheet program would take the text for a formula; a signed number is none."""
    return bool(_START.match(cell)) and not _PLAIN_NUMBER.fullmatch(cell)


def neutral(cell: str) -> str:
    """Put the apostrophe before a formula that makes every spreadsheet program show it as text."""
    return "'" + cell if is_formula(cell) else cell


def restore(cell: str) -> str:
    """Take away the apostrophe that `neutral`, or a person, put before what looks like a formula."""
    return cell[1:] if _DISARMED.match(cell) else cell
