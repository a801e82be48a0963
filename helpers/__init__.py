"""What the chapters import. Each module is one topic; nothing heavy is loaded before it is used."""
