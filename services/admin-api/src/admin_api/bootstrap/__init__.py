"""The first content of an installation, from a document: what is absent is made, what a person has edited is left alone."""
