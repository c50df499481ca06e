"""What this installation is: where its gateway answers, and its version."""
