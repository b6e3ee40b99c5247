"""Replies that are one JSON object, held to a schema by the model's endpoint where it can do that.

What is sent with a call, by what is known of the model:

- ``structured_output`` and types that strict schemas have: ``response_format`` with the schema, made once a signature;
- ``structured_output`` and other types, such as open dicts: ``response_format`` of ``json_object``;
- otherwise nothing: the prompt asks for JSON, and the reply is read as tolerantly as any.

An endpoint that refuses ``response_format`` is asked again without it, and not sent it any more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from burnish.adapters.field_text import FieldText
from burnish.adapters.form import FormAdapter
from burnish.adapters.objects import from_object, in_object
from burnish.adapters.reading_objects import ObjectReader
from burnish.adapters.schema import response_format
from burnish.adapters.sections import from_sections, has_sections, header
from burnish.errors import ReplyError
from burnish.lm.capabilities import Capabilities
from burnish.values.signature import Signature


class JSONAdapter(FormAdapter):
    """Asks for one JSON object with a key for each output.

    A reply that does not parse is not asked for again: the same question would bring the same reply.

    Args:
        use_native_function_calling: Whether a model that calls tools natively is handed the tools of a signature so,
            and not as text.

    Example:
        >>> adapter = JSONAdapter()
        >>> sums = Signature("question -> answer: int")
        >>> print(adapter.render(sums, {"question": "6 × 7?"})[0]["content"])
        [[ ## question ## ]]
        6 × 7?
        <BLANKLINE>
        Reply with one JSON object with the key `answer`.
        >>> adapter.parse(sums, "Here it is: {'Answer': 42,}")
        {'answer': 42}
    """

    name = "json"

    def __init__(self, *, use_native_function_calling: bool = True) -> None:
        self.use_native_function_calling = use_native_function_calling

    def options(
        self, signature: type[Signature], inputs: Mapping[str, Any], capabilities: Capabilities
    ) -> Mapping[str, Any]:
        """The tools where they are native, else the form of the reply where the model can be held to one."""
        tools = super().options(signature, inputs, capabilities)
        # With both, many endpoints refuse the call or never call a tool.
        if tools or not capabilities.structured_output:
            return tools
        kept: Mapping[str, Any] | None = signature.kept.get(response_format)
        if kept is None:
            kept = signature.kept[response_format] = {"response_format": response_format(signature)}
        return kept

    def parse(self, signature: type[Signature], reply: str) -> dict[str, Any]:
        """The outputs in a reply, each valid for its field; one in `ChatAdapter`'s sections is read too.

        Raises:
            ReplyError: There is no JSON object, a field is missing, or its value is none of its type.
        """
        fields = self.form(signature).outputs
        try:
            return from_object(fields, reply)
        except ReplyError:
            if not has_sections(reply):
                raise
            try:
                return from_sections(fields, reply)
            except ReplyError:
                pass
            raise

    def reader(self, signature: type[Signature]) -> ObjectReader:
        """Tells each field while it is being written."""
        return ObjectReader(self.form(signature).outputs)

    def around(self, name: str) -> tuple[str, str]:
        """A header."""
        return f"{header(name)}\n", ""

    def pattern(self, names: Collection[str]) -> str:
        """The object, its keys in order."""
        keys = ",\n".join(f'  "{name}": {{{name}}}' for name in names)
        said = "Write the reply as one JSON object of exactly this form, with nothing before or after it:"
        return f"{said}\n\n{{\n{keys}\n}}"

    def closing(self, names: Collection[str]) -> str:
        """The names of the keys."""
        return f"Reply with one JSON object with the key{'s' * (len(names) > 1)} {', '.join(f'`{n}`' for n in names)}."

    def written(self, fields: Mapping[str, FieldText], outputs: Mapping[str, Any]) -> str:
        """The object with these outputs."""
        return in_object(fields, outputs)
