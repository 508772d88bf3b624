"""
Who gets a campaign: from files, numbers, contacts, lists and segments to frozen rows.
"""
