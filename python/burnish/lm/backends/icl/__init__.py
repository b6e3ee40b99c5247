"""What the offline model is made of: it reads a prompt, learns from its demos, writes a reply."""
