"""The quizzes of chapter 6: every option with its explanation."""

from __future__ import annotations

from helpers.checks.registry import Quiz

Quiz(
    "quiz_recurrent_dropout",
    "06",
    answer="d",
    options={
        "a": "Not this one. 80 % is the chance to get through *one* step. The masks of 20 steps are drawn "
        "independently, so the chances multiply.",
        "b": "Not this one. p = 0.2 is the chance to be dropped at one step. To get through 20 steps, a unit has to be "
        "kept 20 times in a row.",
        "c": "Not this one. The scaling keeps the *expected value*: a unit that is never dropped has grown to "
        "1/0.8²⁰ ≈ 87 times its size, all others are 0. What was in them is lost, and no factor brings it back.",
        "d": "Yes: 0.8²⁰ ≈ 0.012. A new mask at every step forgets almost everything within 20 steps. One mask for "
        "all steps drops 20 % of the units once, and the others remember.",
    },
)

Quiz(
    "quiz_shards",
    "06",
    answer="b",
    options={
        "a": "Not this one. The mean of the means is the mean only when the shares are equally large. Here they are 12 and "
        "8 rows.",
        "b": "Yes. A row counts 1/2 · 1/8 = 1/16 in the smaller share and 1/2 · 1/12 = 1/24 in the larger one, where each "
        "should count 1/20. Weights of 12/20 and 8/20 would mend it; equal shares need no weights.",
        "c": "Not this one. The sum is twice the average: too large, and its rows weigh just as unequally.",
        "d": "Not this one. Clipping shortens the gradient as a whole. The proportions between the rows stay as wrong "
        "as they were.",
    },
)

Quiz(
    "quiz_dropout_does_nothing",
    "06",
    answer="c",
    options={
        "a": "Not this one. Then his last validation number would be higher than the one that was read again without "
        "dropout. The two are the same: his validation is in order.",
        "b": "Not this one. With 0.7 in place of 0.5 the curve turns at the same place and rises as far, where it should turn "
        "later. And in the first passes the larger p does slow the training down: it is strong enough, while it lasts.",
        "c": "Yes. In the first pass training is the slower the more is dropped; after some passes it is as low as with "
        "p = 0, whatever p is. From then on the curves are those of a network in which nothing is dropped.",
        "d": "Not this one. Unscaled, a network trained with p = 0.7 would meet units 3.3 times as large, on average, "
        "whenever it is read without dropout. Its training words, read again, would come out worse than he reports. They "
        "come out better, for the pass itself has taught it something, as with p = 0.",
    },
)
