"""What files of texts may hold, for both readers: tabs (reviews) and commas (questions)."""

import gzip
import pathlib
import re

import pytest

from helpers.corpora import chatbot, nsmc
from helpers.corpora.tables import lines_of


class Kind:
    """One of the two formats: how a row is written, and how its text is read."""

    def __init__(self, name, read, header, row):
        self.name, self.read, self.header, self.row = name, read, header, row

    def file(self, folder, rows, encoding="utf-8", newline="\n", end="\n"):
        text = newline.join([self.header, *rows]) + end
        return self.of_bytes(folder, text.encode(encoding))

    @staticmethod
    def of_bytes(folder, data):
        path = folder / "texts.txt"
        path.write_bytes(data)
        return path

    def texts(self, path, problems=None):
        return [each.text for each in self.read(path, problems)]


TABS = Kind("tabs", nsmc.read, "id\tdocument\tlabel", lambda text, label="1": f"7\t{text}\t{label}")
COMMAS = Kind("commas", chatbot.read, "Q,A,label", lambda text, label="1": f"{text},대답,{label}")
both = pytest.mark.parametrize("kind", [TABS, COMMAS], ids=lambda kind: kind.name)


@both
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["", "{n}", "{n}{n}", "{n} {n}\u200b{n}\t", "{n}\x1a"])
def test_ends_of_lines_and_of_files(kind, tmp_path, newline, encoding, end):
    rows = [kind.row("좋다"), kind.row("싫다", "0")]
    path = kind.file(tmp_path, rows, encoding, newline, end.format(n=newline))
    assert kind.texts(path) == ["좋다", "싫다"]


@both
def test_texts_that_are_something_else_elsewhere(kind, tmp_path):
    texts = [
        "nan",
        "NULL",
        "None",
        "#",
        "# 좋다",
        "0",
        "TRUE",
        "<html>",
        "가\u2028나",
        "가\x85나",
        "가\x0b나",
        "가\x0c나",
    ]
    assert kind.texts(kind.file(tmp_path, map(kind.row, texts))) == texts


@both
@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\u3000",
        "\xa0",
        "\u200b",
        "\u3164",
        "\ufeff",
        "\xad\u2060",
        " \u200e ",
        "\x00",
        "\ufe0f",
        "\u2800",
    ],
)
def test_a_text_that_nobody_can_see_is_none(kind, tmp_path, text):
    path = kind.file(tmp_path, [kind.row("좋다"), kind.row(text), kind.row("싫다")])
    with pytest.raises(ValueError, match=r"texts\.txt, line 3: got no text, wanted some"):
        kind.read(path)
    problems = []
    assert kind.texts(path, problems) == ["좋다", "싫다"]
    assert len(problems) == 1 and "line 3: got no text" in problems[0]


BAD_BYTES = [
    b"\xff",
    b"\xc8",
    "좋".encode()[:2],
    b"\xed\xa0\x80",
    b"\xc0\x80",
    "좋다".encode("cp949"),
    b"caf\xe9",
]


@both
@pytest.mark.parametrize("bad", BAD_BYTES)
@pytest.mark.parametrize("good", ["좋다", "good"])
def test_a_bad_byte_costs_its_row(kind, tmp_path, bad, good):
    rows = [kind.row(good).encode()] * 4
    rows.insert(2, kind.row("@").encode().replace(b"@", bad))
    path = kind.of_bytes(tmp_path, b"\n".join([kind.header.encode(), *rows]))
    column = 2 if kind is TABS else 1
    message = (
        rf"texts\.txt, line 4: got the byte 0x[89a-f][0-9a-f] in column {column}, wanted a text in UTF-8"
    )
    cp949 = kind is TABS and good == "good" and bad == "좋다".encode("cp949")  # the only row with no ASCII
    message = r"texts\.txt: got what seems to be cp949" if cp949 else message
    with pytest.raises(ValueError, match=message):
        kind.read(path)
    if not cp949:
        problems = []
        assert kind.texts(path, problems) == [good] * 4
        assert len(problems) == 1 and re.search(message, problems[0])


@both
def test_a_few_korean_bytes_do_not_make_a_file_korean(kind, tmp_path):
    rows = [
        *[kind.row("it's so").replace("대답", "yes").encode().replace(b"'", b"\x92")] * 20,
        b"1,1,1",
        b"1\t1\t1",
    ]
    rows.append(kind.row("@").replace("대답", "yes").encode().replace(b"@", "좋다".encode("cp949")))
    problems = []
    kind.read(kind.of_bytes(tmp_path, b"\n".join([kind.header.encode(), *rows])), problems)
    assert len(problems) == 22


@both
def test_a_file_that_was_cut_off(kind, tmp_path):
    whole = kind.file(tmp_path, [kind.row("좋다"), kind.row("가나다")]).read_bytes()
    cut = kind.of_bytes(tmp_path, whole[: whole.index("나".encode()) + 1])
    problems = []
    assert kind.texts(cut, problems) == ["좋다"]
    assert len(problems) == 1 and "line 3: got the byte" in problems[0]


