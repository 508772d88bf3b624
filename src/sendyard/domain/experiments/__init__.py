"""
The arithmetic of comparing texts: how many people are needed, when a difference may be believed, who gets the rest.
"""
