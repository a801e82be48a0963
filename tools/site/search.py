"""A Sphinx extension: Korean for the search of the pages.

Korean words change at their end: "기억이고", "기억을"; "느린", "느립니다". So a word is indexed letter by
letter, as Unicode takes syllables apart, between two marks, and a query matches inside of words: Sphinx'
script looks through all of them if a word of the query has more than two characters and is none of them
itself, which the marks see to. A single syllable matches at the beginning of words. Words of other scripts
are searched as in English.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from sphinx.search.en import SearchEnglish

FIRST, LAST = "^", "$"
SYLLABLES = "가-힣"
PARTICLES = "으로|에서|에게|까지|부터|처럼|보다|마다|이고|이다|입니다|은|는|이|가|을|를|의|에|와|과|로|만"
"""What a query's word loses at its end, if two syllables are left: that makes it match more, never less."""


class Korean(SearchEnglish):
    """As said above; what is not Hangul is for its parent."""

    lang = "ko"
    language_name = "English"   # whose stemmer the script gets
    _word_re = re.compile(rf"[{SYLLABLES}]+|[^\W{SYLLABLES}]+")   # "LSTM은" is two words
    js_splitter_code = rf"""
function splitQuery(query) {{
  return query.match(/[{SYLLABLES}]+|(?:(?![{SYLLABLES}])[\p{{L}}\p{{N}}_])+/gu) || [];
}}
const english = Stemmer;
window.Stemmer = function () {{
  const stemmer = new english();
  this.stemWord = (word) => /[{SYLLABLES}]/.test(word)
    ? (word.length === 1 ? "{FIRST}" : "") + word.replace(/(?<=..)(?:{PARTICLES})$/, "").normalize("NFD")
    : stemmer.stemWord(word);
}};
"""

    def stem(self, word: str) -> str:
        """A word as it is indexed."""
        if not re.match(f"[{SYLLABLES}]", word):
            return super().stem(word)
        return FIRST + unicodedata.normalize("NFD", word) + LAST


def setup(app: Any) -> dict[str, bool]:
    """Sphinx' entry."""
    app.add_search_language(Korean)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
