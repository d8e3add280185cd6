"""How the tables of the case file came to be."""
