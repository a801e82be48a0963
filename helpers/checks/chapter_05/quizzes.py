"""The quizzes of chapter 5: every option with its explanation."""

from __future__ import annotations

from helpers.checks.registry import Quiz

Quiz(
    "quiz_characters",
    "05",
    answer="d",
    options={
        "a": "This one is true: about a hundred characters against ten thousand words, so embedding and output layer "
        "are far smaller.",
        "b": "This one is true: any string is a string of characters. A word model can only say <unk>.",
        "c": "This one is true: the same text has several times as many characters as words, so what is ten words "
        "back is dozens of steps back.",
        "d": "Yes, this is the false one. The output layer gives a distribution over all characters, every one of them "
        "above zero. One-hot is the *target*, or the drawn character when it is fed in again.",
    },
)

Quiz(
    "quiz_fault_epoch",
    "05",
    answer="c",
    options={
        "a": "The model, gates and gradients, is ours in both rows; only the loop is not. A wrong gradient would spoil our "
        "row, too.",
        "b": "The validation text, its targets and `evaluate` are ours in both rows. A model trained for words two places "
        "ahead would do far worse there than a few per cent.",
        "c": "Yes. What the model has read *inside* a window it uses about as well as ours. What the state brings into the "
        "window is worth almost nothing to it: in training, that state had nothing to do with the text that followed.",
        "d": "A lower rate raises both numbers and leaves the carried state about its worth. And optimizer and rate are the same "
        "in both rows.",
    },
)
