"""The asset library as somebody at the command line has it, one claim in each file."""
