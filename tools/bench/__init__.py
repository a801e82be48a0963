"""How fast are the NumPy layers? ``python -m tools.bench``: a table, and the same numbers as JSON.

Every case runs in one process, ours, torch's and the matrix products alone in turn, round after round, so
that whatever else the machine does falls on all of them. Milliseconds are medians over the rounds; a ratio is
the median of the ratios within a round. All sides use the same number of threads.
"""
