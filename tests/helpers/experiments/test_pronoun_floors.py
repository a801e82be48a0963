import pytest

from helpers.experiments.language_models import pronoun_floors
from helpers.records import read_record


def test_the_floors_are_those_of_the_very_tokens_that_the_recorded_run_predicted():
    record = read_record("pronouns")
    floors = pronoun_floors(record["settings"], record["seed"])
    assert floors["test"] == pytest.approx(record["floor_perplexity"], rel=1e-12)
    assert record["floor_perplexity"] < record["test_perplexity"]
    assert floors["valid"] < record["valid_perplexity"]
    assert abs(floors["valid"] - floors["test"]) > 1e-3   # each split has its own
