"""Why a reply ended, in one vocabulary: servers and hosts have a dozen words for the same five reasons."""

from __future__ import annotations

_ENDINGS = {
    "stop": "end end_turn eos eos_token stop_sequence stop_token complete completed finished",
    "length": "max_tokens max_length max_new_tokens max_output_tokens model_length model_context_window_exceeded",
    "content_filter": "content_filtered safety recitation blocklist prohibited_content spii guardrail_intervened sensitive",
    "tool_calls": "function_call tool_call tool_use",
    "refusal": "",
}
"""`ChatReply.finish_reason`'s words, and what others call them."""
_IN_OUR_WORDS = {word: ours for ours, words in _ENDINGS.items() for word in (ours, *words.split())}


def in_our_words(reason: object) -> str | None:
    """A finish reason as `ChatReply` has it, also from the name of an enum, as in `FinishReason.MAX_TOKENS`.

    What no table knows stays as it is, and is heard of; what is no text, or an empty one, says nothing.
    """
    if not isinstance(reason, str) or not reason:
        return None
    return _IN_OUR_WORDS.get(reason.rpartition(".")[2].lower(), reason)
