"""How fast are the NumPy layers? ``python -m tools.bench``: a table, and the same numbers as JSON.

Every case runs in one process, ours, torch's and the matrix products alone in turn, round after round, so
that whatever else the machine does falls on all of them. Milliseconds are medians over the rounds; a ratio is
the median of the ratios within a round, with the interval that it lies in. An aim is met, or not met, where
all of the interval says so. All sides use the same number of threads.

The interval is that of this process. In another one, where memory lies and which cores work are others:
before a ratio near its aim is believed, it is measured a few times.
"""
