"""Pure presenters: a history goes in, plain values for a page or an answer come out."""
