"""Editions of the course in other languages: catalogues taken from the one source, and what is built of them.

``python -m tools.editions messages`` brings the catalogues in ``po`` up to date, ``build`` builds documents
and compiles what helpers say (``tools.build`` builds the notebooks), ``check`` is the gate of `make test`.
"""
