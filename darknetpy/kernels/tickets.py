"""Sharing out the chunks of a job among threads by tickets, in compiled code from the first chunk to the last.

A team has one *board*: memory that the leader of a job and the helpers share. The leader writes the job on it and sets
``LEFT`` to the number of chunks. Whoever takes one away from ``LEFT`` and finds that it was above zero has a ticket for
one chunk: a chunk of the first operation that has any left. It waits until all chunks of earlier operations are done,
runs its chunk, and adds one to ``DONE``. The leader returns when all are done. There is no barrier at which anybody
must arrive: a helper that never woke, or left, costs its share and nothing else.

The leader takes an operation's chunks from the first on, a helper from the last on (every other one of several).
Chunks are mostly parts of the picture in order, so what a thread reads it has often written itself, and it lies in its
own core's cache. That matters where cores are far apart, as those of a virtual machine can be for seconds.

Why this is right:

- *Every chunk once.* An operation counts in one word, `TAKEN`, how many of its chunks were taken from either end. Who
  raises one of both and finds that their sum was below the number of chunks has a chunk of its own. There are as many
  tickets as chunks, so whoever has a ticket finds a chunk.
- *Order.* The chunks of operation i run only once DONE >= b, the number of chunks before it. A chunk of i is taken only
  when all before are, so these are done when DONE reaches b: nothing of i was counted before. DONE is raised by a
  sequentially consistent operation after the chunk's stores, so whoever has seen the count sees them. Chunks of one
  operation write disjoint memory.
- *No deadlock.* Of the chunks that are taken and not done, those of the first operation wait for nobody. Helpers leave
  only between chunks.
- *Jobs do not mix.* The board is written again only by a leader, of which there is one at a time (``LEADING``), and
  only when all chunks of the job before are done. So while anybody holds a ticket the board says which job it is for;
  and nobody reads the job or its memory without a ticket. Who comes late takes one away from a number that is zero or
  less, which means nothing, or gets a ticket of the next job, which is as good.
- *No lost wake-up.* A helper reads ``NUMBER``, finds nothing to do, raises ``SLEEPING``, and sleeps only if NUMBER is
  still the same (the system compares and sleeps in one step). A leader sets LEFT, raises NUMBER, and then looks whether
  anybody sleeps. All of these are sequentially consistent: if the leader saw nobody, the helper sees another NUMBER.
- *The same bits.* Threads share out chunks, never sums, so it does not matter who runs what.

A process should not compute in more threads than it has cores: threads that wait for each other would take the cores
from those they wait for. ``BUSY``, which all boards of a process share, counts the threads that compute now. A helper
joins only while a core is left, leaves after its chunk when there are too many, and looks again a little later.
"""

from __future__ import annotations

from darknetpy.kernels import kernel
from darknetpy.kernels.atomics import add_and_fetch_old, load_acquire, pause, store_release, wait_for
from darknetpy.kernels.denormals import flush_denormals, restore_denormals
from darknetpy.kernels.operations import call_operation, integers, reader, record_type
from darknetpy.kernels.system import (
    EVERYBODY,
    FUTEX_WAIT,
    FUTEX_WAKE,
    MASK_BYTES,
    call_affinity,
    call_core,
    call_system,
    call_yield,
)

STEP = record_type(**integers("function", "record", "first", "taken"))
"""One row of a job's table: addresses of the operation and of its record, the number of its first chunk, and how many
were taken from its ends."""
STEP_BYTES = STEP.itemsize
TAKEN = STEP_BYTES - 8  # where it begins: it is last
FROM_THE_FRONT, FROM_THE_BACK = 1, 1 << 32  # one chunk more, as added to it
HALF = (1 << 32) - 1
_step = reader(STEP)

