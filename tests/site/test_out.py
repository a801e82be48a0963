"""Where the site goes: only into what is new, empty or its own, and whole or not at all."""

import json
import os

import pytest

from tests.site.conftest import build
from tools.site import publish
from tools.site.publish import STAMP, is_current, refusal


@pytest.fixture
def html(tmp_path):
    folder = tmp_path / "html"
    (folder / "chapters").mkdir(parents=True)
    (folder / "index.html").write_text("new")
    (folder / "chapters" / "1.html").write_text("one")
    return folder


def said(output, text):
    """Whether the command said `text`, wherever its lines end."""
    return text.replace(" ", "") in "".join(output.replace("│", "").split())


def kept(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_new_and_empty_folders_are_taken_and_a_site_is_replaced(tmp_path, html):
    out = tmp_path / "deep" / "site"
    assert not refusal(out)
    assert publish.publish(html, out, "a") == 2
    assert is_current(out, "a") and not is_current(out, "b") and not refusal(out)
    (html / "chapters" / "1.html").unlink()
    publish.publish(html, out, "b")
    assert set(kept(out)) == {"index.html", STAMP} and is_current(out, "b")
    assert os.listdir(out.parent) == ["site"]


def test_a_site_that_lost_a_file_is_not_current(tmp_path, html):
    out = tmp_path / "site"
    publish.publish(html, out, "a")
    (out / "chapters" / "1.html").write_text("cut")
    assert is_current(out, "a")   # as long as before
    (out / "chapters" / "1.html").unlink()
    assert not is_current(out, "a")


@pytest.mark.parametrize("stamp", [None, "", "{", "[]", '{"files": []}', '{"files": {}}', "\0"])
def test_a_folder_with_other_files_is_refused_and_left(tmp_path, stamp):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.html").write_text("mine")
    if stamp is not None:
        (out / STAMP).write_text(stamp)
    before = kept(out)
    code, output = build("--out", out)
    assert code == 2 and said(output, "holds other files") and said(output, "nothing was removed")
    assert kept(out) == before


def test_a_site_into_which_somebody_put_a_file_is_refused(tmp_path, html):
    out = tmp_path / "site"
    publish.publish(html, out, "a")
    (out / "CNAME").write_text("course.example.org")
    code, output = build("--out", out)
    assert code == 2 and said(output, "such as CNAME")
    assert (out / "CNAME").exists() and (out / "index.html").exists()


def test_links_of_somebody_in_a_site_are_his(tmp_path, html):
    out = tmp_path / "site"
    publish.publish(html, out, "a")
    (out / "mine").symlink_to(tmp_path, target_is_directory=True)
    assert refusal(out) == "a site with other files in it, such as mine"


def test_a_folder_that_cannot_be_read_is_refused(tmp_path, monkeypatch):
    def closed(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(publish.os, "scandir", closed)
    assert refusal(tmp_path).startswith("a folder that cannot be read: [Errno 13] Permission denied")


def test_a_file_and_a_link_to_nowhere_are_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    code, output = build("--out", tmp_path / "file")
    assert code == 2 and said(output, "(a file)") and (tmp_path / "file").read_text() == "mine"
    code, output = build("--out", tmp_path / "file" / "below")
    assert code == 2 and said(output, "(a folder that cannot be made)")
    if hasattr(os, "symlink"):
        os.symlink(tmp_path / "nowhere", tmp_path / "link")
        assert refusal(tmp_path / "link") == "a link that leads nowhere"


def test_what_cannot_be_put_in_place_leaves_the_earlier_site(tmp_path, html, monkeypatch):
    out = tmp_path / "site"
    publish.publish(html, out, "a")
    before = kept(out)
    replaced = os.replace

    def full(source, target):
        if str(target) == str(out) and "-new-" in str(source):
            raise OSError("disk full")
        return replaced(source, target)

    monkeypatch.setattr(publish.os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        publish.publish(html, out, "b")
    assert kept(out) == before and json.loads((out / STAMP).read_text())["made_of"] == "a"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".site-")]


@pytest.mark.parametrize("arguments, sentence", [
    (["--repository", "unrolled"], "got 'unrolled', wanted OWNER/NAME"),
    (["--repository", "a/b/c"], "got 'a/b/c', wanted OWNER/NAME"),
    (["--repository", 'a/b"><script>'], "wanted OWNER/NAME"),
    (["--url", "example.org"], "got 'example.org', wanted where the site will be"),
    (["--url", "https://a b/"], "wanted where the site will be"),
    (["--url", 'https://a.org/"><script>'], "wanted where the site will be"),
    (["--url", "https://a.org/?page=1"], "wanted where the site will be"),
    (["--repository", "a/b", "--ref", "../x y"], "got '../x y', wanted a commit or a branch"),
])
def test_odd_arguments_are_told_in_a_sentence(tmp_path, arguments, sentence):
    code, output = build("--out", tmp_path / "site", *arguments)
    assert code == 2 and said(output, sentence)
    assert not (tmp_path / "site").exists()
