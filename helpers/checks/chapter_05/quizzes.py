"""The quiz of chapter 5: every option with its explanation."""

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
