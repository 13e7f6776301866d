"""Small causal transformers on tokens, with or without perceptrons."""

import math
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu


@final
class Attention(nn.Module):
    """Causal self-attention.

    Written out rather than fused: the fused kernel has no second derivative on the CPU, which
    Hessians and gradient penalties need.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return ``softmax(q k^T / sqrt(d)) v`` over the tokens up to each one, mixed by heads."""
        batch, context, width = inputs.shape
        parts = self.qkv(inputs).view(batch, context, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-1, -2) / math.sqrt(width // self.heads)
        future = torch.ones(context, context, dtype=torch.bool, device=inputs.device).triu(1)
        weights = scores.masked_fill(future, -math.inf).softmax(-1)
        mixed: Tensor = self.out((weights @ value).transpose(1, 2).reshape(batch, context, width))
        return mixed


@final
class TransformerLayer(nn.Module):
    """``x + attention(norm x)``, then ``x + perceptron(norm x)`` if there is one."""

    def __init__(self, width: int, heads: int, perceptron: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        if perceptron:
            self.norm2 = nn.LayerNorm(width)
            self.up = nn.Linear(width, 4 * width)
            self.down = nn.Linear(4 * width, width)
        self.perceptron = perceptron

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the features after the layer."""
        features: Tensor = inputs + self.attention(self.norm1(inputs))
        if self.perceptron:
            features = features + self.down(gelu(self.up(self.norm2(features))))
        return features


@final
class Transformer(nn.Module):
    """A causal transformer with norms before the layers and learned positions.

    With tokens ``V``, context ``C``, width ``d`` and ``L`` layers it has
    ``V d + C d + L a + 2 d + (d + 1) V`` parameters, ``a = 4 d^2 + 6 d`` without perceptrons and
    ``12 d^2 + 13 d`` with them. Reading and writing tokens do not share weights.
    """

    def __init__(
        self,
        tokens: int,
        context: int,
        layers: int = 2,
        width: int = 64,
        heads: int = 4,
        perceptron: bool = True,
    ) -> None:
        """Build the layers.

        Args:
            tokens: Size of the vocabulary.
            context: Longest sequence.
            layers: Number of layers.
            width: Of the residual stream.
            heads: Of every attention.
            perceptron: Whether layers have perceptrons; False makes it attention only.

        Raises:
            ValueError: If a size is not positive or the heads do not divide the width.
        """
        super().__init__()
        if min(tokens, context, layers, width, heads) < 1 or width % heads:
            raise ValueError(
                "transformer: sizes must be positive and heads divide the width, got"
                f" {tokens=}, {context=}, {layers=}, {width=}, {heads=}"
            )
        self.tokens = nn.Embedding(tokens, width)
        self.positions = nn.Embedding(context, width)
        self.layers = nn.Sequential(
            *(TransformerLayer(width, heads, perceptron) for _ in range(layers))
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, tokens)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits ``(batch, context, tokens)`` of the tokens after each one."""
        indices = torch.arange(tokens.shape[1], device=tokens.device)
        features = self.tokens(tokens) + self.positions(indices)
        logits: Tensor = self.head(self.norm(self.layers(features)))
        return logits
