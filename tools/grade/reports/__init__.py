"""What people and programs get to see of results: CSV, JUnit, Markdown, HTML, JSON, a table in a terminal."""
