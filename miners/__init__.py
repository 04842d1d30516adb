"""What a miner is and how to talk to one: types, inventory, transports, one driver a maker."""
