"""From a line that somebody types to the tokens a model was trained on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from helpers.corpora.text import token_tuple
from helpers.corpora.vocabulary import EOS
from helpers.languages import translate
from helpers.validation import require, require_int

_EXAMPLES = 12
_WORD = re.compile(r"<\w+>|\w+|[^\w\s]")


def typed_words(argument: str, line: str, known: Iterable[str], *, most: int = 24) -> list[str]:
    """`line` as tokens of `known`, whether typed large or small, from an ``<eos>`` on, as in a stream of
    stories: a full stop ends a story, so another ``<eos>`` follows it.

    Raises ValueError, which names `argument`, for words that are not among `known` (and says which are, the
    most similar first) and for more than `most` words, each ``<eos>`` counted.
    """
    most = require_int("most", most)
    known = list(dict.fromkeys(token_tuple("known", known)))
    require(isinstance(line, str), argument, type(line).__name__, "a line of words")
    as_known = {token.lower(): token for token in reversed(known)}
    typed = _WORD.findall(line)
    strange = list(dict.fromkeys(word for word in typed if word.lower() not in {*as_known, EOS}))
    if strange:
        like = [near for word in strange for near in get_close_matches(word.lower(), as_known, n=2)]
        words = dict.fromkeys([*(as_known[near] for near in like), *(t for t in known if t.isalpha())])
        examples = ", ".join([*words][:_EXAMPLES])
        raise ValueError(translate(
            "{argument}: got {words}, which this network has never read, wanted words that it knows, such as "
            "{examples}", argument=argument, words=", ".join(strange[:5]), examples=examples,
        ))  # fmt: skip
    tokens = [EOS]
    for word in typed:
        if word.lower() != EOS or tokens[-1] != EOS:
            tokens.append(as_known.get(word.lower(), EOS))
        if word == ".":
            tokens.append(EOS)
    if len(tokens) > most:
        raise ValueError(translate(
            "{argument}: got {count} words, {eos} counted, wanted at most {most}",
            argument=argument, count=len(tokens), eos=EOS, most=most,
        ))  # fmt: skip
    return tokens
