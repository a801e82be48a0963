"""What a check accepts, the rest of the chapter works with: python -m tools.usable 07.

After each exercise every registered variant, and the reference with each other type of result that the check
accepts, take the place of the learner's function in the cells up to the next exercise: none may raise, warn
anew or make a claim false. The landmarks of a statement run where they stand, with the solution.
"""
