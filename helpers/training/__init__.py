"""The NumPy training loop of chapter 5, with what a long run needs: evaluation, checkpoints, a bar."""

from helpers.training.evaluation import evaluate, evaluate_with_context, perplexity
from helpers.training.trainer import Trainer

__all__ = ["Trainer", "evaluate", "evaluate_with_context", "perplexity"]
