"""The database: tables, migrations, and what is written and found in them."""
