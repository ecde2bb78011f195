"""The parser of every verb: an error is one line in the user's own words, and says what to do.

A verb hands its options on to the library under the library's names, and an error of the library names those. `Parser`
knows which option each of them came from: by default the name argparse derives from the option, otherwise what the verb
declares in ``library_names``.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from theory.errors import did_you_mean

__all__ = ["Parser"]

# The subject of the sentence. Anywhere else a plain word like "mode" or "loss" is only a word; after the name of a file
# it is what the file holds, unless it "names" a column.
_SUBJECT = r"(?:^{0}(?= (?:must|needs|of the)\b)|(?:^|(?<=: )){0}(?= names\b))"
# A name with an underscore is no word, but inside quotes, a path or another name it is the user's.
_NAME = r"(?:(?<![\w/.'\-])(?<!: ){0}(?![\w/.'\-])|(?<=: ){0}(?= names\b))"


class Parser(argparse.ArgumentParser):
    """An argument parser without abbreviations, whose errors take one line.

    Attributes
    ----------
    library_names : dict of str to str
        Option by the name of an argument of the library, where that is not the option's own.

    Examples
    --------
    >>> parser = Parser(prog="landau-vae cascade")
    >>> _ = parser.add_argument("--keep", type=int)
    >>> _ = parser.add_argument("--batch-size", type=int)
    >>> parser.library_names["k"] = "--keep"
    >>> parser.in_own_words("k must be an integer, got 0.5; k = 1 keeps one")
    '--keep must be an integer, got 0.5; k = 1 keeps one'
    >>> parser.in_own_words("loss 'mse-sum-kl' needs batch_size; give it")
    "loss 'mse-sum-kl' needs --batch-size; give it"
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        self.register("type", int, _whole)
        self.register("type", float, _number)
        self.library_names: dict[str, str] = {}

    def in_own_words(self, message: str) -> str:
        """The message with the library's names of arguments replaced by the options that set them."""
        own = {action.dest: action.option_strings[-1] for action in self._actions if action.option_strings}
        for name, option in (own | self.library_names).items():
            message = re.sub((_NAME if "_" in name else _SUBJECT).format(re.escape(name)), option, message)
        return message

    def given(self, args: argparse.Namespace) -> set[str]:
        """The options that were given another value than their default."""
        return {
            action.option_strings[-1]
            for action in self._actions
            if action.option_strings and action.dest in args and getattr(args, action.dest) != action.default
        }

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As in argparse, but what is unknown is refused by the verb that does not know it: it knows what is near."""
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(self._refusal(unknown))
        return known, unknown

    def error(self, message: str) -> NoReturn:
        """End with status 2 and one line, without the usage."""
        message = re.sub(r"^argument (\S+):(?= must )", r"\1", message).removeprefix("argument ")
        listed = "verbs" if self._subparsers is not None else "options"
        self.exit(2, f"landau-vae: error: {message}; {self.prog} --help lists the {listed}\n")

    def _refusal(self, unknown: Sequence[str]) -> str:
        option = next((word.partition("=")[0] for word in unknown if word.startswith("-") and word != "--"), None)
        if option is None:
            return f"{self.prog} takes no further argument, got {unknown[0]!r}"
        if self._subparsers is not None:
            return f"{option} must follow a verb, as in {self.prog} VERB {option}"
        # All options share their first two letters.
        near = did_you_mean(option, self._option_string_actions, cutoff=0.75)
        return f"{self.prog} has no option {option}{near}"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            near = did_you_mean(value, action.choices)
            raise argparse.ArgumentError(action, f"must be one of {', '.join(action.choices)}, got {value!r}{near}")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, got {text!r}") from None


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value != value:
        raise argparse.ArgumentTypeError(f"must be a number, got {text!r}")
    return value
