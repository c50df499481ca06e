"""Real servers that tests send to: they speak the protocol of the world, and misbehave when they are told to."""
