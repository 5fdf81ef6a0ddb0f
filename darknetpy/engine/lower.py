"""From layers to steps: one small function for each section type that has a fast form; the others run as they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from darknetpy.engine.choose import DEPTHWISE, GROUPED, PLAIN, WINOGRAD_FORMS, Choices, Shape
from darknetpy.engine.connected import PackedConnection, add_connection
from darknetpy.engine.convolutions import LATE_PIXELS, Geometry, Packed, PackedConvolution, divide_pixels, divide_rows
from darknetpy.engine.depthwise import PackedDepthwise, add_depthwise
from darknetpy.engine.grouped import PackedGroups, add_groups, pack_groups
from darknetpy.engine.memory import Value
from darknetpy.engine.outputs import lower_reorg, lower_softmax
from darknetpy.engine.plan import BLOCKED, PLANAR, Plan, Run
from darknetpy.engine.pointwise import activate_boxes, apply_curve, average, multiply, pool
from darknetpy.engine.shortcuts import add_values, output_and_addend, value_to_add
from darknetpy.engine.sums import is_plain_sum
from darknetpy.engine.winograd import PackedWinograd, lower_winograd
from darknetpy.graph import INPUT, Node
from darknetpy.kernels.activations import ACTIVATIONS, activate
from darknetpy.kernels.blocked import copy_blocks, repeat_pixels
from darknetpy.kernels.convolution import convolve_pixels, convolve_rows, gather_panel
from darknetpy.kernels.curves import curve_number
from darknetpy.kernels.layout import blocks_of
from darknetpy.kernels.products import multiply_blocks, scale_channels, scale_pixels
from darknetpy.kernels.simd import LANES
from darknetpy.kernels.tiles import run_tiles
from darknetpy.layers.connected import Connected
from darknetpy.layers.convolutional import Convolutional
from darknetpy.layers.yolo import Yolo

PLANAR_CHANNELS = 4  # an input of so few channels is read as it comes
MIXING = "normalize_channels"  # activations whose names begin so look at all channels of a pixel


def lower(plan: Plan, node: Node) -> None:
    """Add the steps of one layer: its fast form if it has one for these options, else its plain form."""
    fast = FAST_FORMS.get(node.type)
    if fast is None or not fast(plan, node):
        lower_plain(plan, node)


def lower_plain(plan: Plan, node: Node) -> None:
    """The layer's plain form, as a step of its own."""
    inputs = [plan.value(source, PLANAR) for source in node.sources]
    output = plan.output(node, PLANAR)

    def forward(arena: np.ndarray, run: Run) -> None:
        output.view(arena)[:] = node.advance([value.view(arena) for value in inputs], run.states)

    plan.call(forward, [*inputs, output])


# ---- convolutional ----


def shape_of(node: Node) -> Shape | None:
    """A convolution as far as the choice of its kernel goes; None for other layers."""
    layer, options = node.layer, node.options
    if not isinstance(layer, Convolutional):
        return None
    planar = node.sources[0] == INPUT and node.input_shapes[0][0] <= PLANAR_CHANNELS
    _, height, width = node.output_shape
    return Shape(
        node.input_shapes[0][0], options.filters, height, width,
        options.size, options.stride_x, options.stride_y, layer.dilation, options.groups, planar,
        "xnor" if options.xnor else "antialiasing" if options.antialiasing else "",
    )  # fmt: skip


def pack(node: Node, choices: Choices) -> Packed | None:
    """A layer's weights in the order of its kernel; None for a layer without them, or that runs in plain form.

    The layer does not keep arrays that are read only for this.
    """
    layer, options, shape = node.layer, node.options, shape_of(node)
    if isinstance(layer, Connected):
        return _pack_connection(node, layer)
    if not isinstance(layer, Convolutional) or shape is None:
        return None
    geometry = Geometry(options.size, options.stride_x, options.stride_y, layer.dilation, layer.padding)
    planar, kernel = shape.planar, choices[node.index].kernel
    if kernel == PLAIN:
        return None
    arrays = node.weights.peek()
    if kernel == DEPTHWISE:
        return PackedDepthwise(*layer.folded(arrays), geometry, _slope(node))
    if kernel == GROUPED:
        return pack_groups(*layer.folded(arrays), geometry, _slope(node), options.groups)
    form = WINOGRAD_FORMS.get(kernel)
    factors, biases = layer.folding(arrays)
    weights = arrays["weights"]
    if form is not None:
        return PackedWinograd(weights, biases, layer.padding, _slope(node), form, factors)
    return PackedConvolution(weights, biases, geometry, _slope(node), planar, factors)


