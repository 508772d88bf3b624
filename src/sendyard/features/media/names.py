"""
Names of files as people may see them, without what could mislead or harm.
"""

import re
import unicodedata

from sendyard.features.media.kinds import EXTENSIONS

LONGEST_NAME = 100  # characters
_UNSAFE = re.compile(r'[<>:"|?*%]+')
_BLANKS = re.compile(r"\s+")


def safe_name(given: str, content_type: str) -> str:
    """
    Make a name that is one path component, says the type by its ending and holds only what can be seen.

    Control characters and those that turn the direction of writing are left out, as in `invoice\u202efdp.exe`.
    """
    last = re.split(r"[/\\]", given)[-1]
    seen = "".join(
        char for char in unicodedata.normalize("NFC", last) if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    name = _BLANKS.sub(" ", _UNSAFE.sub("_", seen)).strip(" .")
    endings = EXTENSIONS[content_type]
    stem, dot, ending = name.rpartition(".")
    if not dot or ending.lower() not in endings:
        # An ending of another type stays readable as a part of the name.
        stem, ending = name, endings[0]
    stem = stem.strip(" .")[: LONGEST_NAME - len(ending) - 1].strip(" .")
    return f"{stem or 'file'}.{ending.lower()}"
