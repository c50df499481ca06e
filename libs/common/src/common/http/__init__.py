"""HTTP for the control plane's services: app factory, error renderer, health. edge-proxy's hot path does not pass here."""
