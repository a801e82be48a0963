"""Sentences that check themselves: ``claim("the LSTM ends below the plain network", lstm < rnn)``.

A claim prints ✓ and its sentence. In the build and in tests a claim that does not hold is an
AssertionError, so that no sentence outlives its measurement; for a learner, whose processor, seed or own
code may give other numbers, it prints ✗ and the notebook goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from helpers import console
from helpers.building import BUILDING
from helpers.languages import translate
from helpers.validation import require


@dataclass(frozen=True)
class Claim:
    """One sentence about what was measured. `heard` is the statement that it gives a `verdict` on."""

    sentence: str
    holds: bool
    heard: str = ""
    verdict: str = ""

    def __str__(self) -> str:
        return self.marked().replace("$", "")   # printed as text; the table sets the maths

    def marked(self, mark: str = "✓ ") -> str:
        """The sentence behind the `mark`, or behind ✗ where it does not hold."""
        if self.holds:
            return f"{mark}{self.sentence}"
        return f"✗ {translate('{sentence} (not in this run)', sentence=self.sentence)}"


_MADE: dict[str, Claim] = {}   # by sentence: a cell that runs again replaces what it had claimed


def claim(sentence: str, condition: object, *, heard: str = "", verdict: str = "") -> None:
    """State `sentence`, which is true when `condition` is: one bool (Python's, NumPy's or torch's).

    With `heard`, a statement as lectures or books make it, and `verdict`, a word or two about it, the claim
    becomes a row of the chapter's closing `table`.

    Raises ValueError for an empty sentence, or for one of `heard` and `verdict` without the other; TypeError
    for a condition that is no single bool (an array: say `.all()` or `.any()`); AssertionError, in the build
    only, when the condition is false.
    """
    require(isinstance(sentence, str) and bool(sentence.strip()), "sentence", repr(sentence), "a sentence")
    for name, text in (("heard", heard), ("verdict", verdict)):
        require(isinstance(text, str), name, repr(text), "a text")
    require(bool(heard) == bool(verdict), "verdict", repr(verdict), "heard and verdict together, or neither")
    made = Claim(" ".join(sentence.split()), _truth(condition), heard, verdict)
    _MADE[made.sentence] = made
    if BUILDING and not made.holds:
        raise AssertionError(f"claimed, but not so: {made.sentence}")
    console.say(made)


def _truth(condition: object) -> bool:
    """The one truth value in `condition`; TypeError when there is none, or more than one."""
    value = condition
    if type(value).__module__.split(".")[0] in ("numpy", "torch") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if not isinstance(value, bool):
        shape = f" of shape {tuple(condition.shape)}" if hasattr(condition, "shape") else ""
        raise TypeError(f"condition: got a {type(condition).__name__}{shape}, wanted one True or False")
    return value


class _Table:
    """Rows (heard, verdict, measured) as Markdown, which notebooks render, and as text."""

    def __init__(self, rows: list[tuple[str, str, str]]):
        self.rows = rows

    def __repr__(self) -> str:
        return "\n".join(f"{heard}\n    {verdict}: {measured}" for heard, verdict, measured in self.rows)

    def _repr_markdown_(self) -> str:
        header = translate("What one hears"), translate("Verdict"), translate("Measured here")
        lines = [header, ("---",) * 3, *self.rows]
        return "\n".join("| " + " | ".join(_in_a_cell(text) for text in line) + " |" for line in lines)


def _in_a_cell(text: str) -> str:
    r"""`text` for a cell of a Markdown table: a bar in it would end the cell."""
    return text.replace(r"\|", "|").replace("|", r"\|")


def table(unmeasured: Mapping[str, str] | None = None) -> None:
    """Display what was claimed and what was measured: a row for each `heard` among the claims made since
    the notebook began, in their order, and one for each of `unmeasured` {heard: why it was not}.

    Raises ValueError when no claim with `heard` has been made and nothing is unmeasured.
    """
    texts = [*unmeasured, *unmeasured.values()] if isinstance(unmeasured, Mapping) else [unmeasured or ""]
    fits = all(isinstance(text, str) for text in texts) and isinstance(unmeasured, Mapping | None)
    require(fits, "unmeasured", f"{unmeasured!r:.80}", "{heard: why it was not measured}")
    rows: dict[str, tuple[list[str], list[str]]] = {}
    for made in _MADE.values():
        if made.heard:
            verdicts, sentences = rows.setdefault(made.heard, ([], []))
            verdicts += [made.verdict] if made.verdict not in verdicts else []
            sentences.append(made.marked(""))
    between = translate("; ")
    lines = [(heard, between.join(verdicts), between.join(said)) for heard, (verdicts, said) in rows.items()]
    lines += [(heard, translate("not measured"), why) for heard, why in (unmeasured or {}).items()]
    require(bool(lines), "claims", "none with heard=", "at least one: run the chapter's cells first")
    console.show(_Table(lines))
