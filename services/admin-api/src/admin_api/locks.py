"""Keys of Postgres's advisory locks that hold for a session or concern a whole table. Those of single records are in
`configuration.records`; the migration runner has its own."""

from typing import Final

# Any numbers, as long as nobody else of this database has them.
RELAY_LOCK: Final = 0x6F6D675F72656C79
DECLARED_LOCK: Final = 0x6F6D675F66696C65
BOOTSTRAP_LOCK: Final = 0x6F6D675F626F6F74
