# SPDX-License-Identifier: BSD-3-Clause
"""The published networks as plain PyTorch modules, in timm's names: the references of our tests."""

import torch
import torch.nn.functional as F


class Block(torch.nn.Module):
    """A residual block in timm's names."""

    def __init__(self, bottleneck, inputs, width, stride, factor=1):
        super().__init__()
        outputs, inner = 4 * width if bottleneck else width, factor * width
        kernels = [1, 3, 1] if bottleneck else [3, 3]
        widths = [inputs, inner, inner, outputs] if bottleneck else [inputs, width, outputs]
        strides = [1, stride, 1] if bottleneck else [stride, 1]
        self.layers = len(kernels)
        for i, kernel in enumerate(kernels):
            self.add_module(f"conv{i + 1}", torch.nn.Conv2d(
                widths[i], widths[i + 1], kernel, strides[i], kernel // 2, bias=False))
            self.add_module(f"bn{i + 1}", torch.nn.BatchNorm2d(widths[i + 1], momentum=1.0))
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = torch.nn.Sequential(
                torch.nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                torch.nn.BatchNorm2d(outputs, momentum=1.0))

    def forward(self, x):
        y = x
        for i in range(1, self.layers + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            y = F.relu(y) if i < self.layers else y
        return F.relu(y + (self.downsample(x) if self.downsample else x))


class ResNet(torch.nn.Module):
    def __init__(self, bottleneck, depths, widths, stem, pool, channels, classes, factor=1):
        super().__init__()
        kernel, stride = stem
        self.conv1 = torch.nn.Conv2d(channels, widths[0], kernel, stride, kernel // 2, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(widths[0], momentum=1.0)
        self.pool, self.stages = pool, len(depths)
        inputs = widths[0]
        for i, (depth, width) in enumerate(zip(depths, widths)):
            blocks = []
            for j in range(depth):
                blocks.append(Block(bottleneck, inputs, width, 2 if i > 0 and j == 0 else 1, factor))
                inputs = 4 * width if bottleneck else width
            self.add_module(f"layer{i + 1}", torch.nn.Sequential(*blocks))
        self.fc = torch.nn.Linear(inputs, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        if self.pool:
            x = F.max_pool2d(x, 3, 2, 1)
        for i in range(1, self.stages + 1):
            x = getattr(self, f"layer{i}")(x)
        return self.fc(x.mean((2, 3)))


def attention(x, heads):
    """Of qkv [B, T, 3 C], packed as timm does."""
    b, t, c3 = x.shape
    q, k, v = x.reshape(b, t, 3, heads, c3 // 3 // heads).permute(2, 0, 3, 1, 4)
    p = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1)
    return (p @ v).transpose(1, 2).reshape(b, t, c3 // 3)


class Attention(torch.nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.qkv, self.proj = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)
        self.heads = heads

    def forward(self, x):
        return self.proj(attention(self.qkv(x), self.heads))


class Mlp(torch.nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1, self.fc2 = torch.nn.Linear(width, hidden), torch.nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class TransformerBlock(torch.nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.attn = torch.nn.LayerNorm(width, 1e-6), Attention(width, heads)
        self.norm2, self.mlp = torch.nn.LayerNorm(width, 1e-6), Mlp(width, 4 * width)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(torch.nn.Module):
    def __init__(self, channels, width, patch):
        super().__init__()
        self.proj = torch.nn.Conv2d(channels, width, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class ViT(torch.nn.Module):
    """In training a distilled one gives both heads' logits, else their mean."""

    def __init__(self, patch, width, depth, heads, distilled, channels, classes, size):
        super().__init__()
        tokens = (size // patch) ** 2 + (2 if distilled else 1)
        self.cls_token = torch.nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.pos_embed = torch.nn.Parameter(torch.randn(1, tokens, width) * 0.02)
        self.distilled = distilled
        if distilled:
            self.dist_token = torch.nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.patch_embed = PatchEmbed(channels, width, patch)
        self.blocks = torch.nn.Sequential(*[TransformerBlock(width, heads) for _ in range(depth)])
        self.norm = torch.nn.LayerNorm(width, 1e-6)
        self.head = torch.nn.Linear(width, classes)
        if distilled:
            self.head_dist = torch.nn.Linear(width, classes)

    def forward(self, x):
        x = self.patch_embed(x)
        front = [self.cls_token] + ([self.dist_token] if self.distilled else [])
        x = torch.cat([t.expand(len(x), -1, -1) for t in front] + [x], 1) + self.pos_embed
        x = self.norm(self.blocks(x))
        if not self.distilled:
            return self.head(x[:, 0])
        a, b = self.head(x[:, 0]), self.head_dist(x[:, 1])
        return (a, b) if self.training else (a + b) / 2


class DenseLayer(torch.nn.Module):
    def __init__(self, inputs, growth):
        super().__init__()
        self.norm1 = torch.nn.BatchNorm2d(inputs, momentum=1.0)
        self.conv1 = torch.nn.Conv2d(inputs, 4 * growth, 1, bias=False)
        self.norm2 = torch.nn.BatchNorm2d(4 * growth, momentum=1.0)
        self.conv2 = torch.nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        y = self.conv1(F.relu(self.norm1(x)))
        return torch.cat((x, self.conv2(F.relu(self.norm2(y)))), 1)


class Transition(torch.nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.norm = torch.nn.BatchNorm2d(inputs, momentum=1.0)
        self.conv = torch.nn.Conv2d(inputs, inputs // 2, 1, bias=False)

    def forward(self, x):
        return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2)


class DenseNet(torch.nn.Module):
    def __init__(self, growth, depths, stem, pool, channels, classes):
        super().__init__()
        kernel, stride = stem
        width = 2 * growth
        self.features, self.pool = torch.nn.Sequential(), pool
        self.features.add_module("conv0", torch.nn.Conv2d(channels, width, kernel, stride,
                                                          kernel // 2, bias=False))
        self.features.add_module("norm0", torch.nn.BatchNorm2d(width, momentum=1.0))
        for i, depth in enumerate(depths):
            block = torch.nn.Sequential()
            for j in range(depth):
                block.add_module(f"denselayer{j + 1}", DenseLayer(width, growth))
                width += growth
            self.features.add_module(f"denseblock{i + 1}", block)
            if i + 1 < len(depths):
                self.features.add_module(f"transition{i + 1}", Transition(width))
                width //= 2
        self.features.add_module("norm5", torch.nn.BatchNorm2d(width, momentum=1.0))
        self.classifier = torch.nn.Linear(width, classes)

    def forward(self, x):
        for name, module in self.features.named_children():
            x = module(x)
            if name in ("norm0", "norm5"):
                x = F.relu(x)
            if name == "norm0" and self.pool:
                x = F.max_pool2d(x, 3, 2, 1)
        return self.classifier(x.mean((2, 3)))


def cross_entropy(logits, labels, smoothing=0.0):
    """Batch mean; of two heads the mean."""
    heads = logits if isinstance(logits, tuple) else (logits,)
    return sum(F.cross_entropy(h, labels, label_smoothing=smoothing) for h in heads) / len(heads)


RESNETS = {"resnet18": (False, [2, 2, 2, 2]), "resnet34": (False, [3, 4, 6, 3]),
           "resnet50": (True, [3, 4, 6, 3]), "resnet101": (True, [3, 4, 23, 3]),
           "wide_resnet50_2": (True, [3, 4, 6, 3]), "wide_resnet101_2": (True, [3, 4, 23, 3])}
DENSENETS = {"densenet121": (32, [6, 12, 24, 16]), "densenet161": (48, [6, 12, 36, 24]),
             "densenet169": (32, [6, 12, 32, 32]), "densenet201": (32, [6, 12, 48, 32])}
VITS = {"tiny": (192, 12, 3), "small": (384, 12, 6), "base": (768, 12, 12)}


def build(name, classes=1000, size=224):
    """A published network under timm's name."""
    if name in RESNETS:
        bottleneck, depths = RESNETS[name]
        return ResNet(bottleneck, depths, [64, 128, 256, 512], (7, 2), True, 3, classes,
                      2 if name.startswith("wide_") else 1)
    if name in DENSENETS:
        growth, depths = DENSENETS[name]
        return DenseNet(growth, depths, (7, 2), True, 3, classes)
    if name == "vit_micro":
        return ViT(7, 64, 2, 4, False, 3, classes, size)
    family, width, *rest = name.split("_")
    assert family in ("vit", "deit") and rest[-2:] == ["patch16", "224"]
    return ViT(16, *VITS[width], rest[0] == "distilled", 3, classes, size)


PUBLISHED = [*RESNETS, *DENSENETS, *(f"{family}_{size}_patch16_224" for family in ("vit", "deit")
                                     for size in VITS),
             *(f"deit_{size}_distilled_patch16_224" for size in VITS)]
