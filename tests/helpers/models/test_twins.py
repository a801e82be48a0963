"""Twins, one in NumPy and one in torch, or two that read the same texts: what one refuses the other refuses
too, in the same words, and what stands behind the mask reaches neither result nor gradient."""

import math

import numpy as np
import pytest
import torch

from helpers.layers.attention import DotProductAttention as NumpyAttention
from helpers.models.attention import AdditiveAttention, DotProductAttention
from helpers.models.language_model import LanguageModel
from helpers.models.ngram_classifier import NgramClassifier
from helpers.models.seq2seq import Encoder, Seq2Seq
from helpers.models.text_classifier import TextClassifier
from helpers.models.torch_language_model import TorchLanguageModel
from helpers.torch_training.hardware import computed_in
from tests.hostile import NO_NUMBERS, NO_WHOLE_NUMBERS, THING, assert_refused, fuzz

V, D, H, N, T = 7, 4, 5, 2, 3
IDS = np.array([[1, 2, 3], [4, 5, 6]])

NO_IDS = {
    "float": IDS.astype(float), "whole floats": np.float32(IDS), "bool": IDS > 2, "complex": IDS * 1j,
    "too large": IDS + V, "one too large": IDS + 1, "negative": IDS - 2, "one row": IDS[0],
    "three axes": IDS[:, :, None], "no step": IDS[:, :0], "no row": IDS[:0], "a number": np.array(3),
}  # fmt: skip
NO_TENSORS = [None, "abc", 3, [[1], [2, 3]], {"a": 1}, THING, IDS.astype(object), IDS.astype(str)]
every = pytest.mark.parametrize


def numpy_model(dtype=np.float32, layers=1):
    return LanguageModel(V, D, H, num_layers=layers, rng=np.random.default_rng(0), dtype=dtype)


def torch_model(source, layers=1):
    """The same model with the weights of `source`."""
    model = TorchLanguageModel(V, D, H, num_layers=layers)
    model.to(torch.as_tensor(source.params["output.b"]).dtype)
    weights = {"embedding": source.params["embedding.W"], "output": source.params["output.W"].T,
               "output_bias": source.params["output.b"]}
    for n in range(layers):
        weights |= {
            f"cells.{n}.weight_ih_l0": source.params[f"cells.{n}.Wx"].T,
            f"cells.{n}.weight_hh_l0": source.params[f"cells.{n}.Wh"].T,
            f"cells.{n}.bias_ih_l0": source.params[f"cells.{n}.b"],
            f"cells.{n}.bias_hh_l0": np.zeros_like(source.params[f"cells.{n}.b"]),
        }  # fmt: skip
    model.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    return model


def as_tensors(state):
    return [tuple(torch.as_tensor(part) for part in pair) for pair in state]


# ---- language models -----------------------------------------------------------------------------------


@every("kind", NO_IDS)
def test_language_models_refuse_the_same_ids_in_the_same_words(kind):
    source = numpy_model()
    in_numpy = assert_refused(source.forward, NO_IDS[kind], names="ids")
    in_torch = assert_refused(torch_model(source), torch.tensor(NO_IDS[kind]), names="ids")
    assert in_torch.replace("torch.", "") == in_numpy
    assert_refused(source.loss, NO_IDS[kind], np.zeros(np.shape(NO_IDS[kind]), int), names="ids")


@every("ids", NO_TENSORS, ids=repr)
def test_language_models_refuse_what_is_no_array(ids):
    assert_refused(numpy_model().forward, ids, names="ids")
    assert_refused(numpy_model().loss, IDS, ids, names="targets")
    assert_refused(TorchLanguageModel(V, D, H), ids, names="ids")


@every("dtype", ["uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"])
def test_language_models_give_the_same_whatever_the_width_of_ids(dtype):
    source = numpy_model(np.float64)
    ids = np.repeat(IDS, 2, axis=1).astype(dtype)[:, ::2]   # not in one piece
    logits, _ = torch_model(source)(torch.as_tensor(ids))
    np.testing.assert_allclose(logits.detach().numpy(), source.forward(ids), rtol=1e-10)


