"""The course on machines that are lent for an hour: the notebooks of Colab.

Binder reads environment.yml and opens the learner's notebooks as they are. Colab opens one notebook and has
nothing else of the course, so each gets a first cell that fetches the rest. These notebooks stand on a
branch of their own (``colab``, see .github/workflows/pages.yml): in JupyterLab there is no such cell.
"""
