from __future__ import annotations

from typing import get_args

from altmonitor.core.alert import DETECTED_KINDS, Kind
from altmonitor.detectors.kinds import KINDS, WINDOW_S
from altmonitor.render.kinds import FACES
from altmonitor.render.texts import TEXTS
from altmonitor.render.texts.reply_texts import REPLY_TEXTS


def test_every_kind_has_a_face() -> None:
    assert set(FACES) == set(get_args(Kind))


def test_every_kind_has_its_words_in_every_language() -> None:
    missing = []
    for lang, texts in TEXTS.items():
        wanted = [key for spec in KINDS.values() for key in spec.headlines]
        wanted += [face.unit_key for face in FACES.values() if face.unit_key]
        wanted += list(WINDOW_S)
        for kind in DETECTED_KINDS:
            wanted += [f"joined_{kind}", f"largest_{kind}"]
        missing += [f"{lang}: {key}" for key in wanted if key not in texts]
        replies = [f"kind_{kind}" for kind in KINDS]
        missing += [f"{lang}: {key}" for key in replies if key not in REPLY_TEXTS[lang]]
    assert missing == []
