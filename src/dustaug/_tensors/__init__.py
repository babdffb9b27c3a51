"""How dust is painted on the memory of a torch tensor, on any device."""
