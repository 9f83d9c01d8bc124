"""Estimators that search, train and predict behind the methods of scikit-learn.

They use studies as their users do; what they predict with is a saved model.
"""
