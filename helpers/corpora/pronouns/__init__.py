"""Stories whose last blank needs their first word, with the exact probability of every token.

    John drank tea in the kitchen at night and he smiled . <eos>
    Mary read books outside . Tom came in . Tom said hi to Mary . <eos>

The first word is a name. The blank is "he" or "she" (the first name decides) or, when somebody came
in, the first name itself. Between them stands filler that says nothing about either. How a story
is written:

1. a name, and an opening of two words;
2. a *distance* L, drawn uniformly from the range asked for: the number of filler tokens. Filler
   phrases are drawn, each phrase that still fits equally likely (but never two of one kind in a row),
   until exactly L tokens stand there;
3. *distractors*, other people's names, "with Jane", fall anywhere among the phrases: when d of them
   and r filler tokens are still to come, the next thing is a distractor with probability d / (d + r);
4. a greeting (with probability `greetings`) or a pronoun, the end, and ``<eos>``.

A reader does not know L before the filler is over; the probability of a token *given its prefix* is
an average over what L may still be, weighted by Bayes' rule. That is what `log_probs` computes: no
model can predict these stories better, so exp(-mean) is the lowest perplexity there is.
"""

from helpers.corpora.pronouns.grammar import PronounGrammar, Story, floor_perplexity
from helpers.corpora.pronouns.lexicon import ENGLISH, Lexicon

__all__ = ["ENGLISH", "Lexicon", "PronounGrammar", "Story", "floor_perplexity"]
