"""Where replies come from. A backend is one coroutine; everything else belongs to the `LM`."""
