"""What revision 0001 made; frozen with it."""
