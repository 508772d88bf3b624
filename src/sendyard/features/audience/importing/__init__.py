"""
Files of people: stored in bulk, repeatable, and taken back as a whole.
"""
