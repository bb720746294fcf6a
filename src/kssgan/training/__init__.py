"""Training: one prepared file in, weights out. Needs torch, numpy and safetensors only."""
