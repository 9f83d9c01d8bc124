"""The report of a study: trials.csv, figures and one HTML page.

Reads results; computes nothing that a study does not offer.
"""
