"""How the installation is: what this process reaches, what waits in streams, and what the edge's replicas say of themselves."""
