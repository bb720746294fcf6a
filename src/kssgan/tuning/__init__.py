"""Hyperparameters: a space, three solvers, a study that several workers share.

The score comes in as a callable; this room knows no model. Importing it loads no solver's library.
"""
