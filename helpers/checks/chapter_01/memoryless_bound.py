"""`memoryless_bound`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np

from helpers.checks.registry import Exercise


def memoryless_bound_reference(text):
    pairs = Counter(itertools.pairwise(text))
    firsts = Counter(text[:-1])
    nats = sum(n * np.log(firsts[a] / n) for (a, b), n in pairs.items())
    return nats / (len(text) - 1)


def _cases(rng, *, length=(20, 50), letters=(3, 6)):
    return {"text": "".join(rng.choice(list("abcdef")[:letters], size=length))}


memoryless_bound = Exercise(
    "memoryless_bound", "01", memoryless_bound_reference, ("nats",), _cases,
    skip={"length = 1": "the text has at least 2 characters; two of them are an extreme"},
)  # fmt: skip


@memoryless_bound.oracle("a table of pair counts")
def _(text):
    letters = sorted(set(text))
    table = np.zeros((len(letters), len(letters)))
    for pair in itertools.pairwise(text):
        table[letters.index(pair[0]), letters.index(pair[1])] += 1
    joint = table / table.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        conditional = joint / joint.sum(axis=1, keepdims=True)
        return float(-np.nansum(joint * np.log(np.where(joint > 0, conditional, 1.0))))


@memoryless_bound.oracle("H(pair) − H(first of the pair)")
def _(text):
    def entropy(items):
        p = np.array(list(Counter(items).values())) / len(items)
        return float(-(p * np.log(p)).sum())

    return entropy(list(itertools.pairwise(text))) - entropy(list(text[:-1]))


memoryless_bound.landmark("""
    memoryless_bound("hello")         # ≈ 0.347
    memoryless_bound("mississippi")   # ≈ 0.607
