"""The texts of the course.

`vocabulary` and `batches` turn any token stream into arrays, `classification` texts of their own, `parallel`
texts in pairs; `text` says when two texts are the same, `tables` reads files of them. The rest are corpora:
`pronouns`, `korean_order` and `reviews` are generated and know the probability of everything they write;
`dates` and `korean_english` are generated pairs; `english` ships inside Python, `characters` is "hello",
`penn_treebank` and `nsmc` are downloaded when asked, through `download`; `chatbot` reads a file you have, or
writes its like.
Import the module you need; this package imports none of them for you.
"""
