"""Every technique of the field that hwsim has: where it lives, its paper, and a recipe to measure.

A technique is a row here; `measure.py` runs its recipe on three networks, `page.py` writes
docs/techniques.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DIGITS, MLP, TRANSFORMER = "digits", "mlp", "transformer"
NETWORKS: Final = (DIGITS, MLP, TRANSFORMER)

TUNE: Final = "finetune{epochs=6}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """One row.

    Attributes:
        family: Which table it stands in.
        name: The field's term.
        room: Where it lives, a path of the repository.
        paper: Where it was published, or what defines it.
        recipe: What is measured, as a spec string; `none` for what is no recipe's step.
        networks: On which networks; on others it has nothing to work on.
        student: Whether the network is a smaller one, taught by the network at hand.
        note: What the term means in the articles that use another.
    """

    family: str
    name: str
    room: str
    paper: str
    recipe: str
    networks: tuple[str, ...] = NETWORKS
    student: bool = False
    note: str = ""


def _pruned(
    name: str, settings: str, paper: str, networks: tuple[str, ...] = NETWORKS, note: str = ""
) -> Technique:
    """Return a structure, scope or schedule of pruning: finetuned, then int8."""
    return Technique(
        family="Pruning: structures, scopes and schedules",
        name=name,
        room="compressors/prune.py",
        paper=paper,
        recipe=f"prune{{{settings}}}|{TUNE}|quantize",
        networks=networks,
        note=note,
    )


def _criterion(
    name: str, settings: str, paper: str, networks: tuple[str, ...] = NETWORKS, note: str = ""
) -> Technique:
    """Return a criterion of pruning, without finetuning: what the choice alone is worth."""
    return Technique(
        family="Pruning: criteria (nothing is trained afterwards)",
        name=name,
        room="compressors/pruning/criteria",
        paper=paper,
        recipe=f"prune{{{settings}}}|quantize",
        networks=networks,
        note=note,
    )


def _quantized(
    name: str, recipe: str, paper: str, networks: tuple[str, ...] = NETWORKS, note: str = ""
) -> Technique:
    return Technique(
        family="Quantization after training",
        name=name,
        room="compressors/quantize.py",
        paper=paper,
        recipe=recipe,
        networks=networks,
        note=note,
    )


CONVOLUTIONS: Final = (DIGITS,)
# Networks whose layers are followed by ReLUs, and which have batch norms.
RECTIFIED: Final = (DIGITS, MLP)

PRUNING: Final = (
    _pruned("unstructured", "sparsity=0.8,scope=global", "Han et al., 1506.02626"),
    _pruned("by a threshold", "threshold=0.03", "Han et al., 1506.02626",
            note="|w| < threshold goes, ties stay"),
    _pruned("N:M", "structure=2:4", "Mishra et al., 2104.08378"),
    _pruned("block", "structure=block4x4,sparsity=0.3", "Gray et al., 2017"),
    _pruned("row", "structure=row,sparsity=0.3", "Wen et al., 1608.03665"),
    _pruned("column", "structure=column,sparsity=0.3", "Wen et al., 1608.03665"),
    _pruned("kernel", "structure=kernel,sparsity=0.5", "Mao et al., 1705.08922", CONVOLUTIONS),
    _pruned("filter, channel", "structure=filter,sparsity=0.5", "Li et al., 1608.08710"),
    _pruned("head", "structure=head,sparsity=0.25", "Michel et al., 1905.10650", (TRANSFORMER,)),
    _pruned("layer drop", "structure=layer,sparsity=0.5", "Huang et al., 1603.09382",
            (DIGITS, TRANSFORMER)),
    _pruned("per-layer ratios", 'ratios="*=0.8",sparsity=0.5', "-",
            note="from compressors/sensitivity/"),
    _pruned("global scope", "sparsity=0.8,scope=global", "Han et al., 1506.02626"),
    _pruned("layer-wise scope", "sparsity=0.8,scope=local", "Zhu and Gupta, 1710.01878"),
    _pruned("LAMP", "sparsity=0.8,scope=lamp", "Lee et al., 2010.07611"),
    _pruned("iterative", "sparsity=0.8,scope=global,schedule=iterative,steps=3,epochs=2",
            "Han et al., 1506.02626"),
    _pruned("cubic (AGP)", "sparsity=0.8,scope=global,schedule=cubic,steps=4,epochs=2",
            "Zhu and Gupta, 1710.01878", note="the articles' gradient-driven sparsity"),
    _pruned("rounded channels", "structure=filter,sparsity=0.4,round_to=8", "-",
            note="counts a device's tile divides"),
    Technique(
        family="Pruning: structures, scopes and schedules",
        name="dead channels removed",
        room="compressors/compact.py",
        paper="X-CUBE-AI does it",
        recipe=f"prune{{structure=row,sparsity=0.3}}|{TUNE}|compact|quantize",
    ),
)  # fmt: skip

CRITERIA: Final = (
    _criterion("random", "criterion=random,sparsity=0.3", "-",
               note="the articles' random exclusion"),
    _criterion("L1", "criterion=l1,sparsity=0.3", "Li et al., 1608.08710"),
    _criterion("L2", "structure=filter,criterion=l2,sparsity=0.2", "Li et al., 1608.08710"),
    _criterion("Lp", "structure=filter,criterion=lp,p=3,sparsity=0.2", "-"),
    _criterion("geometric median", "structure=filter,criterion=geometric_median,sparsity=0.2",
               "He et al., 1811.00250"),
    _criterion("batch norm scale", "structure=filter,criterion=bn_scale,sparsity=0.2",
               "Liu et al., 1708.06519", CONVOLUTIONS, note="slimming: one reading of `scaling`"),
    _criterion("activation mean", "structure=filter,criterion=activation_mean,sparsity=0.2",
               "Molchanov et al., 1611.06440", note="neuron activation importance"),
    _criterion("APoZ", "structure=filter,criterion=apoz,sparsity=0.2", "Hu et al., 1607.03250",
               RECTIFIED, note="sparsity-induced trimming"),
    _criterion("Wanda", "criterion=wanda,sparsity=0.3", "Sun et al., 2306.11695"),
    _criterion("Taylor, weights", "criterion=taylor,sparsity=0.3", "Molchanov et al., 1906.10771"),
    _criterion("Taylor, activations", "structure=filter,criterion=taylor_activation,sparsity=0.2",
               "Molchanov et al., 1611.06440", note="neuron gradient importance"),
    _criterion("Fisher (OBD)", "criterion=fisher,sparsity=0.3", "LeCun et al., 1989",
               note="second-derivative importance"),
    _criterion("OBS, SparseGPT", "criterion=obs,sparsity=0.3", "Frantar and Alistarh, 2301.00774"),
    _criterion("cosine, of layers", "structure=layer,criterion=cosine,sparsity=0.5",
               "Men et al., 2403.03853", (DIGITS, TRANSFORMER)),
    _criterion("movement", "criterion=movement,sparsity=0.3", "Sanh et al., 2005.07683",
               note="made for weights that still move; of a trained network it says little"),
)  # fmt: skip

QUANTIZATION: Final = (
    _quantized("static, int8", "quantize", "Jacob et al., 1712.05877",
               note="integers between layers (inter)"),
    _quantized("int16 activations", "quantize{activations=16}", "TFLite's 16x8 scheme"),
    _quantized("16-bit weights", "quantize{weights=16,activations=16}", "-"),
    _quantized("4-bit weights", "quantize{weights=4}", "Krishnamoorthi, 1806.08342"),
    _quantized("2-bit weights", "quantize{weights=2}", "-"),
    _quantized("4-bit activations", "quantize{weights=4,activations=4}", "-"),
    _quantized("per tensor", "quantize{granularity=tensor}", "Krishnamoorthi, 1806.08342"),
    _quantized("per group", "quantize{weights=4,group=16,activations=32}",
               "Shen et al., 1909.05840"),
    _quantized("asymmetric weights", "quantize{scheme=asymmetric}", "Jacob et al., 1712.05877"),
    _quantized("symmetric activations", "quantize{activation_scheme=symmetric}",
               "Krishnamoorthi, 1806.08342"),
    _quantized("power-of-two scales", "quantize{power_of_two_scales=true}",
               "Jain et al., 1903.08066"),
    _quantized("dynamic", "quantize{mode=dynamic}", "ONNX Runtime, PyTorch",
               note="weights are offline, the inputs' scale is not; reals between layers (intra)"),
    _quantized("weight-only", "quantize{weights=4,activations=32}", "Lin et al., 2306.00978"),
    _quantized("observer: moving average", "quantize{observer=moving_average}",
               "Jacob et al., 1712.05877"),
    _quantized("observer: percentile", "quantize{observer=percentile}",
               "McKinstry et al., 1809.04191"),
    _quantized("observer: MSE", "quantize{observer=mse}", "Sakr et al., 2206.06501"),
    _quantized("observer: entropy", "quantize{observer=entropy}", "Migacz, GTC 2017"),
    _quantized("weights clipped by MSE", "quantize{weights=4,clip=mse}", "Sakr et al., 2206.06501"),
    _quantized("rounding: half up", "quantize{weights=4,rounding=half_up}", "-"),
    _quantized("rounding: MaxPlusOne", "quantize{weights=4,rounding=max_plus_one}", "-",
               note="the articles' term; taken as half up, (2x + 1) >> 1"),
    _quantized("rounding: half away", "quantize{weights=4,rounding=half_away}", "-"),
    _quantized("rounding: floor", "quantize{weights=4,rounding=floor}", "-",
               note="biased by half a step"),
    _quantized("rounding: truncation", "quantize{weights=4,rounding=truncate}", "-"),
    _quantized("rounding: stochastic", "quantize{weights=4,rounding=stochastic}",
               "Gupta et al., 1502.02551"),
    _quantized("binary weights", "quantize{scheme=binary,weights=1,first_last_bits=8}",
               "Courbariaux et al., 1511.00363"),
    _quantized("XNOR", "quantize{scheme=binary,weights=1,activations=1,first_last_bits=8}",
               "Rastegari et al., 1603.05279", (MLP,),
               note="refused where a ReLU feeds a sum too, as in the residual network"),
    _quantized("ternary", "quantize{scheme=ternary,weights=2,first_last_bits=8}",
               "Li et al., 1605.04711"),
    _quantized("power-of-two weights", "quantize{scheme=power_of_two,weights=4}",
               "Miyashita et al., 1603.01025"),
    _quantized("APoT", "quantize{scheme=apot,weights=4}", "Li et al., 1909.13144"),
    Technique(family="Quantization after training", name="bias correction",
              room="compressors/correct_bias.py", paper="Nagel et al., 1906.04721",
              recipe="quantize{weights=4}|correct_bias"),
    Technique(family="Quantization after training", name="cross-layer equalization",
              room="compressors/equalize.py", paper="Nagel et al., 1906.04721",
              recipe="equalize|quantize{granularity=tensor}", networks=RECTIFIED,
              note="the other reading of `scaling`"),
    Technique(family="Quantization after training", name="AdaRound",
              room="compressors/adaround.py", paper="Nagel et al., 2004.10568",
              recipe="adaround{bits=3}|quantize"),
    Technique(family="Quantization after training", name="GPTQ",
              room="compressors/gptq.py", paper="Frantar et al., 2210.17323",
              recipe="gptq{bits=3}|quantize"),
    Technique(family="Quantization after training", name="mixed precision",
              room="compressors/mixed_precision.py", paper="Dong et al., 1905.03696",
              recipe="mixed_precision{budget=0.5}",
              note="a budget of bits, bytes or cost: what the articles call intuitive perception"),
)  # fmt: skip

_QAT = "epochs=6,learning_rate=0.005"
TRAINED: Final = tuple(
    Technique(
        family="Quantization-aware training",
        name=name,
        room=room,
        paper=paper,
        recipe=recipe,
        networks=networks,
        note=note,
    )
    for name, room, paper, recipe, networks, note in (
        ("QAT, 2-bit weights", "compressors/qat.py", "Jacob et al., 1712.05877",
         f"qat{{weights=2,{_QAT}}}", NETWORKS,
         "the forward pass is the integer executor's, bit by bit"),
        ("QAT under another rounding", "compressors/qat.py", "Jacob et al., 1712.05877",
         f"qat{{weights=2,numerics=ort,{_QAT}}}", NETWORKS, "ONNX Runtime's"),
        ("LSQ", "compressors/qat.py", "Esser et al., 1902.08153",
         f"qat{{weights=2,method=lsq,{_QAT}}}", NETWORKS, ""),
        ("PACT", "compressors/qat.py", "Choi et al., 1805.06085",
         f"qat{{weights=2,activations=4,method=pact,{_QAT}}}", RECTIFIED, ""),
        ("binary, trained", "compressors/qat.py", "Courbariaux et al., 1511.00363",
         f"qat{{scheme=binary,weights=1,first_last_bits=8,{_QAT}}}", NETWORKS, ""),
        ("ternary, trained", "compressors/qat.py", "Li et al., 1605.04711",
         f"qat{{scheme=ternary,weights=2,first_last_bits=8,{_QAT}}}", NETWORKS, ""),
        ("iterative rounding and clipping", "compressors/iterative_clip.py",
         "nearest: Zhou et al., 1702.03044", "iterative_clip{weights=3}|quantize", NETWORKS,
         "the articles' ICLR: no such paper; INQ appeared at ICLR 2017"),
        ("INQ", "compressors/iterative_clip.py", "Zhou et al., 1702.03044",
         "iterative_clip{schedule=inq}|quantize", NETWORKS, ""),
    )
)  # fmt: skip


def _kin(
    family: str,
    room: str,
    *rows: tuple[str, str, str, tuple[str, ...], str],
) -> tuple[Technique, ...]:
    """Return rows (name, paper, recipe, networks, note) of one family and room."""
    return tuple(
        Technique(
            family=family, name=name, room=room, paper=paper, recipe=recipe, networks=networks,
            note=note,
        )
        for name, paper, recipe, networks, note in rows
    )  # fmt: skip


SHARING: Final = _kin(
    "Sharing and coding",
    "compressors/share.py",
    ("k-means codebook, linear start", "Han et al., 1510.00149", "share{bits=4,init=linear}",
     NETWORKS, "weight sharing"),
    ("density start", "Han et al., 1510.00149", "share{bits=4,init=density}", NETWORKS, ""),
    ("random start", "Han et al., 1510.00149", "share{bits=4,init=random}", NETWORKS, ""),
    ("least squared error", "exact 1-D dynamic program", "share{bits=4,init=optimal}", NETWORKS,
     ""),
    ("centroids finetuned", "Han et al., 1510.00149",
     "share{bits=3}|finetune{epochs=6,optimizer=adam,learning_rate=0.001}", NETWORKS,
     "gradients are summed per cluster, so SGD needs a rate as small as clusters are large"),
    ("codebook of integers", "Han et al., 1510.00149", "share{bits=4}|quantize{granularity=tensor}",
     NETWORKS, ""),
)  # fmt: skip

CODING: Final = _kin(
    "Sharing and coding",
    "compressors/encode.py",
    ("Huffman coding", "Huffman, 1952", "quantize{weights=4}|encode{format=huffman}", NETWORKS, ""),
    ("relative indices", "Han et al., 1602.01528",
     "prune{sparsity=0.8,scope=global}|quantize|encode{format=relative4}", NETWORKS,
     "4 bits, fillers where gaps are longer"),
    ("relative indices, Huffman", "Han et al., 1510.00149",
     "prune{sparsity=0.8,scope=global}|quantize|encode{format=relative8_huffman}", NETWORKS, ""),
    ("smallest format", "-", "prune{sparsity=0.8,scope=global}|quantize|encode{format=smallest}",
     NETWORKS, ""),
    ("Deep Compression", "Han et al., 1510.00149", "examples/recipes/deep_compression.yaml",
     NETWORKS, "prune, share, Huffman; bytes are the file's"),
)  # fmt: skip

LOW_RANK: Final = _kin(
    "Low rank",
    "compressors/factorize.py",
    ("SVD", "Denton et al., 1404.0736", f"factorize{{method=svd,ratio=0.5}}|{TUNE}|quantize",
     (MLP, TRANSFORMER), "LRA"),
    ("spatial SVD", "Jaderberg et al., 1405.3866",
     f"factorize{{method=spatial_svd,ratio=0.5}}|{TUNE}|quantize", CONVOLUTIONS, ""),
    ("channel SVD", "Zhang et al., 1505.06798",
     f"factorize{{method=channel_svd,ratio=0.5}}|{TUNE}|quantize", CONVOLUTIONS, ""),
    ("ranks by energy", "Zhang et al., 1505.06798",
     f"factorize{{method=svd,energy=0.9}}|{TUNE}|quantize", (MLP, TRANSFORMER), ""),
    ("ranks by EVBMF", "Nakajima et al., JMLR 2013",
     f"factorize{{method=tucker2,evbmf=true}}|{TUNE}|quantize", CONVOLUTIONS, ""),
    ("Tucker-2", "Kim et al., 1511.06530",
     f"factorize{{method=tucker2,ratio=0.5}}|{TUNE}|quantize", CONVOLUTIONS, ""),
)  # fmt: skip


def _distilled(name: str, settings: str, paper: str, note: str = "") -> Technique:
    """Return a way to teach a small convolutional network what the network at hand knows."""
    return Technique(
        family="Distillation into a small network",
        name=name,
        room="compressors/distill.py",
        paper=paper,
        recipe=f"distill{{{settings}epochs=40,learning_rate=0.05}}|quantize",
        networks=(DIGITS,),
        student=True,
        note=note,
    )


DISTILLATION: Final = (
    _distilled("labels alone", "alpha=0,", "-", "what the others must beat"),
    _distilled("soft label", "", "Hinton et al., 1503.02531"),
    _distilled("feature map", "method=feature_map,weight=0.1,", "Romero et al., 1412.6550"),
    _distilled("attention map", "method=attention_map,", "Zagoruyko and Komodakis, 1612.03928"),
    _distilled("adversarial", "method=adversarial,weight=0.02,", "Xu et al., 1709.00513"),
    _distilled("data-free", "method=data_free,", "Yin et al., 1912.08795", "zero-shot: no data"),
    Technique(
        family="Distillation into a small network",
        name="self (born-again)",
        room="compressors/distill.py",
        paper="Furlanello et al., 1805.04770",
        recipe="distill{method=self,epochs=30,learning_rate=0.05}|quantize",
        networks=NETWORKS,
        note="the same size, from fresh weights",
    ),
)

TECHNIQUES: Final = (
    *PRUNING,
    *CRITERIA,
    *QUANTIZATION,
    *TRAINED,
    *SHARING,
    *CODING,
    *LOW_RANK,
    *DISTILLATION,
)