""")


@memoryless_bound.extreme("two characters", "A text of two characters holds one pair, and that one is certain: 0 nats.")
def _(rng):
    return {"text": "ab"}


@memoryless_bound.extreme(
    "capitals, spaces, line ends",
    "Every character counts as it stands: A is not a, and spaces, full stops and line ends are characters, too.",
)
def _(rng):
    return {"text": " Anna sang. ANNA\tSANG a song,\n\nan old song;  Sangria? (No: a song!)\n "}


@memoryless_bound.extreme(
    "Korean", "Right for a, b, c …, wrong for other alphabets. Count the characters themselves, not places in a table of 128."
)
def _(rng):
    return {"text": "동생이 음료수를 마신다, 동생이 마신다, 음료수를 마신다 🥤🥤, 이 동생이"}


memoryless_bound.mistake(
    "unconditional",
    "This is the entropy of the next character on its own. The model does see the current one: count the followers of each "
    "character separately.",
    ("text[:-1]", "text[1:]"),
    ("firsts[a] / n", "(len(text) - 1) / firsts[b]"),
)
memoryless_bound.mistake(
    "entropy-of-the-characters",
    "This is the entropy of the characters, as if nothing were known of what comes before. The model sees the current "
    "character: count what follows each.",
    ("for (a, b), n in pairs.items()", "for n in Counter(text).values()"),
    ("firsts[a] / n", "len(text) / n"),
    ("(len(text) - 1)", "len(text)"),
)
memoryless_bound.mistake(
    "entropy-of-the-firsts",
    "This is the entropy of the current character. Wanted is that of the next one, the current one being known: count what "
    "follows each.",
    ("firsts[a] / n", "(len(text) - 1) / firsts[a]"),
)
memoryless_bound.mistake(
    "followers-all-alike",
    "You take all followers of a character for equally likely, at ln of their number. Each costs −ln P, with the P at which "
    "it came.",
    ("np.log(firsts[a] / n)", "np.log(sum(first == a for first, _ in pairs))"),
)
memoryless_bound.mistake(
    "add-one",
    "You add 1 to every count. The bound is what the text itself gives: count(ab) / count(a), as they are.",
    ("firsts[a] / n", "(firsts[a] + len(set(text))) / (n + 1)"),
)
memoryless_bound.mistake(
    "wraps-round",
    "You take the first character for a follower of the last one (text[-1] at i = 0). There are `len(text) - 1` pairs.",
    ("itertools.pairwise(text)", "itertools.pairwise(text[-1] + text)"),
    ("text[:-1]", "text"),
    ("(len(text) - 1)", "len(text)"),
)
memoryless_bound.mistake(
    "per-context",
    "You average over the distinct characters, each counting once. The loss is averaged over positions, so a character that "
    "occurs often weighs more.",
    ("n * np.log", "n / firsts[a] * np.log"),
    ("(len(text) - 1)", "len(firsts)"),
)
memoryless_bound.mistake(
    "weighted-by-the-whole-text",
    "You weigh each character by its share of the whole text. The last place predicts nothing: the weights are the counts of "
    "`text[:-1]`, over `len(text) - 1`.",
    ("n * np.log(firsts[a] / n)", "text.count(a) * n / firsts[a] * np.log(firsts[a] / n)"),
    ("(len(text) - 1)", "len(text)"),
)
memoryless_bound.mistake(
    "last-character-counted",
    "The last character is followed by nothing, so it is no prediction: count(a) goes over `text[:-1]`.",
    ("text[:-1]", "text"),
)
memoryless_bound.mistake(
    "sign", "Your answer is negative: a loss is *minus* the logarithm, and log P is below 0.", ("firsts[a] / n", "n / firsts[a]")
)
memoryless_bound.mistake(
    "joint",
    "This is the entropy of the *pairs*. Given the current character the model pays less: −ln(count(ab) / count(a)).",
    ("firsts[a] / n", "(len(text) - 1) / n"),
)
memoryless_bound.mistake(
    "the-other-way-round",
    "You condition on the *next* character: count(ab) / count(b). The model knows the current one, a.",
    ("text[:-1]", "text[1:]"),
    ("firsts[a]", "firsts[b]"),
)
memoryless_bound.mistake(
    "distinct-pairs",
    "Every distinct pair counts once here. A pair that occurs three times is paid for three times.",
    ("n * np.log", "np.log"),
    ("(len(text) - 1)", "len(pairs)"),
)
memoryless_bound.mistake(
    "not-weighted",
    "A pair that occurs three times is paid for three times: its −ln P is missing the factor count(ab).",
    ("n * np.log", "np.log"),
)
memoryless_bound.mistake(
    "weighted-by-probability",
    "You weigh each −ln P by P(b | a). Of the positions in the text, count(ab) pay it: the weight is the count.",
    ("n * np.log", "n / firsts[a] * np.log"),
)
memoryless_bound.mistake(
    "not-averaged",
    "This is the sum over the text. Divide by the number of predictions, `len(text) - 1`.",
    (" / (len(text) - 1)", ""),
)
memoryless_bound.mistake(
    "divides-by-length",
    "A text of n characters holds n − 1 predictions: divide by `len(text) - 1`, not `len(text)`.",
    ("(len(text) - 1)", "len(text)"),
)
memoryless_bound.mistake(
    "str-count",
    "`text.count(a + b)` counts occurrences that do not overlap: in aaaa it finds aa twice, and there are three. Go "
    "through the pairs one by one.",
    ("firsts[a] / n", "firsts[a] / text.count(a + b)"),
)
memoryless_bound.mistake(
    "str-count-weighted",
    "str.count skips what overlaps: in aaaa it finds aa twice, and there are three. Count the pairs position by position.",
    ("n * np.log(firsts[a] / n)", "text.count(a + b) * np.log(firsts[a] / text.count(a + b))"),
)
memoryless_bound.mistake(
    "every-other-pair",
    "You look at every other pair: 1st and 2nd, 3rd and 4th. The pairs overlap: every character but the last has a next one.",
    ("itertools.pairwise(text)", "zip(text[::2], text[1::2])"),
    ("text[:-1]", "text[: len(text) // 2 * 2 : 2]"),
    ("(len(text) - 1)", "(len(text) // 2)"),
)
memoryless_bound.mistake(
    "skips-one",
    "You pair each character with the one after the next. What follows text[i] is text[i + 1].",
    ("itertools.pairwise(text)", "zip(text, text[2:])"),
    ("text[:-1]", "text[:-2]"),
)
memoryless_bound.mistake(
    "last-pair-missing",
    "The last pair is left out: a text of n characters has n − 1 pairs, up to text[-2] and text[-1].",
    ("itertools.pairwise(text)", "itertools.pairwise(text[:-1])"),
    ("Counter(text[:-1])", "Counter(text[:-2])"),
)
memoryless_bound.mistake(
    "log-of-the-mean",
    "This is the logarithm of the mean probability. Wanted is the mean of the logarithms: take −ln P at every position first, "
    "and average then.",
    ("n * np.log(firsts[a] / n)", "n * n / firsts[a]"),
    ("nats / (len(text) - 1)", "-np.log(nats / (len(text) - 1))"),
)
memoryless_bound.mistake(
    "mean-probability",
    "This is the mean of the probabilities. The loss is the mean of −ln P: the logarithm is missing.",
    ("n * np.log(firsts[a] / n)", "n * n / firsts[a]"),
)
memoryless_bound.mistake(
    "share-of-wrong-guesses",
    "This is the share of wrong guesses when the most frequent follower is guessed. The loss asks how much probability the "
    "right one got: the mean of −ln P.",
    (
        "nats = sum(n * np.log(firsts[a] / n) for (a, b), n in pairs.items())",
        "nats = sum(firsts[a] - max(n for (c, _), n in pairs.items() if c == a) for a in firsts)",
    ),
)
memoryless_bound.mistake(
    "perplexity",
    "You return the perplexity, exp of the mean. Wanted is the mean itself, in nats.",
    ("nats / (len(text) - 1)", "np.exp(nats / (len(text) - 1))"),
)
memoryless_bound.mistake(
    "log10",
    "You take logarithms to base 10. A loss in nats takes the natural one: `np.log`.",
    ("np.log(", "np.log10("),
)


@memoryless_bound.variant("position by position")
def _(text):
    firsts, pairs = Counter(text[:-1]), Counter(itertools.pairwise(text))
    here = itertools.pairwise(text)
    return float(np.mean([np.log(firsts[a]) - np.log(pairs[a, b]) for a, b in here]))


@memoryless_bound.variant("a plain float from a generator")
def _(text):
    pairs = Counter(text[i : i + 2] for i in range(len(text) - 1))
    firsts = Counter(text[:-1])
    return -sum(n * np.log(n / firsts[pair[0]]) for pair, n in pairs.items()) / pairs.total()


@memoryless_bound.variant("followers of each character, one after the other")
def _(text):
    total = 0.0
    for letter in sorted(set(text[:-1])):
        after = [b for a, b in itertools.pairwise(text) if a == letter]
        for b in set(after):
            total -= after.count(b) * np.log(after.count(b) / len(after))
    return total / (len(text) - 1)
