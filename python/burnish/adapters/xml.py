"""Replies in tags: ``<field>`` its text ``</field>``, which some models are trained on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from burnish.adapters.base import Adapter
from burnish.adapters.field_text import FieldText
from burnish.adapters.form import FormAdapter, texts_of
from burnish.adapters.json import JSONAdapter
from burnish.adapters.reading_tags import TagReader
from burnish.adapters.tags import from_tags, has_tags, in_tags
from burnish.errors import ReplyError
from burnish.values.signature import Signature


class XMLAdapter(FormAdapter):
    """Asks for a tag around each output.

    Args:
        use_native_function_calling: Whether a model that calls tools natively is handed the tools of a signature so,
            and not as text.
        use_json_adapter_fallback: Whether a reply that does not parse is asked for once more through `JSONAdapter`,
            which costs one more call.

    Example:
        >>> adapter = XMLAdapter()
        >>> sums = Signature("question -> answer: int")
        >>> print(adapter.render(sums, {"question": "6 × 7?"})[0]["content"])
        <question>
        6 × 7?
        </question>
        <BLANKLINE>
        Reply with the tags `<answer>`, each closed after its text.
        >>> adapter.parse(sums, "Of course: <answer>42</answer>")
        {'answer': 42}
    """

    name = "xml"

    def __init__(self, *, use_native_function_calling: bool = False, use_json_adapter_fallback: bool = True) -> None:
        self.use_native_function_calling = use_native_function_calling
        self.fallback: Adapter | None = None
        if use_json_adapter_fallback:
            self.fallback = JSONAdapter(use_native_function_calling=use_native_function_calling)

    def parse(self, signature: type[Signature], reply: str) -> dict[str, Any]:
        """The outputs in a reply, each valid for its field; one in another adapter's form is read too.

        Raises:
            ReplyError: A tag is missing or its text is no value of its type.
        """
        fields = self.form(signature).outputs
        try:
            return from_tags(fields, reply)
        except ReplyError:
            if has_tags(fields, reply) or self.fallback is None:
                raise
            try:
                return self.fallback.parse(signature, reply)
            except ReplyError:
                pass
            raise

    def reader(self, signature: type[Signature]) -> TagReader:
        """Tells each field while it is being written."""
        return TagReader(self.form(signature).outputs)

    def around(self, name: str) -> tuple[str, str]:
        """A tag."""
        return f"<{name}>\n", f"\n</{name}>"

    def pattern(self, names: Collection[str]) -> str:
        """The tags, in order."""
        said = "Write the reply in exactly this form, each text between its tags, and nothing else:"
        return f"{said}\n\n{in_tags({name: f'{{{name}}}' for name in names})}"

    def closing(self, names: Collection[str]) -> str:
        """The names of the tags."""
        return f"Reply with the tags {', '.join(f'`<{name}>`' for name in names)}, each closed after its text."

    def written(self, fields: Mapping[str, FieldText], outputs: Mapping[str, Any]) -> str:
        """The tags with these outputs."""
        return in_tags(texts_of(fields, outputs))
