"""People across batches and providers: who is who, who moved, and who asked not to be called."""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Table, Text

from monitor.store.schema.times import UtcDateTime, metadata

# Whose contacts are whose: the first bytes of the hash of a number, and every contact that has
# it, at whatever provider. Written once a contact; of those without a number there is none.
people = Table(
    "people",
    metadata,
    Column("person", LargeBinary, primary_key=True),
    Column("batch", Integer, ForeignKey("batches.id"), primary_key=True),
    Column("contact_id", Text, primary_key=True),
    sqlite_with_rowid=False,
)

# Which people moved, a row for each transaction: those with a number as in ``people``, one
# after the other, and the ids of those without. Read by whoever keeps an account of people in
# memory, and soon forgotten.
people_moves = Table(
    "people_moves",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("batch", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("persons", LargeBinary, nullable=False),
    Column("unnumbered", LargeBinary),
)

# Who asked not to be called again, in a batch whose details are forgotten: the call, packed.
opt_outs = Table(
    "opt_outs",
    metadata,
    Column("person", LargeBinary, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# The tombstones of people who were erased (core/erasing.py): whoever is read again under one of
# them is forgotten again. Digests under the installation's own key, and nothing else.
erased = Table(
    "erased",
    metadata,
    Column("tombstone", LargeBinary, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)
