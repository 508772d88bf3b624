"""
Data records: tables of flights, orders or appointments; a row fills the variables of a template.
"""

from sendyard.features.templates.records.columns import Column
from sendyard.features.templates.records.library import Records, Sheet, values

__all__ = ["Column", "Records", "Sheet", "values"]
