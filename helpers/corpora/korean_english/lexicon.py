"""The words: forms, romanisation (Revised, as pronounced: only nouns keep an ㅎ behind ㄱ, ㄷ, ㅂ), English.

The nouns are those of korean_order.
"""

from __future__ import annotations

from typing import NamedTuple

LEFT_OUT = ("younger-", "older-")
"""What Korean says of a brother or sister (동생, 언니) and an English sentence does not."""

PEOPLE_ARE = {
    "착한": ("chakan", "kind"),
    "피곤한": ("pigonhan", "tired"),
    "바쁜": ("bappeun", "busy"),
    "유명한": ("yumyeonghan", "famous"),
}
"""Adjective before a person: (romanised, English)."""

THINGS_ARE = {
    "차가운": ("chagaun", "cold"),
    "따뜻한": ("ttatteutan", "warm"),
    "맛있는": ("masinneun", "delicious"),
    "비싼": ("bissan", "expensive"),
    "새로운": ("saeroun", "new"),
    "오래된": ("oraedoen", "old"),
    "재미있는": ("jaemiinneun", "interesting"),
    "아름다운": ("areumdaun", "beautiful"),
}

_DRINKS, _FOOD = ("차가운", "따뜻한", "맛있는"), ("맛있는", "비싼")
_TEXTS, _ART = ("새로운", "오래된", "재미있는"), ("새로운", "오래된", "아름다운")
ADJECTIVES_OF = (
    dict.fromkeys(("음료수", "물", "커피", "우유"), _DRINKS)
    | dict.fromkeys(("밥", "사과", "빵"), _FOOD)
    | dict.fromkeys(("책", "편지", "신문"), _TEXTS)
    | dict.fromkeys(("음악", "노래", "영화", "그림"), _ART)
)
"""Object → adjectives that suit it."""


class Place(NamedTuple):
    """A place as it stands before the verb, 에서 with it."""

    roman: str
    preposition: str
    noun: str
    article: bool = True


PLACES = {
    "집에서": Place("jibeseo", "at", "home", article=False),
    "학교에서": Place("hakgyoeseo", "at", "school", article=False),
    "공원에서": Place("gongwoneseo", "in", "park"),
    "카페에서": Place("kapeeseo", "in", "cafe"),
    "도서관에서": Place("doseogwaneseo", "in", "library"),
    "부엌에서": Place("bueokeseo", "in", "kitchen"),
    "정원에서": Place("jeongwoneseo", "in", "garden"),
    "기차에서": Place("gichaeseo", "on", "train"),
}
MARKETS = {
    "가게에서": Place("gageeseo", "in", "shop"),
    "시장에서": Place("sijangeseo", "at", "market"),
}
"""Where things are bought; everything else is done in `PLACES`."""

# Strictly, the progressive is an aspect: here it is the present tense of what is going on.
PAST, PRESENT, PROGRESSIVE, FUTURE = TENSES = ("past", "present", "progressive", "future")

TIMES = {
    PAST: {"어제": ("eoje", "yesterday"), "지난주에": ("jinanjue", "last week")},
    PRESENT: {"매일": ("maeil", "every day"), "아침마다": ("achimmada", "every morning")},
    PROGRESSIVE: {"지금": ("jigeum", "now"), "요즘": ("yojeum", "these days")},
    FUTURE: {"내일": ("naeil", "tomorrow"), "나중에": ("najunge", "later")},
}

AUXILIARIES = {PROGRESSIVE: ("있다", "itda", "is"), FUTURE: ("것이다", "geosida", "will")}
"""Tense → the word after the verb: form, romanised, English."""

VERBS = {
    "마신다": {
        PAST: ("마셨다", "masyeotda"),
        PRESENT: ("마신다", "masinda"),
        PROGRESSIVE: ("마시고", "masigo"),
        FUTURE: ("마실", "masil"),
    },
    "먹는다": {
        PAST: ("먹었다", "meogeotda"),
        PRESENT: ("먹는다", "meongneunda"),
        PROGRESSIVE: ("먹고", "meokgo"),
        FUTURE: ("먹을", "meogeul"),
    },
    "읽는다": {
        PAST: ("읽었다", "ilgeotda"),
        PRESENT: ("읽는다", "ingneunda"),
        PROGRESSIVE: ("읽고", "ilgo"),
        FUTURE: ("읽을", "ilgeul"),
    },
    "듣는다": {
        PAST: ("들었다", "deureotda"),
        PRESENT: ("듣는다", "deunneunda"),
        PROGRESSIVE: ("듣고", "deutgo"),
        FUTURE: ("들을", "deureul"),
    },
    "본다": {
        PAST: ("보았다", "boatda"),
        PRESENT: ("본다", "bonda"),
        PROGRESSIVE: ("보고", "bogo"),
        FUTURE: ("볼", "bol"),
    },
    "산다": {
        PAST: ("샀다", "satda"),
        PRESENT: ("산다", "sanda"),
        PROGRESSIVE: ("사고", "sago"),
        FUTURE: ("살", "sal"),
    },
}
"""Verb as in korean_order → tense → (form, romanised)."""

ENGLISH_VERBS = {
    "drink": ("drank", "drinks", "drinking", "drink"),
    "eat": ("ate", "eats", "eating", "eat"),
    "read": ("read", "reads", "reading", "read"),
    "listen to": ("listened to", "listens to", "listening to", "listen to"),
    "look at": ("looked at", "looks at", "looking at", "look at"),
    "watch": ("watched", "watches", "watching", "watch"),
    "buy": ("bought", "buys", "buying", "buy"),
}
"""In the order of `TENSES`."""

TRANSLATED = {
    "마신다": "drink",
    "먹는다": "eat",
    "읽는다": "read",
    "듣는다": "listen to",
    "본다": "look at",
    "산다": "buy",
}
WATCHED = ("영화",)
"""What 보다 means depends on the object: a film is watched, everything else looked at."""
