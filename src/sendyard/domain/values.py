"""
Value classes for the hot path: frozen to whoever reads the code, quick to make at run time.

A frozen dataclass sets each field through `object.__setattr__`, which makes one of thirteen fields three times as dear
as a plain one; a message on its way out takes a dozen such objects. The type checker sees `dataclasses.dataclass`
itself, so that writing to a field stays an error where errors are looked for.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool = False, **options: bool) -> Callable[[type], type]:
        """Like `dataclasses.dataclass`; a frozen class is compared and hashed by value, but not guarded."""
        return dataclasses.dataclass(**options, unsafe_hash=frozen)


__all__ = ["dataclass"]
