"""
The command line: everything the API can do, and running the whole.
"""
