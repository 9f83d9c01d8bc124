"""KerasTuner: its search engines for our studies, and our space as a hypermodel for its tuners.

Nothing else in the package imports KerasTuner.
"""
