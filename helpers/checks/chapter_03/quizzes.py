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
        "step, and near the state 0 the product can grow.",
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
        "d": "Not this one. A step is still learning rate times gradient, so up to rate times threshold long. At rate 10 "
        "and threshold 1 that was too far, and the loss leapt all the same.",
    },
)

Quiz(
    "quiz_parts",
    "03",
    answer="c",
    options={
        "a": "Not this one. In one part, the same rate with the same threshold trains well. Whatever it is, it comes with "
        "the parts.",
        "b": "Not this one. Unclipped, the step in ten parts is the step in one, so the weights are right. And a gradient "
        "that is k times too long would be cut to 0.25 like any other, if it were clipped as a whole.",
        "c": "Yes. Every part keeps to the threshold by itself, and k parts of up to 0.25 make a gradient of up to k · 0.25: "
        "0.25, 0.50, 1.25. Where nothing is clipped nothing is wrong, so the code passes the usual test.",
        "d": "Not this one. The parts are rows, not stretches of time: each holds whole stories, and every story starts "
        "from a fresh state. With the wrong states the losses at the first step would differ, too.",
    },
)
