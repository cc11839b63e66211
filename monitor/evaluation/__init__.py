"""From facts to alerts to what is owed: one transaction a subject."""
