import math
import unicodedata
from collections import Counter

import numpy as np
import pytest

from helpers.corpora import chatbot
from helpers.corpora.chatbot import Question

HEADER = "Q,A,label\n"


def written(tmp_path, text):
    path = tmp_path / "ChatbotData.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("change", [str, lambda s: "\ufeff" + s, lambda s: s.replace("\n", "\r\n")])
def test_a_file_with_quotes(tmp_path, change):
    text = change(HEADER + '12시 땡!,하루가 또 가네요.,0\n"네가, 보고 싶어","그는 ""아니"" 라고 했다",1\n')
    assert chatbot.read(written(tmp_path, text)) == [
        Question("12시 땡!", "하루가 또 가네요.", 0),
        Question("네가, 보고 싶어", '그는 "아니" 라고 했다', 1),
    ]


BAD_ROWS = {
    ",대답,1": "line 3: got no text",
    "물음,1": "line 3: got 2 columns, wanted 3: Q, A, label",
    "물,음,대답,1": "line 3: got 4 columns",
    "물음,대답,3": "line 3: got label '3', wanted 0 or 1 or 2",
    "물음,대답,0.5": "line 3: got label '0.5', wanted 0 or 1 or 2",
    "물음,대답,-1": "line 3: got label '-1'",
    "물음,대답,": "line 3: got label ''",
    "물음,대답,love": "line 3: got label 'love'",
    "  ,대답,1": "line 3: got no text",
    ",": "line 3: got 2 columns",
}


@pytest.mark.parametrize(("row", "message"), BAD_ROWS.items())
def test_bad_rows_are_named_by_their_line_or_skipped(tmp_path, row, message):
    path = written(tmp_path, HEADER + f"가,나,0\n{row}\n다,라,2\n")
    with pytest.raises(ValueError, match=rf"ChatbotData\.csv, {message}"):
        chatbot.read(path)
    problems = []
    assert [question.text for question in chatbot.read(path, problems)] == ["가", "다"]
    assert len(problems) == 1 and message in problems[0]


def test_lines_are_counted_through_quotes_that_span_several(tmp_path):
    with pytest.raises(ValueError, match=r"line 4: got label 'x'"):
        chatbot.read(written(tmp_path, HEADER + '"가\n나",다,0\n라,마,x\n'))


BROKEN_QUOTES = {
    '"가,나,0\n다,라,1\n': "got a quote that is never closed, wanted CSV",
    # longer than csv's longest field
    '"가,나,0\n' + "다,라,1\n" * 40_000: "got a quote that is never closed, or a text of more than 131,0",
    '"가"나,다,0\n': "got ',' expected after '\"', wanted CSV",
    '"가,나,0\n다,"라, 마",1\n': "got ',' expected after '\"', wanted CSV",
    '"가,나,0\n다,라,1\n마",바,1\n': "got a quote that closes in line 5 only, with whole rows inside",
    '"가,나,0.0\r\n다",라,1\n': "got a quote that closes in line 4 only, with whole rows inside",
}


@pytest.mark.parametrize(("row", "message"), BROKEN_QUOTES.items(), ids=range(len(BROKEN_QUOTES)))
def test_broken_quotes_are_an_error_even_when_rows_may_be_skipped(tmp_path, row, message):
    with pytest.raises(ValueError, match="line 3: " + message):
        chatbot.read(written(tmp_path, HEADER + "가,나,0\n" + row), [])


QUESTION = Question("가족 있어?", "부모님, 친구", 1)
SAME = {
    "quoted": '"Q","A","label"\n"가족 있어?","부모님, 친구","1"\n',
    "spaces": 'Q, A ,label \n가족 있어? ,"부모님, 친구", 1 \n',
    "pandas": 'Q,A,label\n가족 있어?,"부모님, 친구",1.0\n',
    "another order": 'label,A,Q\n1,"부모님, 친구",가족 있어?\n',
    "blank lines": '\nQ,A,label\n\r\n \n\u200b\n가족 있어?,"부모님, 친구",1\n\n\n',
    "no newline at the end": 'Q,A,label\n가족 있어?,"부모님, 친구",1',
    "mark and Windows": '\ufeffQ,A,label\r\n가족 있어?,"부모님, 친구",1\r\n',
    "old Mac": 'Q,A,label\r가족 있어?,"부모님, 친구",1\r',
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_the_same_question_written_in_other_ways(tmp_path, text):
    assert chatbot.read(written(tmp_path, text)) == [QUESTION]


def test_quotes_inside_and_lines_of_their_own(tmp_path):
    text = HEADER + '그는 "아니"라고,"""네""",0\n"두\n줄, 1",대답,2\n'
    assert chatbot.read(written(tmp_path, text)) == [
        Question('그는 "아니"라고', '"네"', 0),
        Question("두\n줄, 1", "대답", 2),
    ]


def test_lines_are_counted_past_blank_ones(tmp_path):
    with pytest.raises(ValueError, match=r"line 5: got label 'x'"):
        chatbot.read(written(tmp_path, HEADER + "\n가,나,0\n\n라,마,x\n"))


def test_wrong_headers_and_other_bytes(tmp_path):
    for text in ("가,나,0\n", ",Q,A,label\n0,가,나,0\n", "Q,Q,label\n", "Q,A\n가,나\n", "q;a;label\n"):
        with pytest.raises(ValueError, match=r"line 1: .*wanted the header"):
            chatbot.read(written(tmp_path, text), [])
    with pytest.raises(ValueError, match="wanted a text in UTF-8"):
        chatbot.read(written(tmp_path, (HEADER + "가,나,0\n").encode("cp949")))
    with pytest.raises(ValueError, match=r"line 1: got nothing, wanted the header"):
        chatbot.read(written(tmp_path, ""))


def test_the_generated_questions():
    drawn = chatbot.sample(6000, np.random.default_rng(0))
    shares = Counter(question.label for question in drawn)
    for label in range(3):
        assert shares[label] / 6000 == pytest.approx(1 / 3, abs=4 * math.sqrt(2 / 9 / 6000))
    labels = {}
    for question in drawn:
        assert labels.setdefault(question.text, question.label) == question.label   # no text of two classes
        assert question.text.endswith("?") and question.answer
        assert unicodedata.is_normalized("NFC", question.text)
    assert len(labels) > 500
    love = {word for question in drawn if question.label == 2 for word in question.text.split()}
    parted = {word for question in drawn if question.label == 1 for word in question.text.split()}
    assert love - parted == {"좋아하는", "짝사랑하는"} and parted - love == {"헤어진", "떠난"}


def test_particles_agree_and_every_word_has_a_gloss():
    for question in chatbot.sample(500, np.random.default_rng(1)):
        roman, english = chatbot.gloss(question.text)
        assert roman.isascii() and english.isascii()
        assert len(roman.split()) == len(english.split()) == len(question.text.split())
        assert not {"사람를", "친구을", "동생를"} & set(question.text.split())
    assert chatbot.gloss("헤어진 사람을 지금 만나도 될까?") == (
        "heeojin sarameul jigeum mannado doelkka?",
        "parted person-OBJ now meet-even-if may-I?",
    )
    with pytest.raises(ValueError, match="text: got '커피를'"):
        chatbot.gloss("커피를 지금")
