"""The link check finds what is planted, and only that."""

import pytest

from tools.site.check import Fault, faults

PAGE = """<!doctype html><html lang="en"><head><link rel="stylesheet" href="style.css">
<link rel="canonical" href="https://example.org/"><link rel="next" href="more/b.html"></head>
<body><h1 id="top-of-it">A</h1><a href="more/b.html#there">b</a> <a href="#top-of-it">up</a>
<a href="#">up</a>
<a href="https://example.org/x">elsewhere</a> <a href="mailto:a@example.org">mail</a>
<img src="a%20b.png" alt="a" srcset="a%20b.png 2x"> <img src="a%20b.png" class="logo__image" alt="">
<img src="data:image/png;base64,AA" alt="b">{}</body></html>"""


@pytest.fixture
def planted(tmp_path):
    """planted(markup): the faults of a small site with `markup` in its first page."""
    (tmp_path / "more").mkdir()
    (tmp_path / "a b.png").write_bytes(b"")
    (tmp_path / "style.css").write_text("p { background: url('a b.png') } /* url(none.png) */")
    other = '<p id="there"><a href="../index.html">a</a> <a href="..">a</a>'
    (tmp_path / "more" / "b.html").write_text(other)

    def found(markup, style=""):
        (tmp_path / "index.html").write_text(PAGE.format(markup))
        if style:
            (tmp_path / "style.css").write_text(style)
        return faults(tmp_path)

    return found


def test_a_site_in_order_has_none(planted):
    assert planted("") == []


@pytest.mark.parametrize("markup, link, why", [
    ('<a href="none.html">x</a>', "none.html", "leads to no file of the site"),
    ('<a href="more/b.html#here">x</a>', "more/b.html#here", "leads to no place of that page"),
    ('<a href="#here">x</a>', "#here", "leads to no place of that page"),
    ('<a href="more">x</a>', "more", "leads to no file of the site"),
    ('<a href="../outside.html">x</a>', "../outside.html", "leads to no file of the site"),
    ('<img src="none.png" alt="a">', "none.png", "leads to no file of the site"),
    ('<img alt="a" srcset="a%20b.png 1x, none.png 2x">', "none.png", "leads to no file of the site"),
    ('<script src="none.js"></script>', "none.js", "leads to no file of the site"),
    ('<script src="https://example.org/x.js"></script>', "https://example.org/x.js", "loaded from elsewhere"),
    ('<script src="//example.org/x.js"></script>', "//example.org/x.js", "loaded from elsewhere"),
    ('<img src="https://example.org/x.png" alt="a">', "https://example.org/x.png", "loaded from elsewhere"),
    ('<iframe src="https://example.org/"></iframe>', "https://example.org/", "loaded from elsewhere"),
    ('<link rel="stylesheet" href="http://example.org/x">', "http://example.org/x", "loaded from elsewhere"),
    ('<link rel="preconnect" href="https://example.org">', "https://example.org", "loaded from elsewhere"),
    ('<p style="background:url(https://example.org/x)">', "https://example.org/x", "loaded from elsewhere"),
    ("<style>@import 'https://example.org/x';</style>", "https://example.org/x", "loaded from elsewhere"),
    ('<a href="file:///etc/hosts">x</a>', "file:///etc/hosts", "no address of the web"),
    ('<a href="javascript:alert(1)">x</a>', "javascript:alert(1)", "no address of the web"),
    ('<form action="none.html"></form>', "none.html", "leads to no file of the site"),
    ('<img src="a%20b.png" alt="">', "a%20b.png", "no alternative text"),
    ('<img src="a%20b.png">', "a%20b.png", "no alternative text"),
    ('<IMG SRC="none.png" ALT=a>', "none.png", "leads to no file of the site"),
    ('<a href="MORE/b.html">x</a>', "MORE/b.html", "leads to no file of the site"),
    ('<a href="more/b.html#There">x</a>', "more/b.html#There", "leads to no place of that page"),
    ('<a href="https:example.org">x</a>', "https:example.org", "no address of the web"),
    ('<a href="https://[::1">x</a>', "https://[::1", "no address (Invalid IPv6 URL)"),
    ('<video poster="none.png"></video>', "none.png", "leads to no file of the site"),
    ('<object data="https://example.org/x"></object>', "https://example.org/x", "loaded from elsewhere"),
    ('<input type="image" src="none.png">', "none.png", "leads to no file of the site"),
    ('<svg><use xlink:href="//example.org/x#a"/></svg>', "//example.org/x#a", "loaded from elsewhere"),
    ('<link rel="modulepreload" href="none.js">', "none.js", "leads to no file of the site"),
    ('<link rel="next" href="none.html">', "none.html", "leads to no file of the site"),
    ('<link rel="alternate" href="none.html">', "none.html", "leads to no file of the site"),
    ('<frame src="https://example.org/">', "https://example.org/", "loaded from elsewhere"),
    ('<base target="x"><meta http-equiv="refresh" content="0; url=https://example.org/">',
     "https://example.org/", "loaded from elsewhere"),
])
def test_a_planted_fault_is_named_with_its_page(planted, markup, link, why):
    assert planted(markup) == [Fault("index.html", link, why)]
    assert str(Fault("index.html", link, why)) == f"index.html: {link}: {why}"


@pytest.mark.parametrize("style, link, why", [
    ("p { background: url(none.png) }", "none.png", "leads to no file of the site"),
    ('@font-face { src: url("//example.org/f.woff2") }', "//example.org/f.woff2", "loaded from elsewhere"),
])
def test_style_sheets_are_read_too(planted, style, link, why):
    assert planted("", style) == [Fault("style.css", link, why)]
