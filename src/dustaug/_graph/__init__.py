"""How dust is drawn and painted as operations of a framework's graph."""
