"""What the warehouse knows before any study is delivered, and the studies that ship with it.

Belongs here: reference tables (`reference`, dbt seeds) and shipped studies (`studies`). Does not belong
here: what is computed from records, or what depends on the machine it runs on.
"""
