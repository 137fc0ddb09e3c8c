"""One module for each kind of object, with the verbs that the API has for it."""
