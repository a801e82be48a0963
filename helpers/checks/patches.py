"""Wrong answers as changes to the text of a right one; two of them make an answer with two mistakes."""

from __future__ import annotations

import functools
import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from helpers import sealed


@functools.cache
def source_text(function: Callable[..., Any]) -> str:
    """The source of `function`, as written, at the left margin."""
    return textwrap.dedent(sealed.source(function) or inspect.getsource(function))


class Patched:
    """`reference` with changes to its source, each (text that stands there just once, text instead).

    It is made at the first call; ValueError when a text does not stand there once.
    """

    def __init__(self, reference: Callable[..., Any], changes: Sequence[tuple[str, str]]):
        self.reference, self.changes = reference, tuple(changes)

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    @functools.cached_property
    def source(self) -> str:
        """The changed source."""
        source = source_text(self.reference)
        for old, new in self.changes:
            if source.count(old) != 1:
                times = source.count(old)
                raise ValueError(f"changes: {old!r} stands {times} times in\n{source}\nwanted: once")
            source = source.replace(old, new)
        return source

    @functools.cached_property
    def function(self) -> Callable[..., Any]:
        """The changed function, with the globals of the reference."""
        names = dict(self.reference.__globals__)
        exec(compile(self.source, f"<changed {self.reference.__name__}>", "exec"), names)
        return names[self.reference.__name__]

    def together(self, other: Patched) -> Patched | None:
        """An answer with both changes, None where they get into each other's way: where one changes what the
        other has written, the answer need not have both mistakes, or either."""
        both = Patched(self.reference, (*self.changes, *other.changes))
        turned = Patched(self.reference, (*other.changes, *self.changes))
        try:
            return both if both.source == turned.source and both.function else None
        except (ValueError, SyntaxError):
            return None
