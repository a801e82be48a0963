"""The texts of the course.

`vocabulary` and `batches` turn any token stream into arrays. The rest are corpora: `pronouns` and
`korean_order` are generated (and know the probability of everything they write), `english` ships
inside Python, `characters` is "hello", `penn_treebank` is downloaded when asked, through `download`.
Import the module you need; this package imports none of them for you.
"""
