"""
What people do with the yard, one package each; interfaces call these and nothing below.
"""
