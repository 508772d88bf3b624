"""
Saved questions about people: a small language, its SQL, and counts that are there at once.
"""
