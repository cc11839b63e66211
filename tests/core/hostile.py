"""Text as attackers, broken vendors and other scripts write it."""

from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80) | st.sampled_from(
    [
        "<!channel> <!here> <!everyone>",
        "<@U123> <#C123> <https://evil.example|click>",
        "*bold* _it_ ~no~ `code` ```block```",
        "&amp; &lt;!channel&gt; &" * 200,
        "@channel @here",
        "line\r\nBcc: everyone@example.com\r\n\r\n<script>alert(1)</script>",
        "=?utf-8?q?=0D=0ABcc:_everyone@example.com?=",
        "\u202eesrever\u2066 \x00\x1b[31m \u2028",
        "<" * 4_000,
        "x" * 9_000,
        "word " * 900,
        "",
        " ",
        "نص عربي 中文 🇩🇪👩‍👩‍👧",
    ]
)
