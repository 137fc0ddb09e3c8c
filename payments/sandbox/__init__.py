"""The sandbox provider: a small card processor that lives next door, for rehearsals only."""
