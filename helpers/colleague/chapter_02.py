"""The colleague of chapter 2: gradient descent, the gradients cut into windows."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_01.rnn_forward import rnn_forward_reference as rnn_forward
from helpers.checks.chapter_02.rnn_backward import rnn_backward_reference as rnn_backward


def descend_in_windows(x, h0, target, Wx, Wh, b, window, lr, updates):
    """Gradient descent on E, its gradients cut every `window` steps; one update for each pass through x."""
    Wx, Wh, b, errors = Wx.copy(), Wh.copy(), b.copy(), np.zeros(updates)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    for update in range(updates):
        before = h0
        for start in range(0, x.shape[1], window):
            part = slice(start, start + window)
            h = rnn_forward(x[:, part], before, Wx, Wh, b)
            errors[update] += 0.5 * ((h - target[:, part]) ** 2).sum()
            gradients = rnn_backward(h - target[:, part], x[:, part], before, h, Wx, Wh)
            dWx += gradients[2]
            dWh += gradients[3]
            db += gradients[4]
            before = h[:, -1]
        Wx -= lr * dWx
        Wh -= lr * dWh
        b -= lr * db
    return Wx, Wh, b, errors