def zeros(batch=N, hidden=H, layers=1, dtype=np.float32, parts=2):
    return [tuple(np.zeros((batch, hidden), dtype) for _ in range(parts)) for _ in range(layers)]


NO_STATES = {
    "another batch size": zeros(N + 1), "no row": zeros(0), "more layers": zeros(layers=2), "no layer": [],
    "another hidden size": zeros(hidden=H + 1), "one more axis": [(np.zeros((1, N, H), np.float32),) * 2],
    "float64 in float32": zeros(dtype=np.float64), "complex": zeros(dtype=np.complex64),
    "h without c": zeros(parts=1), "three parts": zeros(parts=3),
    "c of another batch": [(np.zeros((N, H), np.float32), np.zeros((N + 1, H), np.float32))],
}  # fmt: skip


@every("kind", NO_STATES)
def test_language_models_refuse_the_same_states(kind):
    state = NO_STATES[kind]
    source = numpy_model()
    model = torch_model(source)

    def through_numpy():
        source.set_state(state)
        source.forward(IDS)

    assert_refused(through_numpy, names="state")
    assert_refused(model, torch.tensor(IDS), as_tensors(state), names="state")


NO_STATE = [3, "ab", {"a": 1}, [None], [3], [(None, None)], [("a", "b")], np.zeros(3), THING]


@every("state", NO_STATE, ids=repr)
def test_language_models_refuse_what_is_no_state(state):
    assert_refused(numpy_model().set_state, state, names="state")
    assert_refused(TorchLanguageModel(V, D, H), torch.tensor(IDS), state, names="state")


def test_a_refused_batch_draws_nothing_and_leaves_the_state():
    model = LanguageModel(V, D, H, dropout=0.5, rng=np.random.default_rng(0))
    model.loss(IDS, IDS, train=True)
    state, drawn = model.get_state(), model.rng.bit_generator.state
    for ids in (IDS[:1], IDS + V, IDS[:, :0]):
        assert_refused(model.loss, ids, IDS[: len(ids), : ids.shape[1]], True, names="ids")
    assert model.rng.bit_generator.state == drawn
    np.testing.assert_array_equal(model.get_state()[0], state[0])


def test_the_remedies_for_a_state_of_another_batch_work():
    source = numpy_model()
    model = torch_model(source)
    source.forward(IDS)
    _, state = model(torch.tensor(IDS))
    assert "or call reset_state" in assert_refused(source.forward, IDS[:1])
    assert "None to start anew" in assert_refused(model, torch.tensor(IDS[:1]), state)
    source.reset_state()
    fresh, _ = model(torch.tensor(IDS[:1]), None)
    np.testing.assert_allclose(fresh.detach().numpy(), source.forward(IDS[:1]), atol=1e-6)
    half = [(h[:1], c) for h, c in state]
    assert "None to start anew" in assert_refused(model, torch.tensor(IDS[:1]), half)
    float64 = [tuple(part.double() for part in pair) for pair in state]
    assert "torch.float64, wanted torch.float32" in assert_refused(model, torch.tensor(IDS), float64)
    assert model.double()(torch.tensor(IDS), state)[0].dtype == torch.float64   # narrower is widened


# ---- readers of texts ----------------------------------------------------------------------------------

PADDED = torch.tensor([[5, 6, 4], [3, 2, 0], [1, 0, 0]])
LENGTHS = torch.tensor([3, 2, 1])
READERS = {
    "last": {"cell": "lstm", "num_layers": 2}, "both": {"cell": "gru", "bidirectional": True},
    "max": {"cell": "rnn", "pooling": "max"}, "mean of states": {"cell": "lstm", "pooling": "mean"},
    "flat": {"cell": "flat", "max_length": T}, "mean": {"cell": "mean"},
}  # fmt: skip


def classifier(kind):
    torch.manual_seed(0)
    return TextClassifier(V, embedding_size=D, hidden_size=H, **READERS[kind]).double()


def encoder(cell="gru", bidirectional=True):
    torch.manual_seed(0)
    return Encoder(V, D, H, cell=cell, bidirectional=bidirectional).double()


