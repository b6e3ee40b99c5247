"""Examples from files, and the data that Burnish ships."""
