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

Quiz(
    "quiz_strange_weights",
    "04",
    answer="c",
    options={
        "a": "No: look at window 1. Its loss is far too high *before* the first step, and the pronouns were lost before "
        "training began. A smaller rate would only make the recovery slower.",
        "b": "No: then each of the four numbers of *Jane* would be off by its own second bias. They are not off: the "
        "group's very numbers are there, to the last digit, under other names.",
        "c": "Yes: the four numbers of *Jane* are the group's, under other names. What was trained to be the forget "
        "gate works as the candidate, and so on. All shapes fit, and training learns the cell anew, in the wrong "
        "place.",
        "d": "No: with another word's vector other numbers would come out. Here the group's very numbers for *Jane* "
        "come out, only under other names.",
    },
)
