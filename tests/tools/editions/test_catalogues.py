"""Catalogues follow their source, and the gate finds what a program can find."""

import gettext
import io

import pytest

from tools.editions.catalogue import Catalogue, Said, compile_catalogues
from tools.editions.gate import catalogue_faults
from tools.editions.particles import wrong_particles

SENTENCE = "The state carries what the network has read so far."


def catalogue(folder, translated, name="05_chapter"):
    """A catalogue of these messages and translations."""
    made = Catalogue(folder / f"{name}.po", "ko")
    made.write([Said(message, "paragraph") for message in translated])
    made = Catalogue(made.path, "ko")
    text = made.path.read_text(encoding="utf-8")
    for message in made.entries():
        message.msgstr = translated[message.msgid]
    made.write([Said(message, "paragraph") for message in translated])
    assert text != made.path.read_text(encoding="utf-8") or not any(translated.values())
    return Catalogue(made.path, "ko")


def faults(made, *messages):
    said = [Said(message, "paragraph") for message in messages or [each.msgid for each in made.entries()]]
    return [fault for _, fault, _ in catalogue_faults(made, said)]


def test_an_edited_message_becomes_fuzzy_with_its_former_text_and_nothing_else_changes(tmp_path):
    made = catalogue(tmp_path, {SENTENCE: "상태는 읽은 것을 나릅니다.", "step": "단계", "gone": "사라짐"})
    edited = SENTENCE.replace("so far", "until now")
    now = [Said(each, "paragraph") for each in (edited, "step", "quite new words")]
    assert made.write(now)
    text = made.path.read_text(encoding="utf-8")
    assert "#, fuzzy" in text and f'#| msgid "{SENTENCE}"' in text and '#~ msgid "gone"' in text
    made = Catalogue(made.path, "ko")
    assert made.translations == {"step": "단계"}
    assert faults(made, edited, "step", "quite new words") == [
        "fuzzy: its source was edited after it was translated",
        "untranslated",
        "obsolete: no source says this any more",
    ]
    assert not made.write(now)


def test_a_catalogue_that_lags_behind_its_source_is_refused(tmp_path):
    made = catalogue(tmp_path, {"step": "단계"})
    assert faults(made) == []
    assert faults(made, "step", "epoch") == ["not up to date with its source: run 'make messages'"]
    missing = Catalogue(tmp_path / "none.po", "ko")
    assert faults(missing, "step") == ["missing: run 'make messages'"]


def test_a_file_that_is_no_catalogue_is_named(tmp_path):
    (tmp_path / "broken.po").write_text("nonsense\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"broken\.po"):
        _ = Catalogue(tmp_path / "broken.po", "ko").file


@pytest.mark.parametrize(
    ("message", "right", "wrong", "fault"),
    [
        ("Take `h` here.", "여기서 `h`를 봅니다.", "여기서 `c`를 봅니다.", "span"),
        ("It is $x_1$ now.", "이제 $x_1$입니다.", "이제 $x_2$입니다.", "span"),
        ("See [this](a.md) page.", "[이 쪽](a.md)을 보세요.", "[이 쪽](b.md)을 보세요.", "span"),
        ("A **good** word.", "**좋은** 말입니다.", "좋은 말입니다.", "emphasis"),
        ("A **state (h)** is kept.", "**쪽지**(h)를 둡니다.", "**쪽지(h)**를 둡니다.", "emphasis"),
        ("It takes 35 minutes.", "35분 걸립니다.", "53분 걸립니다.", "number"),
        ("It is `W`.", "`W`를 씁니다.", "`W`을 씁니다.", "particle"),
        ("It works.", "됩니다.", "된다.", "speech level"),
        ("Try it.", "해 보세요.", "해 보아요.", "speech level"),
        ("Is it so?", "그럴까요?", "그런가?", None),
        ("the hidden state", "은닉 상태", "숨은 상태", "term"),
        ("the hidden state", "은닉 상태", "은닉상태", "term"),
    ],
)
def test_a_translation_that_breaks_something_is_refused(tmp_path, message, right, wrong, fault):
    assert faults(catalogue(tmp_path, {message: right})) == []
    found = faults(catalogue(tmp_path, {message: wrong}))
    assert fault is None or any(each.startswith(fault) for each in found), found


def test_placeholders_stay_and_take_no_particle_that_alternates(tmp_path):
    message = "after {n} steps of {name:.2f}"
    made = Catalogue(tmp_path / "helpers.po", "ko")
    for translation, fault in (
        ("{name:.2f}의 {n}단계 뒤", None),
        ("{name}의 {n}단계 뒤", "placeholder"),
        ("{n}을 {name:.2f} 뒤", "after a placeholder"),
        ("{n}을(를) {name:.2f} 뒤", "after a placeholder"),
    ):
        made.write([Said(message, "paragraph")])
        next(made.entries()).msgstr = translation
        made.write([Said(message, "paragraph")])
        found = faults(made, message)
        assert bool(found) == bool(fault) and all(each.startswith(fault) for each in found), found


def test_the_compiled_catalogue_says_what_is_translated_and_nothing_fuzzy(tmp_path):
    one = catalogue(tmp_path, {"step": "단계", "epoch": ""}, "one")
    two = catalogue(tmp_path, {SENTENCE: "상태는 읽은 것을 나릅니다."}, "two")
    two.write([Said(SENTENCE.replace("so far", "until now"), "paragraph")])
    compiled = compile_catalogues([one, Catalogue(two.path, "ko")])
    said = gettext.GNUTranslations(io.BytesIO(compiled))
    assert [said.gettext(each) for each in ("step", "epoch", SENTENCE)] == ["단계", "epoch", SENTENCE]
    assert compiled == compile_catalogues([one, Catalogue(two.path, "ko")])


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("`h_t`를", "`h_t`을"), ("$W$를", "$W$을"), ("$N$은", "$N$는"), ("$h_0$은", "$h_0$는"),
        ("$h_{t-1}$을", "$h_{t-1}$를"), (r"$\varepsilon$이", r"$\varepsilon$가"), ("LSTM은", "LSTM는"),
        ("GRU는", "GRU은"), ("7을", "7를"), ("10으로", "10로"), ("1로", "1으로"), ("R로", "R으로"),
        ("5%를", "5%을"), ("100과", "100와"), ("2,000이", "2,000가"), ("`dW`와", "`dW`과"),
    ],
)  # fmt: skip
def test_particles_follow_the_sound(right, wrong):
    assert wrong_particles(f"여기 {right} 봅니다.") == []
    assert wrong_particles(f"여기 {wrong} 봅니다.") != []


@pytest.mark.parametrize("text", ["`np.tanh`는", "`np.tanh`은", "tanh를", "$x @ W$을", "가방을", "3이라고"])
def test_what_has_no_certain_reading_is_passed_over(text):
    assert wrong_particles(text) == []
