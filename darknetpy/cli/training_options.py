"""The options of ``darknetpy train`` that say how a network learns, and all of them as a request for a training."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from darknetpy.cli.arguments import DIALECTS, Parser, add_strict, one_of, whole_number

if TYPE_CHECKING:
    from darknetpy.training.early_stopping import EarlyStopping
    from darknetpy.training.opening import Request

OPTIMIZERS = ("sgd", "adam", "adamw")
MONITORS = ("loss", "accuracy", "val_loss", "val_accuracy")
_MOST = 2**31 - 1


def add_arguments(parser: Parser) -> None:
    """Declare them."""
    parser.add_argument(
        "--optimizer", type=one_of(*OPTIMIZERS), metavar="NAME",
        help=f"{', '.join(OPTIMIZERS)}, with momentum, B1, B2, eps of CFG [sgd; adam if adam=1]",
    )  # fmt: skip
    parser.add_argument(
        "--l1", type=_not_negative, metavar="X", help="pull of all weights to zero, besides decay= of CFG [0]"
    )
    parser.add_argument(
        "--input-noise", type=_not_negative, metavar="SIGMA", help="deviation of noise added to values of 0 to 1 [0]"
    )
    parser.add_argument(
        "--early-stopping", type=one_of(*MONITORS), metavar="WHAT",
        help=f"end where this becomes no better: {', '.join(MONITORS)}",
    )  # fmt: skip
    parser.add_argument(
        "--patience", type=whole_number(0, _MOST), metavar="N",
        help="epochs (or --validate-every) without a better one before that end [0]",
    )  # fmt: skip
    parser.add_argument(
        "--min-delta", type=_not_negative, metavar="X", help="what a change must exceed to be better [0]"
    )
    parser.add_argument(
        "--restore-best-weights", action="store_true", help="end with the weights that were best in that"
    )
    parser.add_argument(
        "--dialect", type=one_of(*DIALECTS), metavar="NAME",
        help=f"whose numbers to give where the C programs differ: {' or '.join(DIALECTS)} [{DIALECTS[0]}]",
    )  # fmt: skip
    add_strict(parser)
    parser.add_argument("--allow-damaged", action="store_true", help="use what can be read of damaged pictures")
    parser.add_rule(_misfit)


def _misfit(arguments: argparse.Namespace) -> str | None:
    details = (
        ("--patience", arguments.patience is not None),
        ("--min-delta", arguments.min_delta is not None),
        ("--restore-best-weights", arguments.restore_best_weights),
    )
    if arguments.early_stopping is None:
        return next((f"{name} is for --early-stopping WHAT" for name, given in details if given), None)
    return None


def _not_negative(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:  # also for NaN
        raise argparse.ArgumentTypeError(f"{text!r}, expected a number that is not below 0")
    return number


def request_of(arguments: argparse.Namespace) -> Request:
    """What is asked for, in the words of the Python API."""
    from darknetpy.training.opening import Request

    return Request(
        cfg=arguments.cfg,
        data=arguments.data,
        weights=arguments.weights,
        clear=arguments.clear,
        backup=arguments.backup,
        resume=arguments.resume,
        seed=arguments.seed,
        iterations=arguments.iterations,
        validation=arguments.validation,
        validate_every=arguments.validate_every,
        augmentation=False if arguments.no_augmentation else None,
        optimizer=arguments.optimizer,
        l1=arguments.l1,
        input_noise=arguments.input_noise,
        dialect=arguments.dialect,
        early_stopping=_early_stopping(arguments),
        threads=arguments.threads,
        save_every=arguments.save_every,
        save_last_every=arguments.save_last_every,
        strict=arguments.strict,
        allow_damaged=arguments.allow_damaged or None,
    )


def _early_stopping(arguments: argparse.Namespace) -> EarlyStopping | None:
    from darknetpy.training.early_stopping import EarlyStopping

    if arguments.early_stopping is None:
        return None
    return EarlyStopping(
        arguments.early_stopping,
        min_delta=arguments.min_delta or 0.0,
        patience=arguments.patience or 0,
        restore_best_weights=arguments.restore_best_weights,
    )
