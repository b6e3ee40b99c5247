"""The default adapter: sections under ``[[ ## field ## ]]`` headers, ended by ``[[ ## completed ## ]]``.

Reads tolerantly and returns only valid values (`sections` says how). A reply that does not parse is asked for once more
as JSON.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from burnish.adapters.base import Adapter
from burnish.adapters.field_text import FieldText
from burnish.adapters.form import FormAdapter, texts_of
from burnish.adapters.json import JSONAdapter
from burnish.adapters.objects import from_object, is_object
from burnish.adapters.reading_sections import SectionReader
from burnish.adapters.sections import from_sections, has_sections, header, in_sections
from burnish.errors import ReplyError
from burnish.values.signature import Signature


class ChatAdapter(FormAdapter):
    """Works with every chat model: plain text in, sections out.

    Args:
        use_native_function_calling: Whether a model that calls tools natively is handed the tools of a signature so,
            and not as text.
        use_json_adapter_fallback: Whether a reply that does not parse is asked for once more through `JSONAdapter`,
            which costs one more call.

    Example:
        >>> adapter = ChatAdapter()
        >>> sums = Signature("question -> answer: int")
        >>> print(adapter.render(sums, {"question": "6 × 7?"})[0]["content"])
        [[ ## question ## ]]
        6 × 7?
        <BLANKLINE>
        Reply with the sections `answer`, then `completed`.
        >>> adapter.parse(sums, "[[ ## answer ## ]] 42 [[ ## completed ## ]]")
        {'answer': 42}
    """

    name = "chat"

    def __init__(self, *, use_native_function_calling: bool = False, use_json_adapter_fallback: bool = True) -> None:
        self.use_native_function_calling = use_native_function_calling
        self.fallback: Adapter | None = None
        if use_json_adapter_fallback:
            self.fallback = JSONAdapter(use_native_function_calling=use_native_function_calling)

    def parse(self, signature: type[Signature], reply: str) -> dict[str, Any]:
        """The outputs in a reply, each valid for its field; one that is a JSON object instead is read too.

        Raises:
            ReplyError: A field is missing or its text is no value of its type.
        """
        fields = self.form(signature).outputs
        try:
            return from_sections(fields, reply)
        except ReplyError:
            if not is_object(reply) or has_sections(reply):
                raise
            try:
                return from_object(fields, reply)
            except ReplyError:
                pass
            raise

    def around(self, name: str) -> tuple[str, str]:
        """A header."""
        return f"{header(name)}\n", ""

    def pattern(self, names: Collection[str]) -> str:
        """The sections, in order."""
        said = "Write the reply in exactly this form, each header on a line of its own, and nothing else:"
        return f"{said}\n\n{in_sections({name: f'{{{name}}}' for name in names})}"

    def closing(self, names: Collection[str]) -> str:
        """The names of the sections."""
        return f"Reply with the sections {', '.join(f'`{name}`' for name in names)}, then `completed`."

    def written(self, fields: Mapping[str, FieldText], outputs: Mapping[str, Any]) -> str:
        """The sections with these outputs."""
        return in_sections(texts_of(fields, outputs))

    def reader(self, signature: type[Signature]) -> SectionReader:
        """Tells each field while it is being written."""
        return SectionReader(self.form(signature).outputs)
