"""What is true: derivations of the theory of posterior collapse, in SymPy."""
