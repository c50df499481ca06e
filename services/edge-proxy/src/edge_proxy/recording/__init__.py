"""What is known of a call outlives the process: the journal on local disk, and the publisher that empties it into JetStream."""
