"""The quizzes of chapter 7: every option with its explanation."""

from __future__ import annotations

from helpers.checks.registry import Quiz

Quiz(
    "quiz_which_state",
    "07",
    answer="b",
    options={
        "a": "Not this one. s₃ exists only after the cell's third step, and in additive attention the context goes *into* that "
        "step. s₃ is the query of Luong's attention.",
        "b": "Yes. The context c₃ is an input of the cell's third step, so it has to be ready before s₃ is: the query is s₂. "
        "Luong's attention first makes the step and then asks, with s₃.",
        "c": "Not this one. The encoder's states are the keys, what is looked at. The query comes from the decoder.",
        "d": "Not this one. y₂ goes into the cell together with the context, but the scores are made before that, from the "
        "decoder's state s₂, which has not even read y₂.",
    },
)

Quiz(
    "quiz_attention_explains",
    "07",
    answer="c",
    options={
        "a": "Not this one. The weights say what was mixed, not what the layers behind it did with the mixture. And the "
        "state at 마셨다 knows its neighbours: what came from there need not be about 마셨다.",
        "b": "Not this one. That is a statement about another input, and has to be measured there. 어제, too, says that it "
        "was in the past, and a weight does not tell what else the decoder could have used.",
        "c": "Yes. That is all that a weight says. (Not even that 마셨다 makes up four fifths of the context: a short vector, "
        "taken 0.8 times, may be a small part of the sum.) Whether it explains the output is a question for an experiment: "
        "take the word away, change the weights, and look.",
        "d": "Not this one. A recurrent encoder's state at a word has read the whole sentence up to there, in both directions "
        "if there are two. And the decoder's own state has a say as well.",
    },
)

Quiz(
    "quiz_one_call",
    "07",
    answer="c",
    options={
        "a": "Not this one. Exposure bias shows when the decoder reads its own letters. In the column before it is handed the "
        "*right* letters, one step a call, and fails there as well.",
        "b": "Not this one. All words have eight letters: there is no padding anywhere. And the batch is the same in all three "
        "columns.",
        "c": "Yes. With the same letters read, only the number of steps in the call is different, so a step's weights must depend "
        "on the other steps. With a single step in the call nothing is left to compete with.",
        "d": "Not this one. The state before the step is known in one call and step by step, and would give the same letters in "
        "both. It would be another model, not two answers from one.",
    },
)
