"""Korean sentences and their English translations, aligned word by word by the grammar that writes them.

    피곤한  언니는   어제       카페에서  커피를  마셨다
    tired  sister   yesterday  cafe     coffee  drank      (`gloss` romanises as well)
    the tired sister drank the coffee in the cafe yesterday

A Korean sentence: subject (은/는 or 이/가), maybe a place with 에서, object (을/를), verb. Before subject
and object an adjective may stand, and at the front or behind the subject an adverb of time, which agrees with
the verb: 어제 and the past 마셨다, 매일 and the present 마신다, 지금 and 마시고 있다 (what is going on), 내일
and the future 마실 것이다. Now and then the object comes before the subject.

The English one: subject, verb, object, place, time; "the" before every noun but "home" and "school". A Korean
sentence has one translation, a translation has several Korean sentences, since English shows neither the
choice of particle nor the order, nor whether a sibling is younger or a sister older (`gloss` does). All of
it is grammatical; whether it is likely, nobody asks.
"""

from helpers.corpora.korean_english.glosses import WORDS, gloss
from helpers.corpora.korean_english.grammar import SENTENCES, alignment, corpus, sentences, translate

__all__ = ["SENTENCES", "WORDS", "alignment", "corpus", "gloss", "sentences", "translate"]
