"""A second judge of what fcgispec accuses a peer of: it reads the bytes of a conversation anew, with a codec of its own."""