LEFT, DONE, NUMBER, SLEEPING, LEADING, CLOSED, MASK = 0, 64, 128, 192, 256, 320, 384
JOB = MASK + MASK_BYTES
"""Where things are on a board: counters with a cache line each, a set of cores, and the rest (`BOARD`)."""
BOARD = record_type(
    **integers("table", "total", "scratch", "scratch_bytes", "run"),  # the job
    **integers("busy", "cores", "threads", "helpers", "shunned_core"),  # the team
    **integers("give_way", "syscall", "futex", "core", "get_affinity", "set_affinity"),  # the system
    **integers("moment_seconds", "moment_nanoseconds"),
)
"""The plain part. busy: the address of BUSY; threads: of the helpers' system-wide numbers, by place; helpers: how many
there are; shunned_core: the core that helpers keep away from; moment: how long a helper without a core waits."""
MOMENT = BOARD.itemsize - 16  # where it begins: it is last
BOARD_BYTES = JOB + BOARD.itemsize
_board = reader(BOARD)

LINGER = 10_000  # looks, about 0.2 ms in all, before a helper without work goes to sleep
LOOKS_A_TURN = 50  # between two offers of the core to others
CLOSED_DOWN, NO_WORK, NO_CORE = 0, 1, 2  # why `attend` ended


@kernel
def take_chunk(row: int, place: int) -> int:
    """A chunk of the operation of a row for the thread of this place; -1 where none is left."""
    chunks = _step(row + STEP_BYTES).first - _step(row).first
    taken = load_acquire(row + TAKEN)
    if (taken & HALF) + (taken >> 32) >= chunks:
        return -1
    from_behind = place & 1
    taken = add_and_fetch_old(row + TAKEN, FROM_THE_BACK if from_behind else FROM_THE_FRONT)
    front, back = taken & HALF, taken >> 32
    if front + back >= chunks:
        return -1
    return chunks - 1 - back if from_behind else front


@kernel
def run_chunks(board: int, place: int, cores: int) -> None:
    """Run chunks by ticket until none is left, or until more than ``cores`` threads of this process compute."""
    plain = _board(board + JOB)
    run, row = -1, 0
    while load_acquire(plain.busy) <= cores:
        if add_and_fetch_old(board + LEFT, -1) <= 0:
            return
        if plain.run != run:
            run, row = plain.run, plain.table
        chunk = take_chunk(row, place)
        while chunk < 0:
            row += STEP_BYTES
            chunk = take_chunk(row, place)
        step = _step(row)
        wait_for(board + DONE, step.first, plain.give_way)
        call_operation(step.function, (step.record, chunk, plain.scratch + place * plain.scratch_bytes))
        add_and_fetch_old(board + DONE, 1)


@kernel
def run_alone(table: int, total: int, scratch: int) -> None:
    """Run all chunks in order."""
    for ticket in range(total):
        while _step(table + STEP_BYTES).first <= ticket:
            table += STEP_BYTES
        step = _step(table)
        call_operation(step.function, (step.record, ticket - step.first, scratch))


@kernel
def lead(board: int, table: int, total: int, scratch: int, scratch_bytes: int) -> None:
    """Run a job from its start to its end, with whoever helps; alone if another thread leads this team.

    ``scratch`` has ``scratch_bytes`` for each thread of the team.
    """
    control = flush_denormals()
    plain = _board(board + JOB)
    add_and_fetch_old(plain.busy, 1)
    if total == 1 or plain.helpers == 0:
        run_alone(table, total, scratch)
    else:
        if add_and_fetch_old(board + LEADING, 1) == 0:
            plain.table, plain.total, plain.scratch, plain.scratch_bytes = table, total, scratch, scratch_bytes
            plain.run += 1
            offer(board, total)
            run_chunks(board, 0, EVERYBODY)
            wait_for(board + DONE, total, plain.give_way)
        else:
            run_alone(table, total, scratch)
        add_and_fetch_old(board + LEADING, -1)
    add_and_fetch_old(plain.busy, -1)
    restore_denormals(control)


@kernel
def offer(board: int, total: int) -> None:
    """Hand out the tickets of the job on the board, and wake those who sleep."""
    row = _board(board + JOB).table
    while _step(row).first < total:
        store_release(row + TAKEN, 0)
        row += STEP_BYTES
    store_release(board + DONE, 0)
    store_release(board + LEFT, total)
    keep_away(board)
    wake(board)


