import numpy as np
import pytest

from helpers.corpora import series


def test_steps_of_a_walk_are_what_its_best_forecast_misses():
    values, best = series.random_walk(5000, np.random.default_rng(0), start=50.0, step=2.0)
    misses = values - best
    assert best[0] == 50.0 and np.array_equal(best[1:], values[:-1])
    assert misses.mean() == pytest.approx(0, abs=0.1)
    assert misses.std() == pytest.approx(2, rel=0.05)
    assert abs(np.corrcoef(misses[1:], misses[:-1])[0, 1]) < 0.05


def test_a_season_returns_and_its_noise_does_not():
    values, best = series.seasonal(4800, np.random.default_rng(1), period=8, noise=0.5)
    assert np.allclose(best[8:], best[:-8])
    assert np.abs(best[4:] - best[:-4]).max() > 0.5   # no shorter period
    assert (values - best).std() == pytest.approx(0.5, rel=0.05)


def test_the_same_seed_gives_the_same_series():
    for make in (series.random_walk, series.seasonal):
        one, other = (make(40, np.random.default_rng(3))[0] for _ in range(2))
        assert np.array_equal(one, other)


def test_the_share_price_that_matplotlib_ships():
    dates, prices = series.share_price()
    assert dates.shape == prices.shape == (1047,)
    assert (np.diff(dates) > np.timedelta64(0, "D")).all()
    assert str(dates[0]) == "2004-08-19" and str(dates[-1]) == "2008-10-14"
    assert prices[0] == 100.34
    assert np.isfinite(prices).all() and prices.min() > 90 and prices.max() < 800


@pytest.mark.parametrize(("argument", "call"), [
    ("length", lambda rng: series.random_walk(0, rng)),
    ("length", lambda rng: series.seasonal(-1, rng)),
    ("period", lambda rng: series.seasonal(10, rng, period=1)),
])
def test_bad_input_is_named(argument, call):
    with pytest.raises(ValueError, match=argument):
        call(np.random.default_rng(0))


def test_another_table_is_refused(monkeypatch):
    table = {"price_data": np.zeros(3, dtype=[("day", "i8"), ("close", "f8")])}
    monkeypatch.setattr("matplotlib.cbook.get_sample_data", lambda name: table)
    with pytest.raises(ValueError, match=r"goog\.npz.*date and close"):
        series.share_price()
