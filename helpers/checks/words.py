"""Words of a box: messages that are kept and translated once they are shown; lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any

from helpers.languages import listed, translate


class Message(str):
    """A message with its values, to be translated when it is shown (`told`).

    As a string it is the English text, the same in every language: what is compared, kept and recorded. A
    value may be a Message, too, or a list of what is told one after the other.
    """

    message: str
    values: dict[str, Any]

    def __new__(cls, message: str, /, **values: Any) -> Message:
        made = super().__new__(cls, message.format_map(_Kept(_listed(values, str))) if values else message)
        made.message, made.values = message, values
        return made


    def filled(self, **values: Any) -> Message:
        """The same message with further values."""
        return Message(self.message, **self.values, **values)


class _Kept(dict):
    """Values of placeholders; one that has none yet stays as it is."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def _listed(values: Mapping[str, Any], how: Callable[[str], str]) -> dict[str, Any]:
    """The values as they are filled in: `how` says a message, lists are joined."""

    def said(value: Any) -> Any:
        if isinstance(value, list):
            return ", ".join(str(said(each)) for each in value)
        return how(value) if isinstance(value, Message) else value

    return {name: said(value) for name, value in values.items()}


def told(text: str, **values: Any) -> str:
    """`text` in the language in use: a Message, with its own values and these, or a text that is kept as data
    (a hint, the name of an oracle)."""
    if isinstance(text, Message):
        text, values = text.message, text.values | values
    return translate(text, **_listed(values, told))


_CODE = "`{name}`"


def named(name: str) -> str:
    """The name of an output: code, or words (with blanks) in the language in use."""
    whole, bracket, key = name.partition("[")
    return f"{told(whole)}{bracket}{key}" if " " in whole else name


def names_of(outputs: Iterable[str]) -> list[str]:
    """The names of outputs as code, to be told as a value of a Message."""
    return [Message(_CODE, name=Message(name)) if " " in name else f"`{name}`" for name in outputs]


def codes(names: Iterable[Any]) -> str:
    """The names as code: `a`, `b`."""
    return ", ".join(f"`{name}`" for name in names)


def every(parts: Iterable[str]) -> str:
    """All of the parts, of which there is one at least: a and b."""
    return reduce(lambda first, second: listed([first, second]), parts)


def either(parts: Iterable[str]) -> str:
    """One of the parts, of which there is one at least: a or b."""
    return reduce(lambda first, second: translate("{first} or {second}", first=first, second=second), parts)
