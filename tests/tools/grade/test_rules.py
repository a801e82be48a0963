"""The import rule says what answers use that no right answer does, and nothing of honest ones."""

import pytest

from helpers.checks import Exercise, exercises
from tests.tools.grade.handed import as_cell, cells, courses_own
from tools.grade.reading.answers import answers

BLOB = "QUJD" * 80
HEAD = {
    "rnn_step": "def rnn_step(x, h_prev, Wx, Wh, b):\n",
    "lstm_step": "def lstm_step(x, h_prev, c_prev, Wx, Wh, b):\n",
    "look_back": "def look_back(query, keys, mask):\n",
    "tied_gradient": "def tied_gradient(*arguments):\n",
    "beam_search": "def beam_search(log_probs_after, beam_size, max_length):\n",
    "memoryless_bound": "def memoryless_bound(text):\n",
    "torch_train_step": "def torch_train_step(model, optimizer, inputs, targets, state, max_norm):\n",
    "lstm_step_backward": "def lstm_step_backward(dh, dc, x, h_prev, c_prev, Wx, Wh, b):\n",
    "descend_in_windows": "def descend_in_windows(*arguments):\n",
    "quiz_state": "def quiz_state():\n",
    "last_valid_step": "def last_valid_step(states, lengths):\n",
}
CHAPTER = {each.name: each.chapter for each in exercises()}


def said(name, above, body):
    source = above + "\n\n" + HEAD[name] + "".join(f"    {line}\n" for line in body.splitlines())
    answer = answers(cells(source), CHAPTER[name])[name]
    assert answer.found and not answer.problem, answer
    return " ".join(answer.review)


@pytest.mark.parametrize(("name", "above", "body", "words"), [
    ("lstm_step", "import torch.nn as n", "return n.LSTMCell(3, 4)(x)",
     "Line 4: it uses `torch.nn.LSTMCell`"),
    ("lstm_step", "from torch.nn import LSTM as L\nM = L", "return M(x)", "`torch.nn.LSTM`"),
    ("lstm_step", "", "import torch\nnn = torch.nn\ncell = nn.LSTM\nreturn cell(x)", "`torch.nn.LSTM`"),
    ("lstm_step", "", "layers = torch.nn\nreturn layers.LSTM(x)", "`torch.nn.LSTM`"),
    ("rnn_step", "import torch", "return torch.rnn_tanh_cell(x)", "`torch.rnn_tanh_cell`"),
    ("rnn_step", "", "from torch import nn as k, optim\nreturn k.RNN(x)", "`torch.nn.RNN`"),
    ("rnn_step", "from torch.nn import *", "return RNN(x)", "all of `torch.nn`"),
    ("lstm_step_backward", "import torch", "return torch.autograd.grad(x, b)", "`torch.autograd.grad`"),
    ("tied_gradient", "F = torch.nn.functional", "return F.embedding(x)", "`torch.nn.functional.embedding`"),
    ("look_back", "", "return nn.functional.scaled_dot_product_attention(query, keys, keys)",
     "scaled_dot_product_attention`: is it a library's own"),
    ("look_back", "", "return torch.nn.MultiheadAttention(3, 1)", "`torch.nn.MultiheadAttention`"),
    ("look_back", "", "return torch._C._nn.linear(query)", "`torch._C._nn.linear`"),
    ("torch_train_step", "from torch import optim", "return optim.Adam([])", "`torch.optim.Adam`"),
    ("last_valid_step", "", "return torch.nn.utils.rnn.pad_packed_sequence(states)", "pad_packed_sequence"),
    ("rnn_step", "import jax.numpy as jnp", "return jnp.tanh(x)", "`jax.numpy.tanh`, a library that"),
    ("rnn_step", "from sklearn import linear_model as m", "return m.Ridge(x)",
     "`sklearn.linear_model.Ridge`"),
    ("memoryless_bound", "from scipy.stats import entropy", "return entropy(text)", "`scipy.stats.entropy`"),
    ("rnn_step", "", "return getattr(np, 'ta' + 'nh')(x)", "looks things up by name: `getattr(np"),
    ("rnn_step", "", "return vars(np)['tanh'](x)", "looks things up by name"),
    ("rnn_step", "", "return np.__dict__['tanh'](x)", "it looks into `np.__dict__`"),
    ("rnn_step", "", "modules = [np]\nreturn modules[0].tanh(x)", "hands the module `numpy` on"),
    ("rnn_step", "", "return __import__('torch').nn.RNN(x)", "it calls `__import__`"),
    ("rnn_step", "import importlib", "return importlib.import_module('torch')", "`importlib.import_module`"),
    ("rnn_step", "", "return eval('x')", "it calls `eval`"),
    ("rnn_step", "", "exec(compile('y = x', '', 'exec'))", "it calls `exec`"),
    ("rnn_step", "import sys", "return sys.modules['torch']", "`sys.modules`"),
    ("rnn_step", "from sys import modules as m", "return m['torch']", "`sys.modules`"),
    ("rnn_step", "", "return np.lib.npyio.os.environ", "`numpy.lib.npyio.os.environ`"),
    ("rnn_step", "import collections", "return collections._sys.modules", "`sys.modules`"),
    ("rnn_step", "import inspect", "return inspect.stack()", "`inspect.stack`"),
    ("rnn_step", "import gc", "return gc.get_objects()", "`gc.get_objects`"),
    ("rnn_step", "import ctypes", "return ctypes.string_at(0)", "`ctypes.string_at`"),
    ("rnn_step", "from subprocess import run", "return run('id')", "`subprocess.run`"),
    ("rnn_step", "import os", "os._exit(0)", "`os._exit`"),
    ("rnn_step", "", "return open('/etc/passwd').read()", "it calls `open`"),
    ("rnn_step", "", "return np.load('answers.npz')", "`numpy.load`"),
    ("rnn_step", "import threading", "threading.Thread(target=print).start()", "`threading.Thread`"),
    ("rnn_step", "import atexit", "atexit.register(print)", "`atexit.register`"),
    ("rnn_step", "",
     "try:\n    1 / 0\nexcept Exception as error:\n    return error.__traceback__.tb_frame.f_back",
     "`error.__traceback__.tb_frame.f_back`"),
    ("rnn_step", "", "return (lambda: x).__globals__", "__globals__"),
    ("rnn_step", "", "return getattr(rnn_step, '__globals__')", "looks things up by name"),
    ("rnn_step", "", "return ().__class__.__base__.__subclasses__()", "__subclasses__"),
    ("rnn_step", "", "return globals()['answer']", "it calls `globals`"),
    ("rnn_step", "", "return __builtins__", "it asks for `__builtins__`"),
    ("rnn_step", "import base64, zlib", f"return zlib.decompress(base64.b64decode('{BLOB}'))",
     "320 characters"),
    ("rnn_step", "TABLE = {" + ", ".join(f"{n}: {n / 7}" for n in range(30)) + "}", "return TABLE[len(x)]",
     "60 numbers and texts"),
    ("rnn_step", "class Array(np.ndarray):\n    pass", "return x.view(Array)",
     "passes for a `numpy.ndarray`"),
    ("rnn_step", "class Same:\n    def __eq__(self, other):\n        return True", "return Same()",
     "`__eq__`"),
    ("rnn_step", "class Same:\n    __array__ = None", "return Same()", "`__array__`"),
    ("rnn_step", "np.tanh = abs", "return np.tanh(x)", "changes `np.tanh`"),
    ("descend_in_windows", "", "return our_descent(*arguments)", "calls `our_descent` of the chapter"),
    ("lstm_step_backward", "", "return numerical_gradient(None, x)",
     "`helpers.gradients.numerical_gradient`"),
    ("quiz_state", "", "return get('quiz_state').answer\n\nfrom helpers.checks import get",
     "`helpers.checks.get`"),
])  # fmt: skip
def test_is_said(name, above, body, words):
    assert words in said(name, above, body)


