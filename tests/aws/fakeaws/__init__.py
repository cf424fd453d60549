"""A strict AWS of this machine's own, for tests; ../fake.py starts it and tells how it is used."""
