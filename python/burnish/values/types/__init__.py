"""Types of fields that say themselves how a prompt shows them: pictures, sounds, files, code, conversations."""
