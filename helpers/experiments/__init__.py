"""Named experiments: one command runs one and records it under ``data/own``, authors' under ``data/runs``.

``python -m helpers.experiments list`` names them, ``… run NAME`` runs one.
"""

from helpers.experiments.registry import Experiment, Run, experiment, experiments, get

__all__ = ["Experiment", "Run", "experiment", "experiments", "get"]
