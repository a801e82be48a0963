"""`skill_score`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def skill_score_reference(series, forecasts, start):
    yesterday = series[start - 1 : -1]
    squared = np.mean((series[start:] - forecasts[start:]) ** 2)
    return 1 - squared / np.mean((series[start:] - yesterday) ** 2)


def _cases(rng, *, start=(15, 21), tested=(14, 23)):
    """Good forecasts and bad ones, in cents or in thousands; the first ones may be missing, as in the chapter."""
    length, missing = start + tested, min(start, 10 * int(rng.integers(2)))
    # Steps of another size in the tested part, and a drift, so that every wrong baseline shows.
    steps = rng.normal(size=length) + 0.4
    steps[start:] *= 2.5
    series = 20 + np.cumsum(steps)
    forecasts = series - 0.4 * steps + rng.normal(size=length, scale=rng.choice([0.8, 8.0])) + 0.3
    forecasts[:missing] = np.nan
    unit = 10.0 ** rng.integers(-2, 3)
    return {"series": unit * series, "forecasts": unit * forecasts, "start": start}


skill_score = Exercise("skill_score", "05", skill_score_reference, ("skill",), _cases)


@skill_score.oracle("day by day, in a loop")
def _(series, forecasts, start):
    model = persistence = 0.0
    for t in range(start, len(series)):
        model += float(series[t] - forecasts[t]) ** 2
        persistence += float(series[t] - series[t - 1]) ** 2
    return 1 - model / persistence


@skill_score.oracle("norms of the errors and of the changes")
def _(series, forecasts, start):
    errors, changes = (series - forecasts)[start:], np.diff(series)[start - 1 :]
    return 1 - (np.linalg.norm(errors) / np.linalg.norm(changes)) ** 2


@skill_score.extreme("all forecasts before `start` missing", "What is missing before `start` must not count: 0 · nan is nan.")
def _(rng):
    case = _cases(rng, start=6, tested=9)
    case["forecasts"][:6] = np.nan
    return case


@skill_score.extreme(
    "whole numbers in the series",
    "Right with fractions, wrong with whole numbers: an array made after the pattern of `series` (zeros_like, empty_like) holds "
    "whole numbers then, and cuts the errors off.",
)
def _(rng):
    return {"series": np.array([6, 8, 5, 5, 1]), "forecasts": np.array([np.nan, 8.0, 4.4, 5.4, 6.9]), "start": 2}


@skill_score.extreme("a forecast far worse than persistence", "Skill has no lower end: cut nothing off.")
def _(rng):
    series = np.cumsum(rng.normal(size=12))
    return {"series": series, "forecasts": series + 100 * rng.normal(size=12), "start": 4}


@skill_score.extreme("a perfect forecast", "Without an error of the network the skill is 1.")
def _(rng):
    series = np.cumsum(rng.normal(size=12))
    return {"series": series, "forecasts": series.copy(), "start": 3}


@skill_score.extreme("days without a change", "On some days nothing changes: take the means first, then divide once.")
def _(rng):
    series = np.array([3.0, 3.0, 4.5, 4.5, 4.5, 2.0, 2.0, -1.0])
    return {"series": series, "forecasts": series + rng.normal(size=8), "start": 2}


@skill_score.extreme("values and errors around 1e-6", "Right for large values, wrong for small ones: nothing is added to the divisor.")
def _(rng):
    case = _cases(rng, start=5, tested=8)
    return case | {name: 1e-6 * case[name] / np.nanmax(np.abs(case[name])) for name in ("series", "forecasts")}


@skill_score.extreme("forecasts that repeat yesterday's value on some days", "All tested days count, those with yesterday's value as forecast, too.")
def _(rng):
    case = _cases(rng, start=7, tested=12)
    repeated = np.arange(8, 16, 3)
    case["forecasts"][repeated] = case["series"][repeated - 1]
    return case


YESTERDAY = "series[start - 1 : -1]"
MODEL = "np.mean((series[start:] - forecasts[start:]) ** 2)"
PERSISTENCE = "np.mean((series[start:] - yesterday) ** 2)"
ERRORS, CHANGES = "series[start:] - forecasts[start:]", "series[start:] - yesterday"
SKILL = f"1 - squared / {PERSISTENCE}"

skill_score.mistake(
    "in-sample",
    "You score the whole series. Up to `start` the network was trained, and there it looks better than it is: score "
    "from `start` on, both forecasts.",
    (ERRORS, "series[1:] - forecasts[1:]"),
    (CHANGES, "series[1:] - series[:-1]"),
)
skill_score.mistake(
    "whole-series",
    "You score all days, the first one and those of the training too: nan where the first forecasts are missing. Score "
    "from `start` on, both forecasts.",
    (ERRORS, "series - forecasts"),
    (CHANGES, "series[1:] - series[:-1]"),
)
skill_score.mistake(
    "training-days",
    "You score the days *before* `start`, those of the training. The tested ones are series[start:].",
    (ERRORS, "series[1:start] - forecasts[1:start]"),
    (CHANGES, "series[1:start] - series[: start - 1]"),
)
skill_score.mistake(
    "baseline-in-sample",
    "Persistence is scored on another part of the series than the network. Both have to forecast the same days, those "
    "from `start` on.",
    (CHANGES, "series[1:] - series[:-1]"),
)
skill_score.mistake(
    "baseline-on-training-part",
    "Persistence is scored on the training part, the network on the test part. Both have to forecast the same days.",
    (CHANGES, "series[1:start] - series[: start - 1]"),
)
skill_score.mistake(
    "first-change-lost",
    "The first tested day has a yesterday, too: series[start − 1], the last day of the training part. Your baseline "
    "begins one day late.",
    (CHANGES, "series[start + 1 :] - series[start:-1]"),
)
skill_score.mistake(
    "both-one-day-late",
    "You leave the first tested day out. It has a yesterday, too: series[start − 1].",
    (ERRORS, "series[start + 1 :] - forecasts[start + 1 :]"),
    (CHANGES, "series[start + 1 :] - series[start:-1]"),
)
skill_score.mistake(
    "one-day-early",
    "You begin at day start − 1, the last of the training part. Its value is only needed as the yesterday of day start.",
    (ERRORS, "series[start - 1 :] - forecasts[start - 1 :]"),
    (CHANGES, "series[start - 1 :] - series[start - 2 : -1]"),
)
skill_score.mistake(
    "last-day-lost",
    "You leave the last day out: series[start:-1] ends before it. Only *yesterday* ends at −1.",
    (ERRORS, "series[start:-1] - forecasts[start:-1]"),
    (CHANGES, "series[start:-1] - yesterday[:-1]"),
)
skill_score.mistake(
    "first-day-with-itself",
    "The first tested day has a yesterday, too: series[start − 1]. Your baseline compares it with itself, or leaves it "
    "out of the sum: both are an error of 0 that persistence has not earned.",
    (CHANGES, "np.diff(series[start:], prepend=series[start])"),
)
skill_score.mistake(
    "yesterday-goes-round",
    "Your first tested day gets the value of the *last* one as its yesterday: an index of −1, or np.roll on the tested part "
    f"alone, goes round. Its yesterday stands in the whole series: `{YESTERDAY}`.",
    (YESTERDAY, "np.roll(series[start:], 1)"),
)
skill_score.mistake(
    "tomorrow",
    "Your baseline is the value of the day *after* (np.roll by −1 shifts towards the past). Persistence knows yesterday: "
    f"`{YESTERDAY}`.",
    (YESTERDAY, "np.roll(series, -1)[start:]"),
)
skill_score.mistake(
    "one-yesterday-too-many",
    f"Your yesterdays go on to the last day, whose tomorrow is not there: one too many. `{YESTERDAY}` ends a day earlier.",
    (YESTERDAY, "series[start - 1 :]"),
)
skill_score.mistake(
    "one-yesterday-too-many-in-front",
    f"The yesterdays, from which you take the days, are one too many: the last day has no tomorrow here. `{YESTERDAY}`.",
    (YESTERDAY, "series[start - 1 :]"),
    (CHANGES, "yesterday - series[start:]"),
)
skill_score.mistake(
    "upside-down",
    "The ratio stands on its head: the network's error above, that of persistence below.",
    (SKILL, f"1 - {PERSISTENCE} / squared"),
)
skill_score.mistake(
    "last-day-only",
    "Only the last day counts, in both errors: in a loop `=` overwrites what `+=` adds up.",
    (MODEL, "(series[-1] - forecasts[-1]) ** 2"),
    (PERSISTENCE, "(series[-1] - series[-2]) ** 2"),
)
skill_score.mistake(
    "two-days-ago",
    f"Your baseline is the value of two days before. Yesterday, for the days from start on: `{YESTERDAY}`.",
    (YESTERDAY, "np.roll(series, 2)[start:]"),
)
skill_score.mistake(
    "frozen",
    "Your baseline repeats series[start − 1] for all days. Persistence is renewed every day: the forecast of day t is "
    "series[t − 1].",
    (YESTERDAY, "series[start - 1]"),
)
skill_score.mistake(
    "frozen-at-start",
    "Your baseline repeats series[start] for all days, a value that is to be forecast itself. The persistence forecast of day t "
    "is series[t − 1].",
    (YESTERDAY, "series[start]"),
)
skill_score.mistake(
    "mean-of-all-days",
    "Your baseline is the mean of the whole series. The opponent here is persistence: yesterday's value.",
    (YESTERDAY, "series.mean()"),
)
skill_score.mistake(
    "first-value",
    "Your baseline repeats the very first value of the series. Persistence is renewed every day.",
    (YESTERDAY, "series[0]"),
)
skill_score.mistake(
    "mean-of-the-tested-days",
    "This is R²: its baseline is the mean of the very values to be forecast, which nobody knows beforehand. A series "
    "that wanders makes that an easy opponent. Take yesterday's value.",
    (YESTERDAY, "series[start:].mean()"),
)
skill_score.mistake(
    "mean-of-training",
    "Your baseline is the mean of the training part. The opponent here is persistence: yesterday's value.",
    (YESTERDAY, "series[:start].mean()"),
)
skill_score.mistake(
    "yesterdays-forecast",
    "Your baseline is the *network's* forecast of yesterday. Persistence takes yesterday's value, from the series.",
    (YESTERDAY, "forecasts[start - 1 : -1]"),
)
skill_score.mistake(
    "forecasts-one-day-late",
    "Each day is compared with the network's forecast for the day before. forecasts[t] is the forecast of day t: "
    "only persistence is shifted.",
    ("forecasts[start:]", "forecasts[start - 1 : -1]"),
)
skill_score.mistake(
    "compared-with-yesterday",
    "You compare the forecast of a day with the day *before* it. That measures how well the network repeats, not how "
    "well it forecasts.",
    (ERRORS, "yesterday - forecasts[start:]"),
)
skill_score.mistake(
    "persistence-against-forecasts",
    "You compare yesterday's value with the network's forecast. Both forecasts have to be compared with what came: the series.",
    (CHANGES, "forecasts[start:] - yesterday"),
)
skill_score.mistake(
    "network-against-persistence",
    "You compare the network with persistence. Both have to be compared with what came: the series.",
    (ERRORS, "yesterday - forecasts[start:]"),
    (CHANGES, "series[start:] - forecasts[start:]"),
)
skill_score.mistake("ratio", "This is the ratio of the errors; the skill is 1 minus it.", (SKILL, f"squared / {PERSISTENCE}"))
skill_score.mistake(
    "sign",
    "The sign is wrong: a network with a smaller error than persistence has a skill above 0.",
    (SKILL, f"squared / {PERSISTENCE} - 1"),
)
skill_score.mistake(
    "not-squared",
    "Wanted is the ratio of the *squared* errors; yours compares their roots.",
    (SKILL, f"1 - np.sqrt(squared / {PERSISTENCE})"),
)
skill_score.mistake(
    "absolute",
    "Your errors are absolute ones; wanted are squared errors.",
    (MODEL, f"np.mean(np.abs({ERRORS}))"),
    (PERSISTENCE, f"np.mean(np.abs({CHANGES}))"),
)
skill_score.mistake(
    "difference",
    "This is the difference of the two errors, which changes with the currency. Divide: 1 − ratio.",
    (SKILL, f"{PERSISTENCE} - squared"),
)
skill_score.mistake(
    "one-minus-difference",
    "You subtract the two errors, which changes with the currency. Divide them: 1 − ratio.",
    (SKILL, f"1 - (squared - {PERSISTENCE})"),
)
for _small in ("1e-6", "1e-8", "1e-9", "1e-10", "1e-12"):
    skill_score.mistake(
        f"epsilon-{_small}",
        f"You add {_small} to the divisor. Where values are small that is much; some value changes, so nothing need be added.",
        (SKILL, f"1 - squared / ({PERSISTENCE} + {_small})"),
    )
skill_score.mistake(
    "parenthesis", "1 minus the ratio: divide first. Your 1 is divided as well.", (SKILL, f"(1 - squared) / {PERSISTENCE}")
)
skill_score.mistake(
    "never-negative",
    "A network that is worse than persistence has a skill below 0: cut nothing off.",
    (SKILL, f"max(0.0, {SKILL})"),
)
skill_score.mistake(
    "better-or-not",
    "Wanted is how much better, a number, not whether.",
    (SKILL, f"squared < {PERSISTENCE}"),
)
skill_score.mistake(
    "mean-then-square",
    "First square each error, then take the mean: errors of both signs cancel in yours.",
    (MODEL, f"np.mean({ERRORS}) ** 2"),
    (PERSISTENCE, f"np.mean({CHANGES}) ** 2"),
)
skill_score.mistake(
    "no-squares",
    "The errors are not squared: those of both signs cancel. Square each, then take the mean.",
    (MODEL, f"np.mean({ERRORS})"),
    (PERSISTENCE, f"np.mean({CHANGES})"),
)
skill_score.mistake(
    "square-of-one-part",
    "`**` binds more tightly than the minus: only what stands behind the minus is squared. Parentheses round the difference, in both errors.",
    (MODEL, "np.mean(series[start:] - forecasts[start:] ** 2)"),
    (PERSISTENCE, "np.mean(series[start:] - yesterday ** 2)"),
)
skill_score.mistake(
    "variance",
    "A variance forgives a constant error: take the mean of the squares.",
    (MODEL, f"np.var({ERRORS})"),
    (PERSISTENCE, f"np.var({CHANGES})"),
)
skill_score.mistake(
    "median",
    "Wanted are means of squared errors, not medians.",
    (MODEL, f"np.median(({ERRORS}) ** 2)"),
    (PERSISTENCE, f"np.median(({CHANGES}) ** 2)"),
)
skill_score.mistake(
    "mean-of-ratios",
    "You divide day by day and then take the mean. Take the two means first, then one ratio.",
    (MODEL, f"({ERRORS}) ** 2"),
    (SKILL, f"1 - np.mean(squared / ({CHANGES}) ** 2)"),
)
skill_score.mistake(
    "missing-skipped",
    "You score the network on all days that have a forecast, those of the training too. The tested ones are series[start:].",
    (MODEL, "np.nanmean((series - forecasts) ** 2)"),
)
skill_score.mistake(
    "relative",
    "You divide each error by the day's value. Wanted are plain squared errors, of both forecasts.",
    (MODEL, f"np.mean((({ERRORS}) / series[start:]) ** 2)"),
    (PERSISTENCE, f"np.mean((({CHANGES}) / series[start:]) ** 2)"),
)
skill_score.mistake(
    "missing-forecasts",
    "The first forecasts may be missing (nan), and 0 · nan is nan: a mask has to select, errors[tested], not multiply.",
    (MODEL, "((np.arange(len(series)) >= start) * (series - forecasts) ** 2).sum() / (len(series) - start)"),
)


@skill_score.misconception(
    "correlation",
    "That is the correlation, the number behind the picture that fools: it is close to 1 for yesterday's value, too. "
    "Compare squared errors.",
)
def _(series, forecasts, start):
    return np.corrcoef(series[start:], forecasts[start:])[0, 1]


@skill_score.variant("errors and changes, sums of squares")
def _(series, forecasts, start):
    errors, changes = (series - forecasts)[start:], np.diff(series)[start - 1 :]
    return 1 - (errors**2).sum() / (changes**2).sum()


@skill_score.variant("a mask over the days")
def _(series, forecasts, start):
    tested = np.arange(len(series)) >= start
    persistence = np.roll(series, 1)   # the value that wraps around is not tested
    return 1 - ((series - forecasts) ** 2)[tested].mean() / ((series - persistence) ** 2)[tested].mean()


@skill_score.variant("plain Python")
def _(series, forecasts, start):
    days = range(start, len(series))
    model = sum((float(series[t]) - float(forecasts[t])) ** 2 for t in days)
    return 1 - model / sum((float(series[t]) - float(series[t - 1])) ** 2 for t in days)


skill_score.landmark("""
    prices, forecasts = np.array([6, 8, 5, 5, 1]), np.array([np.nan, 8, 4, 5, 7])
    skill_score(prices, forecasts, 2)   # ≈ -0.48
""")
