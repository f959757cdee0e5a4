"""What the chatbot makes of texts: what a message is, Markdown of others, and errors in plain words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from failures import in_plain_words
from prose import as_html, as_text
from turns import fact_in, kind_of

from attngs.errors import InputError
from tests.loopback.server import LoopbackServer
from tests.loopback.turns import Turn, always

KINDS = {
    "greeting": ["hi", "Hello there!", "thank you so much", "Good morning", "ok", "How are you?"],
    "sum": [
        "What is 17 times 23?",
        "17*23",
        "15% of 80",
        "What's 3 x 4?",
        "How much is 20% of 350 euros?",
        "Calculate 12 / 4",
        "How many seconds are there in a day?",
        "how many grams in a pound",
        "what's 72 kg in pounds?",
        "Convert 30 miles to km",
        "Is 97 prime?",
        "cube root of 2744",
        "Solve 4y - 7 = 21",
        "Divide 312 among nine people.",
        "A 15% tip on 42.50?",
        "Round 3.14159 to two decimals",
        "average of 4, 9 and twelve",
        "What is two thirds of 78, rounded?",
    ],
    "code": [
        "Write a Python function that reverses a string",
        "Please write a SQL query that joins two tables",
        "```\nprint(1)\n```",
        "How do I squash two commits in git?",
        "What does `sorted()` return?",
        "Which HTML tag makes a table?",
        "Why can't you parse HTML with a regex?",
        "undo chmod 777",
        "docker: how do I see all containers?",
        "Why would C++ need a virtual destructor?",
    ],
    "translation": [
        'Translate "the early bird catches the worm" into Spanish.',
        "How do you say 'good luck with the exam' in Italian?",
        "Translate to French: The museum is closed on Mondays.",
        "What's the German word for butterfly?",
        "Übersetze ins Englische: Der Zug hat heute Verspätung.",
        "¿Cómo se dice 'lighthouse' en español?",
        "Traduis en anglais : La fenêtre est ouverte.",
        "Come si dice «spoon» in inglese?",
    ],
    "statement": ["I moved to Porto", "my sister is called Lea", "I'm vegan", "Remember that I sail", "Actually, we sold the car."],
    "question": [
        "What day is it?",
        "How is Mila doing?",
        "What about 2024?",
        "What did I pay on 12 May?",
        "What did Eve write in the script?",
        "How many minutes is it to my office?",
        "How many days until the wedding?",
        "At 5 or at 6?",
        "In two weeks?",
        "And how many euros a month?",
        "What did Priya say about nginx?",
        "Which git server do we use at work?",
        "Does she still write Python?",
        "How much is the rent plus the garage?",
        "How old is Mila, seven or eight?",
        "How should I organize the parts of a webpage in HTML?",
        "Which bugs were logged besides the 'TypeError' in autocomplete.js?",
        "Which Monty Python film is best?",
        "Can you say in German where Mila lives?",
        "In English please: where does Mila live?",
        "How do you say 'good luck' to Mila?",
        "What is the word for the alarm?",
        "What's the German name for the cabin?",
    ],
    "other": [
        "I'd like to know where Lea lives",
        "I want you to help me",
        "Is 12 May free",
        "Good morning Mila",
        "",
        "I see",
        "Fix my code",
        "Translate my letter into Spanish",
        "Translate the letter from the landlord into Spanish",
        "Translate it into Dutch: the one for Mila",
        "Translate 'see you soon' for Mila",
        "Put on the list: milk",
    ],
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in KINDS.items() for text in texts])
def test_a_message_is_told_by_its_words(kind: str, text: str) -> None:
    assert kind_of(text) == kind
    assert bool(fact_in(text)) is (kind == "statement")


def test_what_is_to_be_remembered_is_kept_without_the_request() -> None:
    assert fact_in("Please remember that  I hate\nfog.") == "I hate fog."
    assert fact_in("I said: " + "x " * 200) == ""


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<script>x</script><b onclick=y>", "&lt;script&gt;x&lt;/script&gt;&lt;b onclick=y&gt;"),
        ("[a](javascript:alert)", "[a](javascript:alert)"),
        ("[a](data:text/html,x) [b](FILE:///etc)", "[a](data:text/html,x) [b](FILE:///etc)"),
        ("[a](other:x)", "<code>other:x</code></details>"),
        ("1. **one**\n2. two", "<ol>\n<li><strong>one</strong></li>\n<li>two</li>\n</ol>"),
        ("![a <b>](http://h/x.png)", "Image: a &lt;b&gt;</summary>"),
        ("```js onload=x\n</code><b>\n```", "<pre><code>&lt;/code&gt;&lt;b&gt;\n</code></pre>"),
        ('[a](<http://h/"onclick=x>)', 'href="http://h/%22onclick=x"'),
        ("a\ud800 [x](http://[)", "a"),
    ],
)
def test_markdown_of_others_is_html_that_does_nothing(text: str, html: str) -> None:
    made = as_html(text)
    assert html in re.sub(r"</?p>|(?<=<li>)\n|\n(?=</li>)", "", made)
    assert not re.search(
        r"<(?!/?(?:div|ol|ul|li|strong|em|s|code|pre|details|summary|a|br|h\d|table|thead|tbody|tr|t[hd]|blockquote|hr)\b)", made
    )
    assert not re.search(r"<[^>]*\s(?:on\w+|src|style|id)=", made)


def test_a_label_shows_all_of_its_characters() -> None:
    assert as_text("![a](x)\n**b** :red[c] $d$") == r"\!\[a\]\(x\) \*\*b\*\* \:red\[c\] \$d\$"


def raised(loopback: LoopbackServer, turn: Turn) -> Exception:
    import openai

    loopback.plan = always(turn)
    client = openai.OpenAI(base_url=loopback.url, api_key="secret", max_retries=0)
    with pytest.raises(openai.OpenAIError) as caught:
        client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "Tea?"}])
    return caught.value


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (Turn(status=401, text="no"), "tiny did not accept the key. Check OPENAI_API_KEY"),
        (Turn(status=404, text="no"), "tiny is not known there. Check the model's name"),
        (Turn(status=429, text="no"), "tiny has had too many requests, or the credit is used up"),
        (Turn(status=400, text="maximum context length"), "too long for tiny. Start a new chat"),
        (Turn(status=503, text="no"), "tiny has a problem of its own"),
        (Turn(kind="break_off"), "No server answers where tiny should be. Is it running?"),
    ],
)
def test_errors_of_a_model_are_told_in_plain_words(loopback: LoopbackServer, turn: Turn, words: str) -> None:
    told = in_plain_words(raised(loopback, turn), "tiny")
    assert words in told
    assert "secret" not in told


def test_other_errors_are_told_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    from langchain.chat_models import init_chat_model

    told: dict[str, Any] = {}
    for name in ("openai:gpt-5-mini", "anthropic:claude"):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - of what kind it is, is up to LangChain
            init_chat_model(name)
        told[name] = in_plain_words(caught.value, "The chat model")
    assert (
        told["openai:gpt-5-mini"]
        == "The chat model needs a key. Set OPENAI_API_KEY (or your provider's variable), and start the page again."
    )
    assert told["anthropic:claude"] == ("A package is missing: pip install langchain-anthropic")
    assert in_plain_words(InputError("`name` is empty."), "x") == "`name` is empty."
