"""Random and nasty problems, each with a reference that is apart from the code: what is right, what is doubted.

`python -m campaigns --problems 2000 --seed 1` draws problems of every family, runs them through the public names of
saddlescope, sets each result beside its reference, logs one JSON line a problem and prints a table of verdicts.
References are written from the equations with NumPy and SciPy alone; they never import a dynamics of saddlescope.
"""
