"""The history of the schema; versions are numbered and never edited once released."""
