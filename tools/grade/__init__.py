"""Grade learners' notebooks: the judge stands outside, each answer runs in a process of its own.

`reading` finds the answers in whatever came back, `sandbox` and `remote` run them, `judging` hands them to
the checks of the course, `results` is what comes out, `reports` what people and programs get to see.
"""
