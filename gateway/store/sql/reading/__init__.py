"""Reading: single resources, histories, and searches from query to statement, page, total and includes."""
