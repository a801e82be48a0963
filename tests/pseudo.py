"""A catalogue that translates every message, so that what is still English was never looked up."""

import gettext
import re

from helpers import languages


class Pseudo(gettext.NullTranslations):
    """Hangul in place of each word, about as wide; placeholders, quotes and line breaks stay."""

    def gettext(self, message):
        def hangul(found):
            return found[0] if found[1] else "가" * (1 + len(found[0]) // 2)

        return re.sub(r"(\{\w+\})|[A-Za-z']+", hangul, message)

    def ngettext(self, one, many, count):
        return self.gettext(one if count == 1 else many)


def speak(monkeypatch):
    """The pseudo-language is the one in use."""
    monkeypatch.setattr(languages, "_chosen", ["ko"])
    monkeypatch.setattr(languages, "_translations", lambda _: Pseudo())


def left_in_english(text, own=()):
    """Words of two letters and more in `text`, outside its formulas, that are not `own`."""
    return {*re.findall(r"[A-Za-z]{2,}", re.sub(r"\$[^$]*\$", "", text))}.difference(own)
