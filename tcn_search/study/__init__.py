"""A study as its user sees it: create, load, continue, and read the results.

Puts together what the packages below provide, and stores the study's own values.
"""
