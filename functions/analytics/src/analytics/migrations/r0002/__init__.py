"""What revision 0002 made; frozen with it."""
