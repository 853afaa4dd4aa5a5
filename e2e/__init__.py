"""The proof: scenarios that know URLs, users and numbers, and systems that supply them."""
