"""What flows through Burnish: plain values without IO, models or clocks."""
