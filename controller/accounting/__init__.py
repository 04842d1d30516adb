"""The books: what each container and miner used and did, hour by hour, whose it was, and what it cost."""
