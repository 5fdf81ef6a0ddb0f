"""Pictures: from files and arrays to the input of a network.

`sources` finds out which files are meant, `decode` reads one (with `formats`, `pixels`, `channels` and
`pillow_warnings`), `arrays` takes pictures that are arrays already, `resize` and `crop` are Darknet's geometry, and
`preprocess` fits a picture to a network.
"""
