"""Layers in NumPy, forward and backward; arrays are (N, T, D)."""

from helpers.layers.activations import log_softmax, sigmoid, softmax
from helpers.layers.affine import Affine
from helpers.layers.attention import DotProductAttention
from helpers.layers.dropout import Dropout
from helpers.layers.embedding import Embedding
from helpers.layers.gru import GRU, gru_step, gru_step_backward
from helpers.layers.loss import SoftmaxCrossEntropy
from helpers.layers.lstm import LSTM, lstm_step, lstm_step_backward
from helpers.layers.rnn import RNN, rnn_step, rnn_step_backward

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Affine",
    "DotProductAttention",
    "Dropout",
    "Embedding",
    "SoftmaxCrossEntropy",
    "gru_step",
    "gru_step_backward",
    "log_softmax",
    "lstm_step",
    "lstm_step_backward",
    "rnn_step",
    "rnn_step_backward",
    "sigmoid",
    "softmax",
]
