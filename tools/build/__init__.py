"""The build: one percent script a chapter becomes an executed solution and a student notebook.

The modules, in the order in which they use each other::

    source     where things stand, chapters read into cells with line numbers, what a problem is
    markup     images and folded hints in Markdown and HTML
    markers    the solution markers of an exercise
    exercises  heading, hints, exercise cell and check put together
    drawing    cells that only draw, folded in the notebooks
    rules      everything a source is refused for
    notebook   the two notebooks of a chapter, their ids, metadata and bytes
    outputs    everything an executed notebook is refused for
    execute    running a notebook reproducibly
    freshness  whether the notebooks on disk are what the sources build
    pipeline   one chapter from source to files
    cli        python -m tools.build
"""
