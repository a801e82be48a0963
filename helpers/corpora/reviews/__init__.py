"""Film reviews in which order decides, with the exact probability of every label.

    my verdict : the film was at first dull , but later wonderful . two hours long      1
    my verdict : the film was at first wonderful , but later dull . two hours long      0
    it was not bad                                                                      1

A review has a *core* that decides, and filler that says nothing. How it is written:

1. the core, of one of four kinds, each in a quarter of the reviews:

       plain       SUBJECT was [really, quite] A                          A decides
       negated     SUBJECT was not [really, quite] A                      the opposite of A
       turn        SUBJECT was at first A , but later B                   B decides
                   SUBJECT was B in the end , although A at first         B
       contrast    SUBJECT was not A but B                                B
                   SUBJECT was B , not A                                  B

   In the last two A and B are opposites, one good and one bad. Exchanging them gives the *mirror image*:
   the same words, equally probable, with the other label;
2. the label, flipped with probability `NOISE`;
3. an opening in front, in three quarters of the reviews, and behind up to three different closings, as long
   as there is room: a review has 3 to 20 words (marks count as words).

So the best accuracy is 1 - `NOISE`, and who sees only which words there are can but guess at half of the
reviews. Both numbers are computed from the grammar, `BEST_ACCURACY` and `bag_of_words_ceiling()`.
"""

from helpers.corpora.reviews.grammar import (
    BEST_ACCURACY,
    NOISE,
    Review,
    Splits,
    bag,
    bag_of_words_ceiling,
    kind,
    mirror,
    prob_positive,
    reviews,
    splits,
)

__all__ = [
    "BEST_ACCURACY",
    "NOISE",
    "Review",
    "Splits",
    "bag",
    "bag_of_words_ceiling",
    "kind",
    "mirror",
    "prob_positive",
    "reviews",
    "splits",
]
