"""A custom model: a user's Keras model around the TCN, built by a function of the user's.

The package finds the function again in other processes and checks the model that it returns. It may
not import `models`, which builds the complete models.
"""
