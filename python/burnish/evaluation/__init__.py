"""What an evaluation leaves: its result, on the disk, on the screen, and beside another one."""
