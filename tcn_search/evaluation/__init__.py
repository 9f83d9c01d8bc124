"""After the search: final trainings over seeds, test evaluation, comparison with baselines.

The only package that scores anything on a test split.
"""
