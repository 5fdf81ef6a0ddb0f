"""Pictures: from files and arrays to the input of a network."""
