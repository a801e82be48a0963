"""`skill_score`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def _mse(series, forecasts):
    return np.mean((series - forecasts) ** 2)


def _skill_score(series, forecasts, start):
    yesterday = series[start - 1 : -1]
    return float(1 - _mse(series[start:], forecasts[start:]) / _mse(series[start:], yesterday))


def _cases(rng):
    """Good forecasts and bad ones, in cents or in thousands; the first ones may be missing, as in the chapter."""
    length = int(rng.integers(30, 45))
    missing = 10 * int(rng.integers(2))
    start = int(rng.integers(15, 22)) if missing or rng.random() < 0.7 else 1
    # Steps of another size in the tested part, and a drift, so that every wrong baseline shows.
    steps = rng.normal(size=length) + 0.4
    steps[start:] *= 2.5
    series = 20 + np.cumsum(steps)
    forecasts = series - 0.4 * steps + rng.normal(size=length, scale=rng.choice([0.8, 8.0])) + 0.3
    forecasts[:missing] = np.nan
    unit = 10.0 ** rng.integers(-2, 3)
    return {"series": unit * series, "forecasts": unit * forecasts, "start": start}


skill_score = Exercise("skill_score", "05", _skill_score, ("skill",), _cases, rounds=8)


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


@skill_score.misconception(
    "in-sample",
    "You score the whole series. Up to `start` the network was trained, and there it looks better than it is: score "
    "from `start` on, both forecasts.",
)
def _(series, forecasts, start):
    return float(1 - _mse(series[1:], forecasts[1:]) / _mse(series[1:], series[:-1]))


@skill_score.misconception(
    "baseline-in-sample",
    "Persistence is scored on another part of the series than the network. Both have to forecast the same days, those "
    "from `start` on.",
)
def _(series, forecasts, start):
    return float(1 - _mse(series[start:], forecasts[start:]) / _mse(series[1:], series[:-1]))


@skill_score.misconception(
    "baseline-on-training-part",
    "Persistence is scored on the training part, the network on the test part. Both have to forecast the same days.",
)
def _(series, forecasts, start):
    return float(1 - _mse(series[start:], forecasts[start:]) / _mse(series[1:start], series[: start - 1]))


@skill_score.misconception(
    "first-change-lost",
    "The first tested day has a yesterday, too: series[start − 1], the last day of the training part. Your baseline "
    "begins one day late.",
)
def _(series, forecasts, start):
    return float(1 - _mse(series[start:], forecasts[start:]) / _mse(series[start + 1 :], series[start:-1]))


@skill_score.misconception(
    "both-one-day-late",
    "You leave the first tested day out. It has a yesterday, too: series[start − 1].",
)
def _(series, forecasts, start):
    return float(1 - _mse(series[start + 1 :], forecasts[start + 1 :]) / _mse(series[start + 1 :], series[start:-1]))


@skill_score.misconception(
    "frozen",
    "Your baseline repeats series[start − 1] for all days. Persistence is renewed every day: the forecast of day t is "
    "series[t − 1].",
)
def _(series, forecasts, start):
    return float(1 - _mse(series[start:], forecasts[start:]) / _mse(series[start:], series[start - 1]))


@skill_score.misconception(
    "mean-of-the-tested-days",
    "This is R²: its baseline is the mean of the very values to be forecast, which nobody knows beforehand. A series "
    "that wanders makes that an easy opponent. Take yesterday's value.",
)
def _(series, forecasts, start):
    return float(1 - _mse(series[start:], forecasts[start:]) / np.var(series[start:]))


@skill_score.misconception(
    "mean-of-training",
    "Your baseline is the mean of the training part. The opponent here is persistence: yesterday's value.",
)
def _(series, forecasts, start):
    return float(1 - _mse(series[start:], forecasts[start:]) / _mse(series[start:], series[:start].mean()))


@skill_score.misconception(
    "compared-with-yesterday",
    "You compare the forecast of a day with the day *before* it. That measures how well the network repeats, not how "
    "well it forecasts.",
)
def _(series, forecasts, start):
    yesterday = series[start - 1 : -1]
    return float(1 - _mse(yesterday, forecasts[start:]) / _mse(series[start:], yesterday))


@skill_score.misconception(
    "tomorrow",
    "Your baseline is the value of the day *after* (np.roll by −1 shifts towards the past). Persistence knows yesterday: "
    "series[start - 1 : -1].",
)
def _(series, forecasts, start):
    return float(1 - _mse(series[start:], forecasts[start:]) / _mse(series[start:], np.roll(series, -1)[start:]))


@skill_score.misconception(
    "correlation",
    "That is the correlation, the number behind the picture that fools: it is close to 1 for yesterday's value, too. "
    "Compare squared errors.",
)
def _(series, forecasts, start):
    return float(np.corrcoef(series[start:], forecasts[start:])[0, 1])


@skill_score.misconception("ratio", "This is the ratio of the errors; the skill is 1 minus it.")
def _(series, forecasts, start):
    return 1 - _skill_score(series, forecasts, start)


@skill_score.misconception(
    "upside-down", "Your ratio stands on its head: the network's error is divided by that of persistence."
)
def _(series, forecasts, start):
    return float(1 - 1 / (1 - _skill_score(series, forecasts, start)))


@skill_score.misconception(
    "sign", "The sign is wrong: a network with a smaller error than persistence has a skill above 0."
)
def _(series, forecasts, start):
    return -_skill_score(series, forecasts, start)


@skill_score.misconception("not-squared", "Wanted is the ratio of the *squared* errors; yours compares their roots.")
def _(series, forecasts, start):
    return float(1 - np.sqrt(1 - _skill_score(series, forecasts, start)))


@skill_score.misconception("absolute", "Your errors are absolute ones; wanted are squared errors.")
def _(series, forecasts, start):
    model = np.abs(series - forecasts)[start:].mean()
    return float(1 - model / np.abs(np.diff(series))[start - 1 :].mean())


@skill_score.misconception(
    "difference", "This is the difference of the two errors, which changes with the currency. Divide: 1 − ratio."
)
def _(series, forecasts, start):
    yesterday = series[start - 1 : -1]
    return float(_mse(series[start:], yesterday) - _mse(series[start:], forecasts[start:]))


def _ratio(
    name,
    hint,
    *,
    errors=lambda s, f, t: (s - f)[t:],
    changes=lambda s, f, t: np.diff(s)[t - 1 :],
    size=lambda e: np.mean(e**2),
):
    """The right formula, 1 − size(errors) / size(changes), with one of the three parts exchanged."""
    skill_score.misconception(name, hint)(
        lambda series, forecasts, start: 1
        - size(errors(series, forecasts, start)) / size(changes(series, forecasts, start))
    )


_ratio(
    "first-day-with-itself",
    "The first tested day has a yesterday, too: series[start − 1]. Your baseline compares it with itself, or leaves it "
    "out of the sum: both are an error of 0 that persistence has not earned.",
    changes=lambda s, f, t: np.diff(s[t:], prepend=s[t]),
)
_ratio(
    "yesterday-goes-round",
    "np.roll on the tested part alone gives the first day the value of the *last* one. Cut after rolling, or take "
    "series[start - 1 : -1].",
    changes=lambda s, f, t: s[t:] - np.roll(s[t:], 1),
)
_ratio(
    "two-days-ago",
    "Your baseline is the value of two days before. Yesterday, for the days from start on: series[start - 1 : -1].",
    changes=lambda s, f, t: s[t:] - s[t - 2 : -2],
)
_ratio(
    "first-value",
    "Your baseline repeats the very first value of the series. Persistence is renewed every day.",
    changes=lambda s, f, t: s[t:] - s[0],
)
_ratio(
    "yesterdays-forecast",
    "Your baseline is the *network's* forecast of yesterday. Persistence takes yesterday's value, from the series.",
    changes=lambda s, f, t: s[t:] - f[t - 1 : -1],
)
_ratio(
    "forecasts-one-day-late",
    "Each day is compared with the network's forecast for the day before. forecasts[t] is the forecast of day t: "
    "only persistence is shifted.",
    errors=lambda s, f, t: s[t:] - f[t - 1 : -1],
)
_ratio(
    "one-day-early",
    "You begin at day start − 1, the last of the training part. Its value is only needed as the yesterday of day start.",
    changes=lambda s, f, t: s[t - 1 :] - s[t - 2 : -1],
    errors=lambda s, f, t: (s - f)[t - 1 :],
)
_ratio(
    "whole-series",
    "You score all days, the first one and those of the training too: nan where the first forecasts are missing. Score "
    "from `start` on, both forecasts.",
    errors=lambda s, f, t: s - f,
    changes=lambda s, f, t: np.diff(s),
)
_ratio(
    "training-days",
    "You score the days *before* `start`, those of the training. The tested ones are series[start:].",
    errors=lambda s, f, t: (s - f)[1:t],
    changes=lambda s, f, t: np.diff(s)[: t - 1],
)
_ratio(
    "last-day-lost",
    "You leave the last day out: series[start:-1] ends before it. Only *yesterday* ends at −1.",
    changes=lambda s, f, t: np.diff(s)[t - 1 : -1],
    errors=lambda s, f, t: (s - f)[t:-1],
)
_ratio(
    "mean-then-square",
    "First square each error, then take the mean: errors of both signs cancel in yours.",
    size=lambda e: np.mean(e) ** 2,
)
_ratio("variance", "A variance forgives a constant error: take the mean of the squares.", size=np.var)
_ratio("median", "Wanted are means of squared errors, not medians.", size=lambda e: np.median(e**2))


def _made_of(name, hint):
    """A function of the two mean squared errors, the network's and that of persistence."""

    def add(formula):
        skill_score.misconception(name, hint)(
            lambda s, f, t: float(formula(_mse(s[t:], f[t:]), _mse(s[t:], s[t - 1 : -1])))
        )

    return add