def ngrams(**options):
    return NgramClassifier(V, embedding_size=D, hidden_size=H, **options).double()


@every("place", [(0, 0), (0, 1), (1, 0)])
@every("kind", READERS)
def test_padding_before_a_token_is_refused_by_all(kind, place):
    ids = PADDED.clone()
    ids[place] = 0
    moved = PADDED.flip(1)
    for source in (ids, moved):
        lengths = (source != 0).sum(1)
        assert_refused(classifier(kind), source, lengths.clamp(min=1), names="ids: got padding (0) at index")
        assert "padding (0)" in assert_refused(encoder(), source, names="source")
    inputs = PADDED.clone()
    inputs[1] = torch.tensor([0, 0, 4])
    translator = Seq2Seq(V, V, embedding_size=D, hidden_size=H)
    assert "padding (0)" in assert_refused(translator, PADDED, inputs, names="inputs")


@every("kind", READERS)
def test_a_classifier_reads_padding_as_a_word_where_the_length_says_so(kind):
    model, full = classifier(kind), torch.tensor([T] * 3)
    for ids in (PADDED, PADDED.flip(1)):
        before = model(ids, full)
        with torch.no_grad():
            model.embedding.weight[0] += 1
        changed = (model(ids, full) - before).abs() > 1e-9
        assert changed.tolist() == [False, True, True]   # the rows that have padding


NO_LENGTHS = {
    "zero": LENGTHS - 1, "more than T": LENGTHS + 1, "negative": -LENGTHS, "float": LENGTHS.double(),
    "bool": LENGTHS > 0, "complex": LENGTHS * 1j, "another batch": LENGTHS[:2],
    "one for all": torch.tensor([3]),
    "a number": torch.tensor(3), "a column": LENGTHS[:, None], "none": LENGTHS[:0],
    "a list": [3, 2, 1], "an array": LENGTHS.numpy(), "None": None, "text": "321",
}  # fmt: skip


@every("kind", NO_LENGTHS)
def test_classifiers_refuse_the_same_lengths(kind):
    lengths = NO_LENGTHS[kind]
    for reader in READERS:
        assert_refused(classifier(reader), PADDED, lengths, names="lengths")
    assert_refused(classifier("both").states, torch.zeros(3, T, D).double(), lengths, names="lengths")
    assert_refused(ngrams(), PADDED.clamp(min=1).unsqueeze(2), lengths, names="lengths")


@every("kind", NO_IDS)
def test_readers_refuse_the_same_ids_in_the_same_words(kind):
    ids, lengths = torch.tensor(NO_IDS[kind]), torch.tensor([T, T])
    first = assert_refused(classifier("both"), ids, lengths, names="ids")
    for reader in READERS:
        assert assert_refused(classifier(reader), ids, lengths) == first
    of_source = assert_refused(encoder(), ids, names="source").replace("(N, S)", "(N, T)")
    assert of_source == first.replace("ids:", "source:")
    translator = Seq2Seq(V, V, embedding_size=D, hidden_size=H)
    assert_refused(translator, ids, torch.tensor(IDS), names="source")
    assert_refused(translator.encode, ids, names="source")
    assert_refused(translator, torch.tensor(IDS), ids, names="inputs")
    if ids.ndim == 2:
        assert_refused(ngrams(), ids.unsqueeze(2), lengths, names="ids")
    else:
        assert_refused(ngrams(), ids.reshape(-1)[:2], lengths, names="ids")


def test_sparse_tensors_are_named():
    for module in (TorchLanguageModel(V, D, H), encoder(), ngrams().embed):
        assert "to_dense" in assert_refused(module, torch.tensor(IDS).to_sparse())


@every("ids", NO_TENSORS, ids=repr)
def test_readers_refuse_what_is_no_tensor(ids):
    translator = Seq2Seq(V, V, embedding_size=D, hidden_size=H)
    for module, others, name in (
        (classifier("both"), [LENGTHS], "ids"), (ngrams(), [LENGTHS], "ids"), (encoder(), [], "source"),
        (translator, [PADDED], "source"), (translator.encode, [], "source"),
    ):  # fmt: skip
        assert_refused(module, ids, *others, names=name)
    memory = translator.encode(PADDED)
    assert_refused(translator, PADDED, ids, names="inputs")
    assert_refused(translator.step, ids, None, memory, names="token")
    if ids is not None:
        assert_refused(translator.step, LENGTHS, ids, memory, names="state")
    assert_refused(translator.step, LENGTHS, None, ids, names="memory")
    assert_refused(memory.rows, ids, names="index")


