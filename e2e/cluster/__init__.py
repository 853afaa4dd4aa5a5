"""What the system under test needs on a real cluster: settings, images, a database, and a way out when it fails."""
