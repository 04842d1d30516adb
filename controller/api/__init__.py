"""How a request becomes an answer: the table of routes, who may, what goes in and out, errors in one form."""
