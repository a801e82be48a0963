"""The torch training loop of chapters 6 to 8: best model, resume, mixed precision, several processes."""

from helpers.torch_training.checkpoints import load_weights
from helpers.torch_training.trainer import StepLoss, TorchTrainer

__all__ = ["StepLoss", "TorchTrainer", "load_weights"]
