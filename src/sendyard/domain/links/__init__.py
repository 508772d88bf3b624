"""
Short addresses and who follows them: the pure part.
"""
