"""Depthwise convolution of channel-blocked arrays: each channel has filters of its own, so that lanes never mix.

Groups of 4 or 8 channels, with as many filters, are filtered in the same way: lanes mix within their group only, so
that each line is multiplied once for each member of a group, with that member's value in all lanes of its group.

A block of 16 channels is filtered row by row. The source rows that an output row needs, with zeros around them, lie in
a ring in scratch memory, which stays in the first-level cache; each source row is copied once. A row is then computed
some neighbouring pixels at a time, whose sums stay in registers; the last step is pushed back to end with the row.

The common sizes and strides are unrolled (a line that two neighbours need is loaded once), the others run loops.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types

from darknetpy.kernels import compiled_once, kernel
from darknetpy.kernels.convolution import divide
from darknetpy.kernels.curves import call_curve
from darknetpy.kernels.layout import clear_floats, copy_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import (
    FLOAT,
    INT32,
    INT64,
    LANES,
    LINE,
    Emitter,
    accumulators,
    calling,
    emit_choice,
    intrinsic,
)

ANY = 0
UNROLLED_SIZES, UNROLLED_STRIDES = (3, 5), (1, 2)
GROUPS = (4, 8)  # channels of a group, where it is not one; these have unrolled forms of 3x3 only
WIDEST = 8  # pixels in a step; 12 and 16 gave nothing


class Form(NamedTuple):
    """What one compiled function does: channels of a group, size and stride (0 is any), and pixels in a step."""

    group: int
    size: int
    stride: int
    pixels: int


def forms() -> list[Form]:
    """Every form that is compiled for this CPU; a form's place in this list is its number."""
    widest = min(WIDEST, max(1, accumulators() // 2))  # beside the sums registers hold the lines that neighbours share
    steps = sorted({1, max(1, widest // 2), widest})  # groups do without the one between: theirs take long to compile
    sizes = [(1, size) for size in UNROLLED_SIZES] + [(group, UNROLLED_SIZES[0]) for group in GROUPS]
    unrolled = [(*kind, stride) for kind in sizes for stride in UNROLLED_STRIDES]
    kinds = [*unrolled, (1, ANY, ANY)]
    return [Form(*kind, pixels) for kind in kinds for pixels in (steps if kind[0] == 1 else {1, widest})]


def has_form(group: int, size: int, stride: int) -> bool:
    """Whether there is a form for groups of so many channels, this size and this horizontal stride."""
    return group == 1 or any(form[:3] == (group, size, stride) for form in forms())


def form_for(group: int, size: int, stride: int, width: int) -> int:
    """The number of the form for such groups, size and horizontal stride, and output rows of this width.

    >>> forms()[form_for(1, 3, 1, 1)]
    Form(group=1, size=3, stride=1, pixels=1)
    """
    known = forms()
    unrolled = any(form[:3] == (group, size, stride) for form in known)
    kind = (group, size, stride) if unrolled else (group, ANY, ANY)
    fitting = [form for form in known if form[:3] == kind and form.pixels <= width]
    return known.index(max(fitting, key=lambda form: form.pixels))


class Row(NamedTuple):
    """What the function of a form is given: addresses, counts and bytes, as LLVM values.

    Source row ky is row (first + ky) modulo size of the ring, whose rows are ``pitch`` bytes apart.
    """

    ring: ir.Value
    pitch: ir.Value
    first: ir.Value
    size: ir.Value
    stride: ir.Value
    width: ir.Value
    weights: ir.Value
    biases: ir.Value
    out: ir.Value
    slope: ir.Value


Sums = dict[str, ir.Value]


class RowEmitter:
    """Emits the function of one form: one output row of one block of channels."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.name = f"depthwise_{form.group}_{form.size}_{form.stride}_{form.pixels}"

    def run(self, emitter: Emitter, *values: ir.Value) -> None:
        """The whole function."""
        given, builder, pixels = Row(*values), emitter.builder, self.form.pixels
        slopes, biases = emitter.splat(given.slope), emitter.load(given.biases)
        line_stride = builder.mul(given.stride, INT64(LINE))
        last = builder.sub(given.width, INT64(pixels))
        count = builder.sdiv(builder.add(given.width, INT64(pixels - 1)), INT64(pixels))
        with emitter.loop(count, column=INT64(0)) as steps:
            begin = steps.now["column"]
            column = builder.select(builder.icmp_signed("<", begin, last), begin, last)
            sums = {str(pixel): biases for pixel in range(pixels)}
            at = builder.mul(column, line_stride)
            if self.form.size == ANY:
                sums = self.looped(emitter, given, at, line_stride, sums)
            else:
                sums = self.unrolled(emitter, given, at, sums)
            out = builder.add(given.out, builder.mul(column, INT64(LINE)))
            for pixel in range(pixels):
                emitter.store(out, emitter.rectify(sums[str(pixel)], slopes), LINE * pixel)
            steps.next = {"column": builder.add(begin, INT64(pixels))}

    def unrolled(self, emitter: Emitter, given: Row, at: ir.Value, sums: Sums) -> Sums:
        """The sums over a filter whose size is known."""
        group, size, stride, pixels = self.form
        for ky in range(size):
            row = emitter.builder.add(self.source_row(emitter, given, INT64(ky)), at)
            lines = [emitter.load(row, LINE * number) for number in range((pixels - 1) * stride + size)]
            for member, kx in ((member, kx) for member in range(group) for kx in range(size)):
                weights = emitter.load(given.weights, LINE * ((size * ky + kx) * group + member))
                for pixel in range(pixels):
                    source = self.values_of(emitter, lines[pixel * stride + kx], member)
                    sums = {**sums, str(pixel): emitter.fma(source, weights, sums[str(pixel)])}
        return sums

    def values_of(self, emitter: Emitter, line: ir.Value, member: int) -> ir.Value:
        """A line in which each lane holds the value of its group's member of this number."""
        group = self.form.group
        if group == 1:
            return line
        lanes = [lane // group * group + member for lane in range(LANES)]
        return emitter.builder.shuffle_vector(line, line, ir.Constant(ir.VectorType(INT32, LANES), lanes))

    def looped(self, emitter: Emitter, given: Row, at: ir.Value, line_stride: ir.Value, sums: Sums) -> Sums:
        """The sums over a filter of any size, at any stride."""
        builder = emitter.builder
        places = [builder.mul(line_stride, INT64(pixel)) for pixel in range(self.form.pixels)]
        with emitter.loop(given.size, weights=given.weights, **sums) as rows:
            row = builder.add(self.source_row(emitter, given, rows.turn), at)
            with emitter.loop(given.size, line=row, **rows.now) as cells:
                weights = emitter.load(cells.now["weights"])
                cells.next = {
                    "line": builder.add(cells.now["line"], INT64(LINE)),
                    "weights": builder.add(cells.now["weights"], INT64(LINE)),
                }
                for pixel, place in enumerate(places):
                    source = emitter.load(builder.add(cells.now["line"], place))
                    cells.next[str(pixel)] = emitter.fma(source, weights, cells.now[str(pixel)])
            rows.next = {name: cells.after[name] for name in rows.now}
        return {name: rows.after[name] for name in sums}

    @staticmethod
    def source_row(emitter: Emitter, given: Row, ky: ir.Value) -> ir.Value:
        """The address of a source row in the ring."""
        builder = emitter.builder
        place = builder.add(given.first, ky)
        wrapped = builder.sub(place, given.size)
        place = builder.select(builder.icmp_signed("<", place, given.size), place, wrapped)
        return builder.add(given.ring, builder.mul(place, given.pitch))


@intrinsic
def _row_of_form(typing: Any, form: Any, given: Any) -> Any:
    """A switch over the functions of all forms; ``given`` is the tuple of `Row`."""
    kinds = [*[INT64] * (len(Row._fields) - 1), FLOAT]

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        arguments = [builder.extract_value(values[1], i) for i in range(len(kinds))]
        rows = (RowEmitter(form) for form in forms())
        emit_choice(builder, values[0], ((number, row.name, row.run) for number, row in enumerate(rows)), arguments)
        return context.get_dummy_value()

    return types.none(types.int64, given), generate


ROW_SIGNATURE = types.void(*[types.int64] * len(Row._fields), types.float32)
call_row = calling(ROW_SIGNATURE)


@compiled_once(ROW_SIGNATURE)
def filter_row(
    form: int, ring: int, pitch: int, first: int, size: int, stride: int, width: int,
    weights: int, biases: int, out: int, slope: float,
) -> None:  # fmt: skip
    """One output row of one block, by the form of this number; see `Row` and `RowEmitter`."""
    _row_of_form(form, (ring, pitch, first, size, stride, width, weights, biases, out, slope))


DEPTHWISE = record_type(
    **integers(
        "source", "source_plane", "source_image", "out", "out_plane", "out_image", "weights", "biases", "filter_row",
        "blocks", "height", "width", "out_height", "out_width", "size", "stride_x", "stride_y", "padding", "group",
        "form", "pitch", "blocks_in_chunk", "parts", "curve", "number",
    ),
    slope="f4",
)  # fmt: skip
"""What a depthwise convolution reads. Strides are in bytes.

weights: [block][cell of the filter][member of the group][16]; biases: one float for each lane; filter_row: address of
`filter_row`. padding is before the first row and column; group: channels of a group. form: the number of `form_for`;
pitch: bytes of a row of the ring. blocks_in_chunk and parts (of the output rows): the division into chunks. slope: of
the activation below 0. curve: 0, or the address of `run_curve` for an activation that is more than a slope; number:
its.
"""
CURVE_LINES = 128  # to which a curve is applied at once: short rows are worth no call, and so many stay in cache
_read = reader(DEPTHWISE)


@operation(DEPTHWISE)
def convolve_depthwise(record: int, chunk: int, scratch: int) -> None:
    """Chunk: (image, some blocks, part of the output rows)."""
    depthwise = _read(record)
    part, rest = chunk % depthwise.parts, chunk // depthwise.parts
    shares = (depthwise.blocks + depthwise.blocks_in_chunk - 1) // depthwise.blocks_in_chunk
    image, first = rest // shares, rest % shares * depthwise.blocks_in_chunk
    top = divide(depthwise.out_height, depthwise.parts, part)
    end = divide(depthwise.out_height, depthwise.parts, part + 1)
    for block in range(first, min(first + depthwise.blocks_in_chunk, depthwise.blocks)):
        source = depthwise.source + image * depthwise.source_image + block * depthwise.source_plane
        out = depthwise.out + image * depthwise.out_image + block * depthwise.out_plane
        filter_rows(depthwise, source, out, scratch, block, top, end)


@kernel
def filter_rows(depthwise: Any, source: int, out: int, ring: int, block: int, top: int, end: int) -> None:
    """Output rows from ``top`` to ``end`` of one block of one image."""
    size, pitch = depthwise.size, depthwise.pitch
    weights, biases = depthwise.weights + block * size * size * depthwise.group * LINE, depthwise.biases + block * LINE
    clear_floats(ring, size * pitch // 4)
    following = top * depthwise.stride_y
    curved = top  # rows to which the curve has been applied
    for row in range(top, end):
        first = row * depthwise.stride_y  # rows are counted from the first row of padding on
        following = max(following, first)
        while following < first + size:
            y = following - depthwise.padding
            place = ring + following % size * pitch + depthwise.padding * LINE
            if 0 <= y < depthwise.height:
                copy_floats(source + y * depthwise.width * LINE, place, depthwise.width * LANES)
            else:
                clear_floats(place, depthwise.width * LANES)
            following += 1
        call_row(depthwise.filter_row, (
            depthwise.form, ring, pitch, first % size, size, depthwise.stride_x, depthwise.out_width,
            weights, biases, out + row * depthwise.out_width * LINE, depthwise.slope,
        ))  # fmt: skip
        lines = (row + 1 - curved) * depthwise.out_width
        if depthwise.curve and (lines >= CURVE_LINES or row + 1 == end):
            call_curve(depthwise.curve, (depthwise.number, out + curved * depthwise.out_width * LINE, lines))
            curved = row + 1