@both
@pytest.mark.parametrize("encoding", ["cp949", "euc_kr", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_another_encoding_is_named_and_what_the_message_says_mends_it(kind, tmp_path, encoding, newline):
    texts = ["좋다", "연기가 참 좋다!", "good"]
    path = kind.file(tmp_path, map(kind.row, texts), encoding, newline)
    for problems in (None, []):
        with pytest.raises(ValueError, match=r"got what seems to be .*wanted a text in UTF-8") as raised:
            kind.read(path, problems)
        assert not problems
    [remedy] = re.findall(r"\((.*) converts it\)", str(raised.value))
    exec(remedy, {"pathlib": pathlib})
    assert kind.texts(path) == texts


OTHER_FILES = {
    "web page": (b"\n<!DOCTYPE html>\n<html><body>404</body></html>", "a web page"),
    "page without doctype": (b"<HTML lang='ko'>", "a web page"),
    "pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
        "a pointer of git-LFS",
    ),
    "workbook": (b"PK\x03\x04" + bytes(60), "an Excel workbook or zip file"),
    "gzip": (gzip.compress(b"id\tdocument\tlabel\n"), "a gzip file"),
}


@both
@pytest.mark.parametrize(("data", "got"), OTHER_FILES.values(), ids=OTHER_FILES)
def test_what_is_no_table_at_all_is_named(kind, tmp_path, data, got):
    for problems in (None, []):
        with pytest.raises(ValueError, match=rf"texts\.txt: got {got}.*wanted a text in UTF-8 \("):
            kind.read(kind.of_bytes(tmp_path, data), problems)


@both
@pytest.mark.parametrize("data", [b"", b"\n", b"\xef\xbb\xbf", b" \n \n"])
def test_a_file_without_a_header(kind, tmp_path, data):
    for problems in (None, []):
        with pytest.raises(ValueError, match=r"texts\.txt.*got .*wanted the header"):
            kind.read(kind.of_bytes(tmp_path, data), problems)


@both
def test_a_header_alone_and_a_header_again(kind, tmp_path):
    for end in ("", "\n", "\n\n\n"):
        with pytest.raises(ValueError, match="got a header and nothing below it, wanted at least one row"):
            kind.read(kind.file(tmp_path, [], end=end), [])
    path = kind.file(tmp_path, [kind.row("좋다"), "\ufeff" + kind.header, kind.row("싫다")])
    with pytest.raises(ValueError, match=r"line 3: got the header again, wanted a row"):
        kind.read(path)
    problems = []
    assert kind.texts(path, problems) == ["좋다", "싫다"] and len(problems) == 1


@both
def test_arguments_of_a_wrong_kind(kind, tmp_path):
    path = kind.file(tmp_path, [kind.row("좋다")])
    assert kind.texts(str(path)) == ["좋다"]
    for wrong in (None, 3, [path]):
        with pytest.raises(ValueError, match=r"path: got .*wanted the name of a file"):
            kind.read(wrong)
    with pytest.raises(ValueError, match="problems: got True, wanted a list, or None"):
        kind.read(path, True)
    with pytest.raises(FileNotFoundError, match=r"none\.txt"):
        kind.read(tmp_path / "none.txt")


def test_lines():
    assert lines_of("a\r\nb\rc\n\nd\x85\u2028\x0c") == ["a", "b", "c", "", "d\x85\u2028\x0c"]
    assert lines_of("") == [] and lines_of("a\n") == lines_of("a") == ["a"]


@both
def test_a_bad_byte_in_the_header_is_named(kind, tmp_path):
    for problems in (None, []):
        with pytest.raises(ValueError, match=r"texts\.txt, line 1: got the byte 0xff in column 1, wanted "):
            kind.read(kind.of_bytes(tmp_path, b"\xff"), problems)


def test_lines_end_as_systems_end_them():
    r"""A file with \r\n, written as text on Windows, has \r\r\n: no blank lines."""
    for end in ("\n", "\r\n", "\r", "\r\r\n"):
        assert lines_of(end.join(["a", "b", ""])) == ["a", "b"]
    assert lines_of("a\r\rb\n\nc") == ["a", "", "b", "", "c"]


@both
def test_a_folder_is_no_file(kind, tmp_path):
    with pytest.raises(ValueError, match="got a folder, wanted the name of a file"):
        kind.read(tmp_path)


def test_rows_in_another_encoding_are_named_where_the_others_are_right(tmp_path):
    """Two files put together. Converted as a whole, the rows that are right would be spoilt."""
    path = tmp_path / "texts.txt"
    rows = ("id\tdocument\tlabel\n1\t좋다\t1\n", "2\t정말 나쁜 영화였다\t0\n")
    path.write_bytes(rows[0].encode() + rows[1].encode("cp949"))
    problems = []
    assert [review.text for review in nsmc.read(path, problems)] == ["좋다"]
    assert len(problems) == 1 and "line 3: got the byte 0xc1 in column 2" in problems[0]
