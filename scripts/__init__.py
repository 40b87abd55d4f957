"""What maintainers run by hand: migrations, documents, data files."""