_made_of("parenthesis", "1 minus the ratio: divide first. Your 1 is divided as well.")(lambda a, b: (1 - a) / b)
_made_of("percent", "That is the skill in percent; wanted is 1 for a perfect forecast.")(lambda a, b: 100 * (1 - a / b))
_made_of("never-negative", "A network that is worse than persistence has a skill below 0: cut nothing off.")(
    lambda a, b: max(0.0, 1 - a / b)
)
_made_of("cut-at-minus-one", "Skill has no lower end: an error of three times persistence's gives −2. Cut nothing off.")(
    lambda a, b: max(-1.0, 1 - a / b)
)
_made_of("better-or-not", "Wanted is how much better, a number, not whether.")(lambda a, b: a < b)


@skill_score.misconception(
    "mean-of-ratios", "You divide day by day and then take the mean. Take the two means first, then one ratio."
)
def _(series, forecasts, start):
    return 1 - np.mean(((series - forecasts)[start:] / np.diff(series)[start - 1 :]) ** 2)


@skill_score.misconception(
    "missing-forecasts",
    "The first forecasts may be missing (nan), and 0 · nan is nan: a mask has to select, errors[tested], not multiply.",
)
def _(series, forecasts, start):
    tested = np.arange(len(series)) >= start
    return 1 - (tested * (series - forecasts) ** 2).sum() / (np.diff(series)[start - 1 :] ** 2).sum()


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


@skill_score.landmark("`skill_score(np.array([1, 2, 4, 6]), np.array([np.nan, 2, 3, 5]), 2)` gives `0.75`")
def _(f):
    return f(np.array([1, 2, 4, 6]), np.array([np.nan, 2, 3, 5]), 2)
