"""The pictures that a chapter's controls redraw: what a small model does with words that a reader types."""

from helpers.boards.gates import gate_board
from helpers.boards.words import typed_words
from helpers.boards.writing import writing_board

__all__ = ["gate_board", "typed_words", "writing_board"]
