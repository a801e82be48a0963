"""The quiz of chapter 4: every option with its explanation."""

from __future__ import annotations

from helpers.checks.registry import Quiz

Quiz(
    "quiz_forget_gate",
    "04",
    answer="b",
    options={
        "a": "No: nothing is drawn. The gate is a number between 0 and 1, like a probability, but it is multiplied "
        "with the cell: 0.7 · c. Run the step twice and you get the same cell twice.",
        "b": "Yes: c_new = 0.7 · c_old + g. The gate is a fraction, and the same one whenever it is 0.7. A cell at 2.0 "
        "goes on with 1.4, plus what is new at this step.",
        "c": "No: in spite of its name the forget gate says how much *stays*. f = 1 keeps everything and f = 0 erases "
        "everything; at 0.7 it is 30 % that is forgotten.",
        "d": "No: a gate value belongs to one step, and the next step's may be anything. Only if f stayed at 0.7 for "
        "many steps would old inputs fade on a scale of about 3 steps, and what the cell holds is numbers, "
        "not words.",
    },
)
