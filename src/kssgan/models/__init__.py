"""Networks: generator, critic, Siamese twin. Plain torch modules; nothing here knows files or training."""
