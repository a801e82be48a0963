// Without JavaScript everything is there; this makes some things easier.

// Hints are folded on screen and open on paper, which is white.
(function () {
  const page = document.documentElement;
  let opened = [], theme;
  window.addEventListener("beforeprint", () => {
    theme = page.dataset.theme;
    page.dataset.theme = "light";
    opened = [...document.querySelectorAll("details.hint:not([open])")];
    opened.forEach((hint) => (hint.open = true));
  });
  window.addEventListener("afterprint", () => {
    page.dataset.theme = theme;
    opened.forEach((hint) => (hint.open = false));
    opened = [];
  });
})();

// What is too wide scrolls by itself, so keys must reach it. (The theme sees to code.)
(function () {
  function reach() {
    for (const box of document.querySelectorAll("div.math, div.cell_output .text_html")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }
  window.addEventListener("load", reach);
  window.addEventListener("resize", reach);
})();

// Pages of long tables get a field that keeps the rows with all the words typed into it.
(function () {
  const asked = document.querySelector('meta[name="filter"]'); // what to call it
  const title = document.querySelector("article h1");
  if (!asked || !title) return;

  const box = document.createElement("form");
  box.className = "filter";
  box.setAttribute("role", "search");
  box.innerHTML = '<label></label> <input type="search" autocomplete="off" id="filter"><output for="filter"></output>';
  const [label, input, output] = box.children;
  label.htmlFor = "filter";
  label.textContent = asked.content;
  output.setAttribute("aria-live", "polite");
  box.addEventListener("submit", (event) => event.preventDefault());
  title.after(box);

  const said = (counts) => asked.dataset.rows.replace(/{(\w+)}/g, (_, name) => counts[name]);
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const rows = [...document.querySelectorAll("article tbody tr")].map((row) => [row, plain(row.textContent)]);
  function filter() {
    const words = plain(input.value).split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, text] of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    for (const section of document.querySelectorAll("article section section")) {
      const its = [...section.querySelectorAll("tbody tr")];
      section.hidden = words.length > 0 && (its.length === 0 || its.every((row) => row.hidden));
    }
    output.textContent = words.length ? said({ shown, rows: rows.length }) : "";
  }
  input.addEventListener("input", filter);
  const given = new URLSearchParams(location.search).get("find");
  if (given) input.value = given;
  filter();
})();

// The search looks for Korean letter by letter (tools/site/search.py), and shows where it stands on a page as it is
// written there.
if (typeof Search !== "undefined") {
  const summary = Search.makeSearchSummary;
  Search.makeSearchSummary = (text, words, anchor) =>
    summary(text, [...words].map((word) => word.replace("^", "").normalize("NFC")), anchor);
}
