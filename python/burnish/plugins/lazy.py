"""Names of things that are imported when they are used."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from burnish.errors import PluginError


@dataclass(frozen=True, slots=True)
class Lazy:
    """A factory by its address, so that listing it imports nothing.

    Attributes:
        target: ``"package.module:attribute"``.

    Example:
        >>> Lazy("collections:OrderedDict").resolve()
        <class 'collections.OrderedDict'>
    """

    target: str

    def resolve(self) -> Any:
        """The thing itself.

        Raises:
            PluginError: It cannot be imported, or is not there.
        """
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError, ValueError) as error:
            raise PluginError(
                f"{self.target!r} cannot be used: {error}. Install what is missing, or correct the address."
            ) from error
