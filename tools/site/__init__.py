"""The course as a static site: executed chapters, docs, recorded runs and exercises, with Sphinx."""
