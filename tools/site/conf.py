"""Sphinx' configuration. `tools.site.build` adds what depends on the language, the machine and the site's
address."""

from helpers.languages import LANGUAGES

project = "Unrolled"
html_title = "Unrolled"
author = ""
project_copyright = ""

extensions = [
    *("myst_nb", "sphinx_copybutton", "tools.site.formulas", "tools.site.extension", "tools.site.search"),
]
exclude_patterns = ["_extra", "_static"]
templates_path = ["templates"]

nb_execution_mode = "off"   # the notebooks have their outputs
nb_render_markdown_format = "myst"   # a chapter's closing table, with formulas
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_dmath_allow_digits = True
myst_heading_anchors = 4
myst_url_schemes = ("http", "https", "mailto", "ftp", *LANGUAGES)   # the last: `tools.site.links.address`
html_math_renderer = "katex"
copybutton_selector = "div.highlight:not(.cell_output div) pre"   # code and commands, not what they print

html_theme = "sphinx_book_theme"
html_theme_options = {
    "article_header_start": ["toggle-primary-sidebar.html"],
    "article_header_end": ["language.html", "article-header-buttons.html"],
    "footer_content_items": ["licences.html"],
    "home_page_in_toc": True,
    "logo": {"text": "Unrolled", "image_light": "static/logo.svg", "image_dark": "static/logo-dark.svg"},
    "navbar_persistent": [],   # else a second field for the search stands in it
    "pygments_dark_style": "github-dark-high-contrast",
    "pygments_light_style": "a11y-high-contrast-light",
    "show_toc_level": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
}
html_static_path = ["static"]
html_css_files = ["katex/katex.min.css", "site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_favicon = "static/favicon.svg"
html_context = {"default_mode": "auto"}
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
html_use_index = False
