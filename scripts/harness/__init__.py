"""What the suite's scripts share. Nothing here speaks FastCGI: that is the suite's own binary's part."""
