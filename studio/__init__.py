"""The ground of Image Studio: the vocabulary that every other room speaks.

Nothing here knows a provider, a wallet, Prefect or a command line.
"""
