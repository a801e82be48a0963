"""Korean particles that follow the sound before them: 은/는, 이/가, 을/를, 과/와, 으로/로.

After Hangul a wrong one strikes every reader; after a formula, code or a number one has to know how these are
read aloud. What has no certain reading is passed over.
"""

from __future__ import annotations

import re

FINALS = ["L", "M", "N", "R", "l", "m", "n", "r"]
"""Letters whose Korean name ends in a consonant: 엘, 엠, 엔, 알."""

DIGITS = dict(zip("0123456789", ["ㅇ", "ㄹ", "", "ㅁ", "", "", "ㄱ", "ㄹ", "ㄹ", ""], strict=True))
"""Digit → the final consonant of its name: 영, 일, 이, 삼, 사, 오, 육, 칠, 팔, 구."""

GREEK = {"epsilon": "ㄴ", "varepsilon": "ㄴ"}
"""Greek letters that end in a consonant; all others end in a vowel."""

WORDS = {
    "tanh": "ㄴ?", "LSTM": "ㅁ", "RNN": "ㄴ", "GRU": "", "BPTT": "", "NaN": "ㄴ", "SGD": "", "Adam": "ㅁ",
    "AdamW": "", "ReLU": "", "NumPy": "", "PyTorch": "", "Penn Treebank": "", "JupyterLab": "ㅂ", "nan": "ㄴ",
    "torch": "", "Python": "ㄴ", "Colab": "ㅂ", "NSMC": "", "IMDB": "", "softmax": "", "dropout": "",
    "True": "", "False": "", "None": "ㄴ", "Jupyter": "", "Keras": "", "Linux": "", "Windows": "", "CPU": "",
    "GPU": "",
}  # fmt: skip
"""Word → its final consonant as it is read; "?" at the end: also read otherwise, passed over."""

PAIRS = [("은", "는"), ("이", "가"), ("을", "를"), ("과", "와"), ("으로", "로"), ("이란", "란")]
"""(after a consonant, after a vowel). After ㄹ it is 로, too."""

_BEFORE = (
    r"(?P<code>`[^`]+`)|(?P<maths>\$[^$]+\$)|(?P<latin>[A-Za-z][A-Za-z0-9_-]*)"
    r"|(?P<number>\d[\d,.]*\d|\d)(?P<percent>%)?"
)
_PARTICLE = "|".join(sorted((form for pair in PAIRS for form in pair), key=len, reverse=True))
_FOUND = re.compile(rf"(?:{_BEFORE})(?P<close>[*]{{0,2}})(?P<particle>{_PARTICLE})(?![가-힣])")


def wrong_particles(text: str) -> list[str]:
    """Where a particle does not fit the formula, code, word or number that it follows: "`h_t`을 → 를"."""
    faults = []
    for found in _FOUND.finditer(text):
        final = _final(found)
        if final is None:
            continue
        particle = found["particle"]
        pair = next(pair for pair in PAIRS if particle in pair)
        open_end = final == "" or (pair[1] == "로" and final == "ㄹ")
        wanted = pair[1] if open_end else pair[0]
        if particle != wanted:
            faults.append(f"{found[0]} → {wanted}")
    return faults


def _final(found: re.Match[str]) -> str | None:
    """The final consonant of what stands before the particle ("" for a vowel), None if nobody knows."""
    if found["percent"]:
        return ""
    if found["number"]:
        return _of_number(found["number"])
    if found["latin"]:
        return _of_word(found["latin"])
    inside = (found["code"] or found["maths"]).strip("`$").strip()
    return _of_code(inside) if found["code"] else _of_formula(inside)


def _of_number(text: str) -> str | None:
    text = text.rstrip(".,")
    if "." in text or not text.replace(",", "").isdigit():
        return DIGITS[text[-1]] if text[-1].isdigit() else None
    digits = text.replace(",", "")
    zeros = len(digits) - len(digits.rstrip("0"))
    if digits.strip("0") == "" or not zeros:
        return DIGITS[digits[-1]]
    return {1: "ㅂ", 2: "ㄱ", 3: "ㄴ"}.get(zeros, "ㄴ" if zeros < 8 else "ㄱ")   # 십, 백, 천, 만, 억


def _of_word(text: str) -> str | None:
    if text in WORDS:
        return None if WORDS[text].endswith("?") else WORDS[text]
    if len(text) == 1:
        return "ㄹ" if text in "LlRr" else "ㅁ" if text in FINALS else ""
    if text.isupper() and text.isalpha() and len(text) <= 4:   # read letter by letter
        return _of_word(text[-1])
    return None


def _of_code(text: str) -> str | None:
    parts = re.fullmatch(r"d?([A-Za-z])(?:_?([a-z0-9]{1,2}))?", text)
    if parts is None:
        return _of_word(text) if text in WORDS else None
    last = parts[2] or parts[1]
    if last.isdigit():
        return _of_number(last)
    return _of_word(last[-1]) if len(last) <= 2 and parts[1] != last else _of_word(parts[1])


def _of_formula(text: str) -> str | None:
    if greek := re.fullmatch(r"\\([a-z]+)", text):
        return GREEK.get(greek[1], "") if greek[1] not in ("tanh", "max", "min", "exp", "ln", "log") else None
    found = re.fullmatch(r"(?:\\?[A-Za-z]+)(?:_(?:\{([^{}]+)\}|(\w)))?", text)
    if found is None:
        return None
    below = found[1] or found[2]
    if below is None:
        return _of_word(text) if len(text) == 1 else None
    last = re.sub(r"\\text|\\mathrm|[{}\s]", "", below)
    if last[-1:].isdigit():
        return _of_number(re.search(r"\d+$", last)[0])
    return _of_word(last) if len(last) == 1 else None
