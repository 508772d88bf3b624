"""
The local world behind the providers: their emulators on sockets, handsets with a mailbox, and scenarios.
"""
