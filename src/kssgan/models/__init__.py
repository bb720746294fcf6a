"""Networks: generator, critic, Siamese twin, and their weights as bytes; nothing here knows training."""
