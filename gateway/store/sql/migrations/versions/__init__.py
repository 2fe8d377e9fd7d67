"""One file a revision; the number in `revision` is the version of the schema that it leads to."""