def _slope(node: Node) -> float:
    """What the layer's activation does below 0, as far as registers go: 1 where it is more than a matter of slopes."""
    slope = ACTIVATIONS[node.options.activation].slope
    return 1.0 if slope is None else slope


def lower_convolutional(plan: Plan, node: Node) -> bool:
    """One or two operations, and a pass over the output for an activation that is not a matter of slopes."""
    packed = plan.packed.get(node.index)
    if packed is None:
        return False
    source = plan.value(node.sources[0], not packed.planar)
    output, addend = output_and_addend(plan, node)
    if isinstance(packed, PackedDepthwise):
        add_depthwise(plan, packed, source, output)
    elif isinstance(packed, PackedGroups):
        add_groups(plan, packed, source, output, _fields)
    elif isinstance(packed, PackedWinograd):
        lower_winograd(plan, packed, source, output)
    elif isinstance(packed, PackedConvolution):
        _convolve(plan, packed, source, output)
    _activate(plan, node, output)
    if addend is not None:
        plan.add_at_the_end(output, addend, _slope(plan.graph.nodes[plan.sums[node.index].shortcut]))
    return True


def _convolve(plan: Plan, packed: PackedConvolution, source: Value, output: Value) -> None:
    """One or two operations."""
    if packed.planar:
        _convolve_by_rows(plan, packed, source, output)
    elif packed.geometry.pointwise:
        _convolve_by_pixels(plan, packed, source, output, packed.pointwise_offsets(source))
    elif output.pixels <= LATE_PIXELS:
        _convolve_late(plan, packed, source, output)
    else:
        _convolve_by_rows(plan, packed, source, output)


