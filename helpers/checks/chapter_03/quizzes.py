"""The quizzes of chapter 3: every option with its explanation."""

from __future__ import annotations

from helpers.checks.registry import Quiz

Quiz(
    "quiz_singular_value",
    "03",
    answer="d",
    options={
        "a": "Not this one. σ_max > 1 is *necessary* for exploding, not sufficient: some direction can grow in one "
        "step, but the next step may shrink it, and tanh's slopes shrink it further.",
        "b": "Not this one. For a linear network an eigenvalue above 1 would do. With tanh, slopes well below 1 can undo "
        "it: you saw the latch, with all eigenvalues 3, vanish at saturated states. And you saw eigenvalues of 0 grow.",
        "c": "Not this one. Slopes of at most 1 bound what tanh contributes; the matrix may contribute more than 1 a "
        "step, and near the state 0 the product grows.",
        "d": "Yes. The theorem promises something on one side only: below 1 the gradient must vanish. Above 1 it may "
        "grow or vanish, depending on the matrix as a whole and on the states.",
    },
)

Quiz(
    "quiz_clipping",
    "03",
    answer="b",
    options={
        "a": "Not this one. One factor multiplies the whole gradient, near and far shares alike: a far share that is a "
        "millionth of the gradient before is a millionth of it afterwards.",
        "b": "Yes. Where the loss has a wall, the gradient is huge; without a limit one step throws the weights far "
        "away. Clipped, the step keeps its direction and stays short.",
        "c": "Not this one. That would be normalising. Clipping shortens what is above the threshold and leaves the "
        "rest as it is; a short gradient stays short.",
        "d": "Not this one. A step is still learning rate times gradient, now of at most rate times threshold. At rate "
        "10 and threshold 1 that was too far, and training diverged all the same.",
    },
)