@kernel
def wake(board: int) -> None:
    """Have helpers look at the board, also those who sleep."""
    plain = _board(board + JOB)
    add_and_fetch_old(board + NUMBER, 1)
    if plain.futex != 0 and add_and_fetch_old(board + SLEEPING, 0) > 0:
        call_system(plain.syscall, (plain.futex, board + NUMBER, FUTEX_WAKE, EVERYBODY, 0, 0, 0))


@kernel
def keep_away(board: int) -> None:
    """Let helpers run where the leader may, but for the core that it is on.

    A Linux kernel often starts a thread that is woken on the core of its waker, even while another core is idle, and
    leaves both there for milliseconds: two threads are then as slow as one.
    """
    plain = _board(board + JOB)
    if plain.set_affinity == 0:
        return
    core = call_core(plain.core, ())
    if core == plain.shunned_core or core < 0:
        return
    mask = board + MASK
    if call_affinity(plain.get_affinity, (0, MASK_BYTES, mask)) < 0:  # more cores than a mask can name
        return
    word = mask + 8 * (core >> 6)
    store_release(word, load_acquire(word) & ~(1 << (core & 63)))
    others = 0
    for offset in range(0, MASK_BYTES, 8):
        others |= load_acquire(mask + offset)
    if others == 0:
        return
    for place in range(1, plain.helpers + 1):
        thread = load_acquire(plain.threads + 8 * place)
        if thread == 0:
            core = -1  # that helper has not begun: the next job looks again
        else:
            call_affinity(plain.set_affinity, (thread, MASK_BYTES, mask))
    plain.shunned_core = core


@kernel
def attend(board: int, place: int) -> int:
    """What a helper does: take part in each job, linger a little when there is none, and sleep.

    Returns `CLOSED_DOWN` when the team has ended, `NO_WORK` or `NO_CORE` where the system cannot sleep in here.
    """
    control = flush_denormals()
    plain = _board(board + JOB)
    reason = CLOSED_DOWN
    while load_acquire(board + CLOSED) == 0:
        number = load_acquire(board + NUMBER)
        if load_acquire(board + LEFT) > 0:
            if add_and_fetch_old(plain.busy, 1) < plain.cores:
                run_chunks(board, place, plain.cores)
                add_and_fetch_old(plain.busy, -1)
                continue
            add_and_fetch_old(plain.busy, -1)
            reason = NO_CORE
        elif linger(board):
            continue
        else:
            reason = NO_WORK
        if plain.futex == 0:
            break
        sleep(board, number, reason)
        reason = CLOSED_DOWN
    restore_denormals(control)
    return reason


@kernel
def linger(board: int) -> bool:
    """Whether there is work, or another word from the leader, within some tenths of a millisecond."""
    plain = _board(board + JOB)
    number = load_acquire(board + NUMBER)
    for look in range(LINGER):
        if load_acquire(board + LEFT) > 0 or load_acquire(board + NUMBER) != number:
            return True
        if look % LOOKS_A_TURN:
            pause()
        elif load_acquire(plain.busy) >= plain.cores:
            return False
        else:
            call_yield(plain.give_way, ())
    return False


@kernel
def sleep(board: int, number: int, reason: int) -> None:
    """Sleep until somebody wakes us, unless NUMBER has changed already; for want of a core only for a moment."""
    plain = _board(board + JOB)
    timeout = board + JOB + MOMENT if reason == NO_CORE else 0
    add_and_fetch_old(board + SLEEPING, 1)
    call_system(plain.syscall, (plain.futex, board + NUMBER, FUTEX_WAIT, number, timeout, 0, 0))
    add_and_fetch_old(board + SLEEPING, -1)


@kernel
def close_down(board: int) -> None:
    """End the team's helpers."""
    store_release(board + CLOSED, 1)
    wake(board)