def test_a_step_wants_the_rows_of_its_memory():
    translator = Seq2Seq(V, V, embedding_size=D, hidden_size=H, cell="lstm", attention=None)
    memory = translator.encode(PADDED)
    assert_refused(translator.step, LENGTHS[:2], None, memory, names="token")
    assert_refused(translator.step, LENGTHS + V, None, memory, names="token")
    _, state, _ = translator.step(LENGTHS, None, memory)
    for wrong in (state[:1], tuple(part[:2] for part in state), tuple(part.double() for part in state)):
        assert_refused(translator.step, LENGTHS, wrong, memory, names="state")
    assert_refused(memory.rows, torch.tensor([0, 3]), names="index")


def finite_and_alike(module, weight, run):
    """`run` gives the same numbers and gradients, whatever is embedded in the place of padding."""
    found = []
    for value in (0.0, math.nan, math.inf):
        with torch.no_grad():
            weight[0] = value
        module.zero_grad()
        result = run()
        (result**2).sum().backward()
        found.append([result.detach(), *(p.grad for p in module.parameters() if p.grad is not None)])
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            torch.testing.assert_close(one, two, rtol=0, atol=0)
    assert all(torch.isfinite(each).all() for each in found[0])


@every("kind", READERS)
def test_nan_behind_a_text_reaches_nothing_in_a_classifier(kind):
    model = classifier(kind)
    finite_and_alike(model, model.embedding.weight, lambda: model(PADDED, LENGTHS))


@every("cell", ["gru", "lstm"])
@every("bidirectional", [True, False])
def test_nan_behind_a_sentence_reaches_nothing_in_an_encoder(cell, bidirectional):
    model = encoder(cell, bidirectional)
    finite_and_alike(model, model.embedding.weight, lambda: torch.cat([s.flatten() for s in model(PADDED)]))


@every("attention", ["additive", "dot", None])
def test_nan_behind_a_sentence_reaches_nothing_in_a_translator(attention):
    torch.manual_seed(0)
    model = Seq2Seq(V, V, embedding_size=D, hidden_size=H, attention=attention).double()
    finite_and_alike(model, model.encoder.embedding.weight, lambda: model(PADDED, PADDED.clamp(min=1))[0])


def test_what_an_ngram_of_id_0_holds_reaches_nothing():
    torch.manual_seed(0)
    model = ngrams(stride=2)
    ids = torch.stack([PADDED, PADDED.flip(1)], dim=2)   # padding is a part of places here
    finite_and_alike(model, model.embedding.weight, lambda: model(ids, torch.tensor([T, T, T])))


@every("bidirectional", [False, True])
def test_nan_among_embedded_words_reaches_nothing(bidirectional):
    torch.manual_seed(0)
    model = TextClassifier(V, embedding_size=D, hidden_size=H, num_layers=2, bidirectional=bidirectional)
    real = torch.arange(T) < LENGTHS[:, None]
    found = []
    for value in (0.0, math.nan):
        x = torch.linspace(-1, 1, 3 * T * D).reshape(3, T, D).masked_fill(~real.unsqueeze(2), value)
        states = model.states(x.requires_grad_(), LENGTHS)[real]
        model.zero_grad()
        states.sum().backward()
        found.append([states, x.grad, *(p.grad for p in model.layers.parameters())])
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)


# ---- attention -----------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
QUERY, KEYS = RNG.normal(size=(3, H)), RNG.normal(size=(3, 4, H))
MASK = np.arange(4) < np.array([[4], [2], [1]])


