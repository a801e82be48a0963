"""Attacks that hide a library, forge what the judge is sent, never end, or are too much to read."""

import copy

from tests.tools.grade.attacks.bank import (
    REVIEWED,
    attack,
    cell_of,
    code,
    function,
    hand_in,
    on_paper,
    put,
    solved,
)

LAYER = "return float(torch.tanh(torch.tensor(float(w_x * x + w_h * h_prev + b), dtype=torch.float64)))"
for name, (above, way) in {
    "eval, handed on": ("", "torch = list(map(eval, ['__import__(\"torch\")']))[0]"),
    "eval, under another name": ("run = eval\n", "torch = run('__imp' + 'ort__(\"torch\")')"),
    "eval, as a default": ("", "torch = (lambda run=eval: run('__imp' + 'ort__(\"torch\")'))()"),
    "builtins of another module": ("import enum\n", "torch = enum.bltns.__import__('tor' + 'ch')"),
    "a comment that names it": ("# import torch\nimport re\n",
                                "torch = re.enum.bltns.eval('__imp' + 'ort__(\"torch\")')"),
    "a pattern": ("", "match scalar_step:\n    case object(__globals__=names):\n        pass\n"
                      "run = names['__buil' + 'tins__']['eval']\ntorch = run('__imp' + 'ort__(\"torch\")')"),
    "attrgetter": ("import operator\n",
                   "names = operator.attrgetter('__glo' + 'bals__')(scalar_step)\n"
                   "torch = names['__buil' + 'tins__']['eval']('__imp' + 'ort__(\"torch\")')"),
    "getattr, handed on": ("", "names = next(map(getattr, [scalar_step], ['__glo' + 'bals__']))\n"
                               "torch = names['__buil' + 'tins__']['eval']('__imp' + 'ort__(\"torch\")')"),
    "an annotation": ("import typing\n", "def note(a: \"__imp\" 'ort__(\"torch\")'):\n    pass\n"
                                         "torch = typing.get_type_hints(note)['a']"),
}.items():  # fmt: skip
    attack("hidden libraries", name, above + function(way, LAYER), expects=REVIEWED)


@hand_in("hidden libraries", "a folder with a name of the grader's", expects=REVIEWED)
def _(folder, _places):
    source = "import torch\n" + function(LAYER)
    put(folder / "chapter 00", solved("00", scalar_step=source))
    put(folder / "helpers 00", solved("00", scalar_step=source))


FORGED = '''
import json
import os
import socket


def forged(reply, first=b""):
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            end = socket.socket(fileno=number)
            if end.type == socket.SOCK_STREAM:
                break
        except OSError:
            continue
    whole = {"changed": {}, "earlier": {}, "noted": {"t": "list", "v": []}, "printed": "", "modules": []}
    data = json.dumps(whole | reply).encode()
    for _ in range(60):
        end.sendall(len(data).to_bytes(8, "big") + data)
    os._exit(0)


'''
for name, reply in {
    "gradients that are none": '"result": 0.5, "noted": {"t": "list", "v": [1, None, "x"]}',
    "gradients too many": '"result": 0.5, "noted": {"t": "list", "v": [{"t": "list", "v": [1]}]}',
    "an error that is none": '"error": [1]',
    "an error without a type": '"error": {"arguments": 5}',
    "a callback that nobody asked for": '"call": -1, "arguments": [1]',
    "the grader's own trouble": '"broken": "the sandbox does not begin"',
    "an argument that is not there": '"result": {"t": "given", "v": 99}',
    "changes of arguments that are not there": '"result": 0.5, "changed": {"99": 1}',
}.items():
    attack("forged replies", name, FORGED + function(f"forged({{{reply}}})"))
for name, body in {
    "a tensor without axes": 'import torch\nreturn torch.tensor(0.5)',
    "a tensor with a history": 'import torch\nreturn torch.ones(2, requires_grad=True) * 2',
    "complex numbers": "return (x @ Wx) * 1j",
    "lists in an array": "import numpy as np\na = np.empty(3, object)\na[:] = [[1], None, {}]\nreturn a",
    "no axis of any length": "import numpy as np\nreturn np.zeros((0, 2**40))",
}.items():
    attack("nothing to compare", name, function(body, exercise="rnn_step"), exercise="rnn_step")
for name, body in {
    "a dict": 'return {"x": 1}', "an empty dict": "return {}", "all letters": 'return ["a", "b", "c", "d"]',
    "the answer by name": 'return {"answer": "c"}',
}.items():  # fmt: skip
    attack("nothing to compare", name, function(body, exercise="quiz_shapes"), exercise="quiz_shapes")

for name, body in {
    "a quiz that waits": "import time\ntime.sleep(10**6)", "a quiz that turns": "while True:\n    pass",
}.items():  # fmt: skip
    attack("without an end", name, function(body, exercise="quiz_shapes"), exercise="quiz_shapes", slow=True)


@on_paper("too much to read", "thousands of statements in every cell")
def _(notebook):
    many = "y = [1, 2, 3] * 2\n" * 2500
    wrong = copy.deepcopy(cell_of(notebook, "scalar_step"))
    wrong["source"] = function("return 2.0")
    notebook["cells"] += [wrong] + [code(many + f"z = {number}") for number in range(40)]


@on_paper("too much to read", "names given names")
def _(notebook):
    names = [f"y{number} = y{number + 1}" for number in range(12_000)]
    cell_of(notebook, "scalar_step")["source"] = function("return y0")
    notebook["cells"][1:1] = [code("\n".join(names[at : at + 2000])) for at in range(0, 12_000, 2000)]
