"""KerasTuner: its search engines for studies, and a study's space for its tuners.

Nothing else in the package imports KerasTuner.
"""
