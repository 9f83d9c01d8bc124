"""Reports: table, figures and HTML page of a study; a comparison; a plan as a data frame.

A report shows results that a study, an evaluation or the planner offers; it computes and chooses
nothing itself, and never prints.
"""