def both_attentions(query=QUERY, keys=KEYS, mask=MASK):
    """Calls of the twins, each with arguments of its own kind."""
    arrays = [isinstance(a, np.ndarray) and a.dtype.kind != "O" for a in (query, keys, mask)]
    tensors = [torch.tensor(a) if is_array else a
               for a, is_array in zip((query, keys, mask), arrays, strict=True)]
    yield lambda: NumpyAttention(np.float64).forward(query, keys, mask)
    yield lambda: DotProductAttention(H, H)(*tensors)
    yield lambda: AdditiveAttention(H, H, 3).double()(*tensors)


NO_ATTENTION = {
    "mask": [MASK & np.array([[True], [False], [True]]), MASK.astype(int), MASK.astype(float), MASK[:2],
             MASK[:, :3], MASK[0], "mask", [[True], []], np.ones((3, 4), object)],
    "query": [QUERY * 1j, None, "query", QUERY[0, 0], np.where(QUERY > 0, np.nan, QUERY), [[1], []]],
    "keys": [KEYS * 1j, None, "keys", KEYS[:, :0], KEYS[:, 0], KEYS[:, :, :3], KEYS[:2],
             np.where(np.arange(4)[:, None] == 0, np.inf, KEYS)],
}  # fmt: skip


@every("argument", NO_ATTENTION)
def test_attentions_refuse_the_same(argument):
    for value in NO_ATTENTION[argument]:
        for call in both_attentions(**{argument: value}):
            assert_refused(call, names=argument)


def test_attention_wants_keys_that_were_projected_here():
    arguments = torch.tensor(QUERY), torch.tensor(KEYS), torch.tensor(MASK)
    for module in (DotProductAttention(H, H), AdditiveAttention(H, H, 3).double()):
        projected = module.project(arguments[1])
        torch.testing.assert_close(module(*arguments, projected), module(*arguments))
        for wrong in (projected[:2], projected[..., :-1], projected[:, 1:], projected * 1j, [1]):
            assert_refused(module, *arguments, wrong, names="projected")


def test_a_dot_product_of_two_precisions_is_of_the_wider():
    query, keys = torch.tensor(QUERY), torch.tensor(KEYS).float()
    for context, weights in (
        DotProductAttention(H, H)(query, keys), DotProductAttention(H, H)(query.float(), keys.double())
    ):  # fmt: skip
        assert context.dtype == weights.dtype == torch.float64


def test_scores_of_float16_do_not_overflow_in_either_attention():
    query, keys = np.full((1, 2), 300, np.float16), np.array([[[300, 300], [1, 1]]], np.float16)
    context, _ = DotProductAttention(2, 2)(torch.tensor(query), torch.tensor(keys))
    np.testing.assert_array_equal(context, NumpyAttention().forward(query, keys))


@every("cell", ["gru", "lstm"])
@every("bidirectional", [True, False])
@every("attention", ["additive", "dot", None])
def test_translators_run_in_bfloat16(attention, bidirectional, cell):
    options = {"attention": attention, "bidirectional": bidirectional, "cell": cell}
    model = Seq2Seq(V, V, embedding_size=D, hidden_size=H, **options)
    with computed_in("bfloat16", torch.device("cpu")):
        logits, _ = model(PADDED, PADDED.clamp(min=1))
        _, state, _ = model.step(LENGTHS, None, model.encode(PADDED))
        again, _, _ = model.step(LENGTHS, state, model.encode(PADDED))
    assert torch.isfinite(logits).all() and torch.isfinite(again).all()


def test_attentions_take_no_mask_for_one_that_is_all_true():
    for one, other in zip(both_attentions(mask=None), both_attentions(mask=MASK | True), strict=True):
        torch.manual_seed(0)
        first = one()
        torch.manual_seed(0)
        second = other()
        for a, b in zip(first, second, strict=True):   # rows of NumPy's, or context and weights
            torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=0, atol=0)


