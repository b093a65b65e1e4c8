"""Jobs that outlive the page and the server: kept in SQLite, worked on by a few threads."""
