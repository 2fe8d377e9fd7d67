"""What takes many resources along at once: Bulk Data, and the rows of views."""