def test_nan_behind_the_mask_reaches_no_result_and_no_gradient_in_any_attention():
    wanted = None
    for value in (0.0, np.nan, np.inf):
        keys = np.where(MASK[:, :, None], KEYS, value)
        layer = NumpyAttention(np.float64)
        found = [layer.forward(QUERY, keys, MASK), *layer.backward(np.ones((3, H)))]
        for module in (DotProductAttention(H, H), DotProductAttention(H, H + 1), AdditiveAttention(H, H, 3)):
            given = np.concatenate([keys, keys], axis=2)[:, :, : module.key_size]
            torch.manual_seed(1)
            for p in module.double().parameters():
                torch.nn.init.normal_(p)
            query, tensor = torch.tensor(QUERY, requires_grad=True), torch.tensor(given, requires_grad=True)
            context, weights = module(query, tensor, torch.tensor(MASK))
            context.sum().backward()
            found += [context.detach(), weights.detach(), query.grad, tensor.grad]
            found += [p.grad for p in module.parameters()]
        found = [np.asarray(each) for each in found]
        np.testing.assert_allclose(found[3], found[0], rtol=1e-12)   # "dot" is the twin of the layer
        np.testing.assert_allclose(found[5], found[1], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(found[6], found[2], rtol=1e-10, atol=1e-12)
        wanted = wanted or found
        for one, other in zip(wanted, found, strict=True):
            np.testing.assert_array_equal(one, other)


# ---- weights -------------------------------------------------------------------------------------------

NO_WEIGHTS = {
    "complex": lambda a: a * 1j, "whole numbers": lambda a: a.astype(int), "text": lambda a: a.astype(str),
    "objects": lambda a: a.astype(object), "too large": lambda a: np.full(a.shape, 1e300),
    "another shape": lambda a: a[..., :-1],
    "one more axis": lambda a: a[None], "a number": lambda a: 3.0, "None": lambda a: None,
}  # fmt: skip
MODULES = {
    "language model": lambda: TorchLanguageModel(V, D, H, num_layers=2), "encoder": encoder,
    "tied": lambda: TorchLanguageModel(V, D, H, tied=True), "n-grams": ngrams,
    "translator": lambda: Seq2Seq(V, V, embedding_size=D, hidden_size=H),
    "classifier": lambda: classifier("both"), "attention": lambda: AdditiveAttention(2, 3, 4),
}  # fmt: skip


def wrong_states(state, as_given):
    """(what is named, a state that does not fit), the fault in the last of the weights."""
    last = list(state)[-1]
    for kind, change in NO_WEIGHTS.items():
        yield kind, last, {**state, last: as_given(change(np.asarray(state[last])))}
    yield "missing", last, {name: array for name, array in state.items() if name != last}
    yield "unknown", "extra", {**state, "extra": state[last]}
    yield "no mapping", "state", list(state.values())
    yield "None", "state", None


@every("name", MODULES)
def test_weights_of_modules_are_loaded_whole_or_not_at_all(name):
    model = MODULES[name]().float()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    new = {key: value + 1 for key, value in before.items()}

    def as_given(array):
        fits = isinstance(array, np.ndarray) and array.dtype.kind in "fic"
        return torch.tensor(array) if fits else array

    for kind, named, state in wrong_states(new, as_given):
        assert_refused(model.load_state_dict, state, names=named)
        assert all(torch.equal(before[key], value) for key, value in model.state_dict().items()), kind
    model.load_state_dict(new)
    assert all(torch.equal(new[key], value) for key, value in model.state_dict().items())


def test_weights_of_the_numpy_model_are_loaded_whole_or_not_at_all():
    model = numpy_model()
    before = model.state_dict()
    new = {name: array + 1 for name, array in before.items()}
    for kind, named, state in wrong_states(new, lambda array: array):
        if kind != "whole numbers":   # which are numbers like all others
            assert_refused(model.load_state_dict, state, names=named)
        assert all(np.array_equal(before[name], model.params[name]) for name in before), kind
    model.load_state_dict(new)
    assert all(np.array_equal(new[name], model.params[name]) for name in before)


def test_tied_weights_of_two_values_are_refused():
    model = TorchLanguageModel(V, D, H, tied=True)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    state["embedding"] += 1
    assert "tied" in assert_refused(model.load_state_dict, state, names="output")
    state["output"] += 1
    model.load_state_dict(state)
    assert torch.equal(model.output, state["output"]) and model.output is model.embedding


# ---- constructors --------------------------------------------------------------------------------------

SIZES = [*NO_WHOLE_NUMBERS, 0, -1, 10**30]
SHARES = [*NO_NUMBERS, -0.1, 1, 1.5, float("inf")]
FLAGS = [None, "no", 0, 1, [], np.array([True])]
NAMES = [None, 3, [], "tanh", ("lstm",), np.array(["lstm", "gru"])]
LM_SIZES = {"vocab_size": V, "embedding_size": D, "hidden_size": H}


def test_constructors_name_what_they_cannot_take():
    of_lm = dict.fromkeys([*LM_SIZES, "num_layers"], SIZES)
    rng = np.random.default_rng(0)
    fuzz(
        lambda **a: LanguageModel(**a).parameter_count,
        {**LM_SIZES, "num_layers": 1, "rng": rng, "dropout": 0.1, "cell": "lstm", "dtype": np.float32},
        {**of_lm, "rng": [None, 0, "seed", np.random], "dropout": SHARES, "cell": NAMES,
         "dtype": [None, "abc", int, np.complex64, np.float16]},
    )
    fuzz(
        lambda **a: TorchLanguageModel(**a).parameter_count,
        {**LM_SIZES, "num_layers": 1},
        {**of_lm, "dropout": SHARES, "input_dropout": SHARES[1:], "output_dropout": SHARES[1:],
         "embedding_dropout": SHARES, "weight_dropout": SHARES, "tied": FLAGS, "variational": FLAGS},
    )
    fuzz(
        lambda **a: TextClassifier(**a).parameter_count,
        {"vocab_size": V, "cell": "lstm"},
        {**dict.fromkeys(["vocab_size", "embedding_size", "hidden_size", "num_layers", "dense_size"], SIZES),
         "num_classes": [*SIZES, 1], "dropout": SHARES, "cell": NAMES, "pooling": NAMES,
         "bidirectional": FLAGS, "freeze": FLAGS,
         "embeddings": [3, "abc", np.zeros(V), np.zeros((V + 1, 2)), np.zeros((V, 0)), [[1], [2, 3]],
                        np.full((V, 2), np.nan), np.full((V, 2), 1e300), np.zeros((V, 2), complex),
                        np.zeros((V, 2), object)]},
    )
    fuzz(lambda **a: TextClassifier(**a).parameter_count, {"vocab_size": V, "cell": "flat", "max_length": 3},
         {"max_length": SIZES})
    fuzz(
        lambda **a: NgramClassifier(**a).parameter_count,
        {"ngram_count": V},
        {"ngram_count": [*SIZES, 1], "num_layers": [*NO_WHOLE_NUMBERS, -1], "dropout": SHARES,
         "ngram_dropout": SHARES, **dict.fromkeys(["embedding_size", "hidden_size", "stride"], SIZES)},
    )
    sizes = {"source_size": V, "target_size": V, "embedding_size": D, "hidden_size": H}
    fuzz(lambda **a: Seq2Seq(**a).parameter_count, sizes,
         {**dict.fromkeys(sizes, SIZES), "attention": NAMES[1:], "cell": NAMES, "bidirectional": FLAGS})
    fuzz(lambda **a: Encoder(**a).state_size, LM_SIZES,
         {**dict.fromkeys(LM_SIZES, SIZES), "cell": NAMES, "bidirectional": FLAGS})
    sizes = {"query_size": 2, "key_size": 3}
    fuzz(lambda **a: len(list(DotProductAttention(**a).parameters())), sizes, dict.fromkeys(sizes, SIZES))
    sizes |= {"hidden_size": 4}
    fuzz(lambda **a: len(list(AdditiveAttention(**a).parameters())), sizes, dict.fromkeys(sizes, SIZES))


def test_start_values_are_of_the_dtype_of_the_model():
    torch.set_default_dtype(torch.float64)   # as for a gradient check
    try:
        model = TextClassifier(V, embeddings=np.full((V, D), 0.1, ">f4"))
    finally:
        torch.set_default_dtype(torch.float32)
    assert model(PADDED, LENGTHS).dtype == model.embedding.weight.dtype == torch.float64
