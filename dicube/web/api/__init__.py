"""The JSON interface of the page: one module for each subject."""
