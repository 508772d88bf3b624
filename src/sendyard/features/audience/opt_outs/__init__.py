"""
Lists that providers keep of who refused: read by us, and told what people refuse here.
"""