HONEST_LSTM = """
from scipy.special import expit


def gates(x: np.ndarray, h: np.ndarray, *weights) -> tuple:
    Wx, Wh, b = weights
    a = np.einsum("nd,dh->nh", x, Wx) + np.matmul(h, Wh) + b[None, :]
    H = a.shape[-1] // 4
    return tuple(a[:, k * H:(k + 1) * H] for k in range(4))
"""
BEAM = """
import heapq
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(order=True)
class Beam:
    score: float
    tokens: list = field(default_factory=list)

    def __len__(self):
        return len(self.tokens)
"""


@pytest.mark.parametrize(("name", "above", "body"), [
    ("lstm_step", HONEST_LSTM,
     "i, f, g, o = gates(x, h_prev, Wx, Wh, b)\nc = expit(f) * c_prev\nreturn expit(o), c"),
    ("beam_search", BEAM,
     "beams = [Beam(0.0)]\nbeams[0].tokens.append(EOS)\nheapq.heapify(beams)\nreturn beams"),
    ("memoryless_bound", "import collections, math, re\nfrom functools import lru_cache, reduce",
     "c = collections.Counter(re.findall('..', text))\nreturn math.fsum(c.values()) * float('inf')"),
    ("rnn_step", "import time, sys", "assert isinstance(x, np.ndarray), f'{type(x)=}'\nreturn sys.maxsize"),
    ("rnn_step", "",
     "try:\n    x.shape[1]\nexcept (IndexError, AttributeError) as error:\n    raise ValueError from error"),
    ("rnn_step", "",
     "return getattr(x, 'T', None), np.random.default_rng(0), np.linalg.norm(x), np.ma.array(x)"),
    ("look_back", "",
     "a = torch.einsum('nth,nsh->nts', query, keys)\nreturn torch.where(mask[:, None], a, -torch.inf)"),
    ("look_back", "", "with torch.no_grad():\n    return torch.exp(query), torch.finfo(query.dtype).min"),
    ("lstm_step", "", "return sigmoid(x @ Wx), np.vectorize(lambda v: v if v > 0 else 0)(b)"),
])  # fmt: skip
def test_honest_styles_are_not(name, above, body):
    assert said(name, above, body) == ""


def test_a_stub_is_not_looked_at():
    stub = "import os\ndef rnn_step(x, h_prev, Wx, Wh, b):\n    raise NotImplementedError(os.getcwd())"
    assert answers(cells(stub), "01")["rnn_step"].review == ()


def test_nothing_is_said_of_right_answers():
    for exercise in exercises():
        assert not courses_own(exercise.chapter)[exercise.name].review, exercise.name
        for variant in exercise.variants if isinstance(exercise, Exercise) else ():
            cell = as_cell(variant.function, exercise.name)
            found = answers(cells(cell), exercise.chapter)[exercise.name]
            assert not found.review, (exercise.name, variant.name)


def test_line_in_another_cell_is_named():
    beside = "def tanh(x):\n    return eval('x')"
    found = answers(cells(beside, HEAD["rnn_step"] + "    return tanh(x)"), "01")
    assert found["rnn_step"].review == ("Line 2 of notebook cell 1: it calls `eval`.",)
