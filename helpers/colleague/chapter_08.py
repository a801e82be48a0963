"""Chapter 8: a training loop that is to hand back the model at its best."""

from __future__ import annotations


def train_and_keep(model, train_pass, evaluate, passes):
    """Train a torch model for so many passes, and leave it with the weights of its best one.

    train_pass(model) reads the training texts once and changes the weights; evaluate(model) → accuracy on
    validation. Returns the accuracy after each pass, a list.
    """
    accuracies, kept = [], None
    for _ in range(passes):
        train_pass(model)
        accuracy = evaluate(model)
        if not accuracies or accuracy > max(accuracies):    # better than ever: keep these weights
            kept = model.state_dict()
        accuracies.append(accuracy)
    model.load_state_dict(kept)
    return accuracies
