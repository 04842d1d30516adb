"""The controller's pages for people: made on the server from the same functions as the API's answers, readable without scripts."""
