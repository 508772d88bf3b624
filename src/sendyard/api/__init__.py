"""
The REST interface: parse, authorise, call a feature, render. No rule of the product lives here.
"""
