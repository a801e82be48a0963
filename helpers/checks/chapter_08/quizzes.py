"""The quizzes of chapter 8: every option with its explanation."""

from __future__ import annotations

from helpers.checks.registry import Quiz

Quiz(
    "quiz_flattened",
    "08",
    answer="c",
    options={
        "a": "Not this one. The recurrent model uses the same weights at every step, however many there are.",
        "b": "Not this one. It is true of the recurrent model. The other one joins all vectors into one of 50·T numbers, and its "
        "first dense layer has a weight for each of them and each of its 32 units.",
        "c": "Yes: 50·20·32 = 32,000 more weights, because each place has weights of its own. What the model learns about 'not' in "
        "third place it does not know in fourth. The recurrent one uses the same weights everywhere.",
        "d": "Not this one. There are more *states*, but a state is computed, not learned. The weights that compute it are the "
        "same at every step.",
    },
)

Quiz(
    "quiz_best_epoch",
    "08",
    answer="c",
    options={
        "a": "Not this one. Two thousandths are little beside what another seed changed in the runs above, and of each model there "
        "is one run only.",
        "b": "Not this one. It may well be so. But with one run of each nobody can say whether 0.018 is the cell or the draw of "
        "its first weights.",
        "c": "Yes. The highest of several numbers that wobble is, on average, higher than what the model can do, and the more so "
        "the more they wobble. And without a spread over seeds a difference cannot be judged.",
        "d": "Not this one. That a difference has not been shown is not the same as showing that there is none. For that, too, "
        "one would need several seeds.",
    },
)

Quiz(
    "quiz_asked_again",
    "08",
    answer="c",
    options={
        "a": "Not this one. The flattery of a maximum shows on *other* reviews. These are the same thousand, and if the weights were "
        "the same, too, every answer would be: the accuracy would come out again to the last digit.",
        "b": "Not this one. Something random would give another number each time it is asked; here it is twice the same. And that "
        "number has been there before: look along the row.",
        "c": "Yes. The same reviews must give the same accuracy if the weights are the same. They are not: what the model scores is "
        "the accuracy of its last pass, in every row.",
        "d": "Not this one. Equally good passes have the same accuracy, so whichever of them is kept, the number asked again would "
        "be the best one.",
    },
)
