"""The contracts that cross a process boundary: names, envelope, and one module of shapes per publishing service."""
