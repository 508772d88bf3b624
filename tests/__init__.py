"""
The tests. A real package, because some published packages install one of the same name that would come first.
"""
