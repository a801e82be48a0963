"""The pages hold what they promise: every number is recomputed or known as quoted, links lead somewhere."""

import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
START = ROOT / "solutions" / "00_start_here.py"


def read(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows(text):
    """Cells of every table row; header and rule rows are left out."""
    lines = text.splitlines()
    cells = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        rule = re.compile(r"\|[\s:|-]+\|")
        if line.startswith("|") and not rule.fullmatch(line) and not rule.fullmatch(following):
            cells.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return cells


# --- Numbers -----------------------------------------------------------------------------------------


def numbers(text):
    """The numbers a page states: not those in links, formulas, years, chapter numbers, names or sources."""
    text = text.split("\n## Sources")[0]
    for ignored in (r"\]\([^)]*\)", r"\$[^$]*\$", r"chapter [0-9]", r"\*[^*]+\*", r"\b(?:19|20)[0-9]{2}\b",
                    r"TensorFlow [12]", r"assignment 3"):
        text = re.sub(ignored, " ", text)
    number = r"(?<![\w.,])[−-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]*\.?[0-9]+)(?:e[+-]?[0-9]+)?(?!\w)"
    return {found.replace("−", "-") for found in re.findall(number, text)}


def agrees(stated, value):
    """Whether `value`, rounded to the digits of the text `stated`, is `stated`."""
    exact = Decimal(stated.replace(",", ""))
    half_a_digit = Decimal("0.5000001").scaleb(exact.as_tuple().exponent)
    return abs(Decimal(float(value)) - exact) <= half_a_digit


def softmax(logits):
    e = np.exp(np.asarray(logits) - np.max(logits))
    return e / e.sum()


def toy_gradient(x):
    """∂h₃/∂h₁ of h_t = tanh(2x + 3 h_{t-1} + 1) with h₀ = 0."""
    h, slopes = 0.0, []
    for _ in range(3):
        h = np.tanh(2 * x + 3 * h + 1)
        slopes.append(3 * (1 - h**2))
    return slopes[1] * slopes[2]


def parameters(blocks, biases, size=50):
    return blocks * (2 * size * size + biases * size)


HELLO = softmax([1.0, 2.2, -3.0, 4.1])
MATRIX = np.array([[0.5, 3.0], [0.0, 0.5]])
STEEPEST_SIGMOID = max((s * (1 - s)) for s in 1 / (1 + np.exp(-np.linspace(-5, 5, 1001))))
KERAS_AND_TORCH = {
    "5,050": parameters(1, 1),
    "5,100": parameters(1, 2),
    "15,300": parameters(3, 2),
    "20,200": parameters(4, 1),
    "20,400": parameters(4, 2),
}
CALCULATED = {
    "corrections.md": KERAS_AND_TORCH | {
        ".038": HELLO[0],
        ".125": HELLO[1],
        ".001": HELLO[2],
        ".837": HELLO[3],
        "8": 1 / HELLO[1],
        "2.7e-5": 0.9**100,
        "1.3e30": 2.0**100,
        "7e-5": toy_gradient(0.0),
        "6e-9": toy_gradient(1.0),
        "4": 1 / STEEPEST_SIGMOID,
        "3.08": np.linalg.norm(MATRIX, 2),
        "2.7e-13": np.linalg.norm(np.linalg.matrix_power(MATRIX, 50), 2),
        "20": 100 * 0.2,
        "80": 100 * (1 - 0.2),
        "50,000": 1000 * 50,
        "500,000": 10_000 * 50,
    },
    "notation.md": KERAS_AND_TORCH | {"15,150": parameters(3, 1)},
}
# What the text takes as given: inputs of the calculations above, and figures reported by others.
GIVEN = {
    "corrections.md": {
        "1.0", "2.2", "-3.0", "4.1", "50", "0.9", "2", "100", "3", "1", "0", "-0.5", ".5", "0.2", "1,000",
        "10,000", "136", "75", "75.8", "75.4", "0.821", "0.839", "0.841",
    },
    "notation.md": {"0", "1", "3", "4", "2", "50"},
}   # fmt: skip


@pytest.mark.parametrize("name", sorted(CALCULATED))
def test_every_number_is_recomputed_or_known_as_given(name):
    assert numbers(read(name)) == set(CALCULATED[name]) | GIVEN[name]


@pytest.mark.parametrize(("name", "stated"), [(n, s) for n in CALCULATED for s in CALCULATED[n]])
def test_stated_numbers_are_right(name, stated):
    assert agrees(stated, CALCULATED[name][stated]), (stated, CALCULATED[name][stated])


def test_a_wrong_digit_would_be_noticed():
    assert not agrees("2.6e-5", 0.9**100) and not agrees("5,051", 5050) and not agrees(".126", HELLO[1])


def test_slopes_and_growth_of_the_corrections_page():
    x = np.linspace(-5, 5, 1001)
    assert np.max(1 - np.tanh(x) ** 2) == 1 and STEEPEST_SIGMOID == 0.25
    assert toy_gradient(-0.5) == 3 * 3                                     # the state stays 0: 3 a step
    assert np.abs(np.linalg.eigvals(MATRIX)).max() == 0.5
    assert np.linalg.norm(MATRIX @ MATRIX, 2) > 1                          # "grows at first"
    assert HELLO.argmax() == "helo".index("o")
    assert 15_300 / 20_400 == 3 / 4


def test_parameter_table_is_what_pytorch_counts():
    torch = pytest.importorskip("torch")
    table = {cells[0]: cells for cells in rows(read("notation.md").split("## How many parameters")[1])}
    for layer, blocks in (("RNN", 1), ("LSTM", 4), ("GRU", 3)):
        one, two = (int(cell.replace(",", "")) for cell in table[layer][1:3])
        counted = sum(p.numel() for p in getattr(torch.nn, layer)(50, 50).parameters())
        assert (one, two) == (parameters(blocks, 1), counted)


def test_pytorchs_weights_fit_as_the_notation_page_says():
    torch = pytest.importorskip("torch")
    from helpers.layers import GRU, LSTM

    with torch.random.fork_rng():
        torch.manual_seed(0)
        x = torch.randn(2, 4, 3, dtype=torch.float64)
        for ours, theirs in ((LSTM, torch.nn.LSTM), (GRU, torch.nn.GRU)):
            peer = theirs(3, 5, batch_first=True).double()
            layer = ours(3, 5, rng=np.random.default_rng(0), dtype=np.float64)
            weight = {name: value.detach().numpy() for name, value in peer.named_parameters()}
            copied = {"Wx": weight["weight_ih_l0"].T, "Wh": weight["weight_hh_l0"].T}
            if ours is LSTM:
                copied["b"] = weight["bias_ih_l0"] + weight["bias_hh_l0"]
            else:
                copied |= {"bx": weight["bias_ih_l0"], "bh": weight["bias_hh_l0"]}
            for name, value in copied.items():
                layer.params[name][...] = value
            np.testing.assert_allclose(layer.forward(x.numpy()), peer(x)[0].detach().numpy(), atol=1e-12)


# --- Links and chapters ------------------------------------------------------------------------------


def chapter_exists(number):
    return any((ROOT / "solutions").glob(f"{int(number):02}_*.py"))


def anchors(path):
    """The names GitHub gives to the headings of a Markdown file."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def dead_links(text, folder, own=None):
    """Relative links of `text` that lead nowhere from `folder`; a notebook counts when its source exists."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (folder / file).resolve() if file else own
        built = target.suffix == ".ipynb" and (ROOT / "solutions" / f"{target.stem}.py").is_file()
        if not (target.is_file() or built) or (anchor and anchor not in anchors(target)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_of_the_pages_resolve(page):
    assert dead_links(page.read_text(encoding="utf-8"), page.parent, page) == []


@pytest.mark.parametrize("folder", ["notebooks", "solutions"])
def test_relative_links_of_the_start_page_resolve(folder):
    assert dead_links(START.read_text(encoding="utf-8"), ROOT / folder) == []


def test_a_dead_link_would_be_noticed():
    text = "[a](nowhere.md) [b](notation.md#no-such-heading) [c](notation.md#sizes) [d](https://example.org)"
    assert dead_links(text, ROOT / "docs") == ["nowhere.md", "notation.md#no-such-heading"]


@pytest.mark.parametrize("page", [*PAGES, START], ids=lambda page: page.name)
def test_in_preparation_is_said_only_of_chapters_that_do_not_exist(page):
    text = page.read_text(encoding="utf-8")
    announced = re.findall(r"chapter ([0-9]), in preparation", text)
    announced += re.findall(r"^# \| ([0-9]) · .*in preparation \|$", text, re.MULTILINE)
    assert [number for number in announced if chapter_exists(number)] == []


def test_the_start_page_names_all_nine_chapters():
    map_rows = re.findall(r"^# \| \[?([0-9]) · ", START.read_text(encoding="utf-8"), re.MULTILINE)
    assert map_rows == list("012345678")


# --- Tables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_table_rows_are_complete_and_unique(page):
    tables = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for table in map(rows, tables):
        assert len({tuple(cells) for cells in table}) == len(table)
        assert len({len(cells) for cells in table}) <= 1, table


def test_glossary_rows():
    terms = [cells for cells in rows(read("glossary.md").split("## The three sentences")[0])]
    assert len(terms) >= 50
    for korean, romanised, english, meaning, chapter in terms:
        assert re.fullmatch(r"[가-힣]+(?: [가-힣]+)*", korean), korean
        assert re.fullmatch(r"[a-z]+(?: [a-z]+)*", romanised), korean
        assert len(romanised.split()) == len(korean.split()), korean
        assert english and meaning and chapter in list("012345678"), korean
    assert len({cells[0] for cells in terms}) == len({cells[1] for cells in terms}) == len(terms)


def test_corrections_say_what_holds_who_showed_it_and_which_chapter_takes_it_up():
    text = read("corrections.md")
    page, sources = text.split("\n## Sources")
    listed = " ".join(sources.split()).split(" - ")
    link = r"\[chapter ([0-9])\]\(\.\./notebooks/0\1_\w+\.ipynb\)"
    for claim, holds, source, chapter in rows(page):
        assert claim and holds and claim != holds
        assert re.fullmatch(rf"{link}|chapter [0-9], in preparation", chapter), chapter
        for work in source.split("; "):
            name = re.fullmatch(r"(\w+)\b.* ((?:19|20)\d\d)", work)
            if name:
                assert any(name[1] in entry and name[2] in entry for entry in listed), work
            else:
                assert work in ("arithmetic", "–") or work.startswith("[notation](notation.md#"), work


def test_every_source_of_the_corrections_is_used():
    page, sources = read("corrections.md").split("\n## Sources")
    for entry in re.findall(r"^- (.+(?:\n  .+)*)", sources, re.MULTILINE):
        authors, year = entry.split(", *")[0], re.findall(r"(?:19|20)\d\d", entry)[-1]
        first = re.sub(r"(?:\w\.-?)+ ", "", authors).split(",")[0].split(" et al")[0]
        assert re.search(rf"{first}\b[^|;]*{year}", page), entry


# --- The numbers of the start page -------------------------------------------------------------------


def test_answers_of_the_start_pages_quizzes():
    from helpers.checks import get

    h, x = 0.5, 2.0
    w = np.arctanh(h) / x
    slope = (np.tanh((w + 1e-6) * x) - np.tanh((w - 1e-6) * x)) / 2e-6
    text = START.read_text(encoding="utf-8")
    assert re.search(rf"\*\*{get('quiz_chain_rule').answer}\*\* (\S+)", text)[1] == f"{slope:.1f}"

    x, W, dy = np.ones((4, 3)), np.ones((3, 5)), np.ones((4, 5))
    line = re.search(rf"\*\*{get('quiz_shapes').answer}\*\* `(x.T @ dy)`", text)[1]
    assert line == "x.T @ dy" and (x.T @ dy).shape == W.shape and (x @ W).shape == dy.shape

    shape = (np.ones((4, 1)) - np.ones(4)).shape
    assert f"**{get('quiz_broadcasting').answer}** {shape}" in text