def _convolve_by_rows(plan: Plan, packed: PackedConvolution, source: Value, output: Value) -> None:
    """Chunks are runs of output rows; each makes its panel in scratch memory."""
    _, height, width = output.shape
    parts = divide_rows(packed, source, output, plan.threads)
    rows = -(-height // parts)
    plan.operate(
        convolve_rows,
        plan.images * parts,
        {"source": source, "out": output},
        {
            **_fields(packed, source, output),
            "parts": parts,
            "groups_in_chunk": packed.groups,
            "panel_rows": packed.geometry.panel_rows(rows),
        },
        arrays={"offsets": packed.panel_offsets(rows, width)},
        scratch_bytes=packed.geometry.panel_bytes(source, rows, width),
    )


def _convolve_by_pixels(
    plan: Plan, packed: PackedConvolution, source: Value, output: Value, offsets: np.ndarray, *, whole: bool = False
) -> None:
    """One matrix product, in chunks of pixels and output channels."""
    parts, groups_in_chunk = divide_pixels(packed, output.pixels, plan.images, plan.threads, whole)
    plan.operate(
        convolve_pixels,
        plan.images * parts * -(-packed.groups // groups_in_chunk),
        {"source": source, "out": output},
        {**_fields(packed, source, output), "parts": parts, "groups_in_chunk": groups_in_chunk},
        arrays={"offsets": offsets},
    )


def _convolve_late(plan: Plan, packed: PackedConvolution, source: Value, output: Value) -> None:
    """The panel of the whole picture, then one matrix product in chunks of output channels."""
    _, height, width = output.shape
    rows = packed.geometry.panel_rows(height)
    panel = plan.new_value((LANES, packed.geometry.copies * source.blocks * rows, width), BLOCKED)
    plan.operate(
        gather_panel,
        plan.images * source.blocks,
        {"source": source, "out": panel},
        {**_fields(packed, source, output), "parts": 1, "panel_rows": rows},
    )
    _convolve_by_pixels(plan, packed, panel, output, packed.panel_offsets(height, width), whole=True)


def _fields(packed: PackedConvolution, source: Value, output: Value) -> dict[str, float]:
    """The fields of a convolution's record that do not depend on how its work is divided."""
    geometry = packed.geometry
    return {
        "weights": packed.weights.ctypes.data, "biases": packed.biases.ctypes.data,
        "tiles": run_tiles.address,
        "images": source.images, "planes": source.planes, "pixel_bytes": source.pixel_bytes,
        "height": source.shape[1], "width": source.shape[2],
        "out_blocks": output.blocks, "out_height": output.shape[1], "out_width": output.shape[2],
        "size": geometry.size, "stride_x": geometry.stride_x, "stride_y": geometry.stride_y,
        "dilation": geometry.dilation, "padding": geometry.padding,
        "steps": packed.steps, "turns": packed.turns, "depth": packed.depth,
        "group": packed.group, "accumulators": packed.accumulators, "slope": packed.slope,
        "far": int(packed.is_far(source, output)),
    }  # fmt: skip


def _activate(plan: Plan, node: Node, output: Value) -> None:
    """Apply an activation that registers do not, where the output lies; one that mixes channels needs it planar."""
    name = node.options.activation
    if ACTIVATIONS[name].slope is not None or apply_curve(plan, name, output):
        return
    value = plan.value(node.index, PLANAR) if name.startswith(MIXING) else output

    def apply(arena: np.ndarray, run: Run) -> None:
        values = value.view(arena)
        values[:] = activate(name, values)

    plan.call(apply, [value])
    if value is not output:
        plan.forget(node, BLOCKED)


# ---- connected ----


def _pack_connection(node: Node, layer: Connected) -> Packed | None:
    """A fully connected layer's weights; None where the activation has no vector form."""
    name = node.options.activation
    if ACTIVATIONS[name].slope is None and curve_number(name) is None:
        return None
    return PackedConnection(*layer.folded(node.weights.peek()), _slope(node), name)


def lower_connected(plan: Plan, node: Node) -> bool:
    """One operation on planar values."""
    packed = plan.packed.get(node.index)
    if not isinstance(packed, PackedConnection):
        return False
    source, output = plan.value(node.sources[0], PLANAR), plan.output(node, PLANAR)
    add_connection(plan, packed, source, output)
    return True


# ---- what stands between convolutions ----


def lower_maxpool(plan: Plan, node: Node) -> bool:
    """Windows of a blocked array; the planar input and the forms that look across channels stay plain."""
    options = node.options
    if options.maxpool_depth or options.antialiasing or not _all_blocked(plan, node):
        return False
    source, output = plan.value(node.sources[0], BLOCKED), plan.output(node, BLOCKED)
    fields: dict[str, float] = {
        "height": source.shape[1], "width": source.shape[2],
        "out_height": output.shape[1], "out_width": output.shape[2],
        "size": options.size, "stride_x": options.stride_x, "stride_y": options.stride_y,
        "padding": options.padding // 2,
    }  # fmt: skip
    pool(plan, source, output, fields)
    return True


def _all_blocked(plan: Plan, node: Node) -> bool:
    """Whether all inputs are there in blocked form, so that a fast form costs no conversion."""
    return all(plan.is_blocked(source) for source in node.sources)


def lower_route(plan: Plan, node: Node) -> bool:
    """Copies of whole blocks, but for what already lies in its place; nothing at all where there is one source."""
    groups, group = node.options.groups, node.options.group_id
    if len(node.sources) == groups == 1:
        return lower_passing(plan, node)
    widths = [shape[0] // groups for shape in node.input_shapes]
    firsts = [group * width for width in widths]
    starts = [sum(widths[:number]) for number in range(len(widths))]
    whole_blocks = all(channel % LANES == 0 for channel in (*firsts, *starts))
    if not whole_blocks or len(node.output_shape) != 3 or not _all_blocked(plan, node):
        return False
    if len(node.sources) == 1:
        plan.take_part(node, node.sources[0], firsts[0])
        return True
    output = plan.output(node, BLOCKED)
    for source_index, first, start, width in zip(node.sources, firsts, starts, widths, strict=True):
        if groups == 1 and plan.is_part(source_index, output, start):
            continue
        source, blocks = plan.value(source_index, BLOCKED), blocks_of(width)
        plan.operate(
            copy_blocks,
            plan.images * blocks,
            {"source": source, "out": output},
            {"blocks": blocks, "pixels": source.pixels},
            offsets={"source": first // LANES * source.plane_bytes, "out": start // LANES * output.plane_bytes},
        )
    return True


def lower_shortcut(plan: Plan, node: Node) -> bool:
    """Sums of blocked arrays; nothing where the convolution before has formed it. Sums with factors stay plain."""
    if plan.has_output(node):
        return True
    if not is_plain_sum(node) or not _all_blocked(plan, node):
        return False
    source, *others = (plan.value(index, BLOCKED) for index in node.sources)
    others = [value_to_add(plan, other, node.output_shape) for other in others]
    output = plan.output(node, BLOCKED)
    add_values(plan, source, others, output, _slope(node))
    _activate(plan, node, output)
    return True


def lower_product(plan: Plan, node: Node) -> bool:
    """The product of two blocked arrays, of one shape or with a factor for each channel or pixel."""
    if len(node.output_shape) != 3 or not _all_blocked(plan, node):
        return False
    factors, source = (plan.value(index, BLOCKED) for index in node.sources)
    output = plan.output(node, BLOCKED)
    by_pixel = node.type == "scale_channels" and node.options.scale_wh
    operation = multiply_blocks if node.type == "sam" else scale_pixels if by_pixel else scale_channels
    multiply(plan, operation, factors, source, output, _slope(node))
    _activate(plan, node, output)
    return True


def lower_yolo(plan: Plan, node: Node) -> bool:
    """The logistic function of planes, and x and y stretched."""
    layer = node.layer
    if not isinstance(layer, Yolo):
        return False
    source, output = plan.value(node.sources[0], PLANAR), plan.output(node, PLANAR)
    activate_boxes(plan, source, output, Yolo.values + layer.classes, layer.stretch, activated=layer.new_coords)
    return True


def lower_avgpool(plan: Plan, node: Node) -> bool:
    """The mean of each channel of a blocked array."""
    if not _all_blocked(plan, node):
        return False
    average(plan, plan.value(node.sources[0], BLOCKED), plan.output(node, BLOCKED))
    return True


def lower_upsample(plan: Plan, node: Node) -> bool:
    """Pixels of a blocked array become squares; sums of squares (a negative stride) stay plain."""
    options = node.options
    if options.stride < 0 or not _all_blocked(plan, node):
        return False
    source, output = plan.value(node.sources[0], BLOCKED), plan.output(node, BLOCKED)
    fields = {
        "blocks": source.blocks, "width": source.shape[2], "out_height": output.shape[1],
        "stride": options.stride, "scale": options.scale,
    }  # fmt: skip
    plan.operate(repeat_pixels, plan.images * source.blocks, {"source": source, "out": output}, fields)
    return True


def lower_passing(plan: Plan, node: Node) -> bool:
    """A layer that passes its input on; some of them have something to do in training only."""
    plan.same_as(node, node.sources[0])
    return True


FAST_FORMS: dict[str, Callable[[Plan, Node], bool]] = {
    "avgpool": lower_avgpool,
    "connected": lower_connected,
    "contrastive": lower_passing,
    "convolutional": lower_convolutional,
    "cost": lower_passing,
    "dropout": lower_passing,
    "empty": lower_passing,
    "maxpool": lower_maxpool,
    "reorg": lower_reorg,
    "route": lower_route,
    "sam": lower_product,
    "scale_channels": lower_product,
    "shortcut": lower_shortcut,
    "softmax": lower_softmax,
    "upsample": lower_upsample,
    "yolo": lower_yolo,
}
"""Section type -> the function that adds its fast form's steps, and says whether it has one for these options."""
