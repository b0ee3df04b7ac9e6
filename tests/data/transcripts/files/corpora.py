"""Corpora of dialogues about tasks: Schema-Guided Dialogue, MultiWOZ 2.2 and 2.1."""

from __future__ import annotations

import json
from typing import Any

from tests.data.transcripts.files.file import File, Refused

GUIDED, OLD = "Schema-Guided / MultiWOZ 2.2", "MultiWOZ 2.1"
ASK, TELL, THANK = "I need a taxi to the station.", "When do you want to leave?", "At 9:15, please."
TURNS = [f"USER: {ASK}", f"SYSTEM: {TELL}", f"USER: {THANK}"]


def guided(number: str, *texts: str, first: str = "USER", **more: Any) -> dict[str, Any]:
    speakers = ("USER", "SYSTEM") if first == "USER" else ("SYSTEM", "USER")
    return {"dialogue_id": number, "services": ["Taxi_1"], **more, "turns": [
        {"frames": [{"service": "Taxi_1", "slots": [], "actions": []}], "speaker": speakers[at % 2],
         "turn_id": str(at), "utterance": text} for at, text in enumerate(texts)
    ]}  # fmt: skip


def logged(*texts: str, **goal: Any) -> dict[str, Any]:
    log = [{"text": text, "metadata": {}, "dialog_act": {}, "span_info": []} for text in texts]
    return {"goal": {"taxi": {}, "message": [], **goal}, "log": log}


FILES = [
    File("dialogues_001.json", [guided("1_00000", ASK, TELL, THANK)], GUIDED, TURNS),
    File(
        "dialogues_002.json",
        [guided("2_00000", ASK, TELL), guided("2_00001", "Any museum nearby?", "Kettle's Yard: free on Sundays.")],
        GUIDED,
        [*TURNS[:2], "USER: Any museum nearby?", "SYSTEM: Kettle's Yard: free on Sundays."],
        num_conversations=2,
    ),
    File(
        "multiwoz22.txt", [guided("PMUL4398.json", ASK, TELL, THANK)], GUIDED, TURNS, encoding="utf-8-sig",
            has_crlf=True,
    ),
    File("one.json", guided("SNG0073.json", ASK, TELL), GUIDED, TURNS[:2]),
    File(
        "records.jsonl", "\n".join(json.dumps(guided(f"3_{at}", ASK, TELL)) for at in range(3)), GUIDED, TURNS[:2] * 3,
        num_conversations=3, has_crlf=True,
    ),
    File(
        "system-first.json", [guided("4_0", "Welcome!", "Danke, ich brauche ein Taxi.", first="SYSTEM")], GUIDED,
        ["SYSTEM: Welcome!", "USER: Danke, ich brauche ein Taxi."],
    ),
    File(
        "with-empty.vtt", [guided("5_0"), guided("5_1", ASK, "", THANK)], GUIDED, [TURNS[0], TURNS[2]], {"no words": 1},
    ),
    File(
        "missing-speaker.json",
        [{"dialogue_id": "6_0", "turns": [{"speaker": "USER", "utterance": ASK}, {"utterance": "Hello?"},
                                          {"speaker": "SYSTEM", "utterance": TELL}]}],
        GUIDED, [TURNS[0], "USER: Hello?", TURNS[1]],
        {}, {"without a speaker, so given the one of what stands beside it": 1},
    ),
    File("data.json", {"SNG0073.json": logged(ASK, TELL, THANK)}, OLD, TURNS),
    File(
        "data-two.json", {"SSNG.json": logged(), "PMUL1.json": logged(ASK, f" {TELL} \n"),
            "MUL2.json": logged("A table for two?", "Where?")}, OLD,
        [*TURNS[:2], "USER: A table for two?", "SYSTEM: Where?"], num_conversations=2,
    ),
    File("data.md", {"WOZ20001.json": logged("Un taxi, s’il vous plaît : 9 h.", "Très bien.")}, OLD,
         ["USER: Un taxi, s’il vous plaît : 9 h.", "SYSTEM: Très bien."], encoding="utf-16"),
    File("data-long.txt", json.dumps({"SNG1.json": logged(*[ASK, TELL] * 40)}), OLD, TURNS[:2] * 40,
         encoding="utf-8-sig"),
    File("crosswoz.json", {"10412": logged("故宫的电话是多少？", "010-85007938：请打这个。")}, OLD,
         ["USER: 故宫的电话是多少？", "SYSTEM: 010-85007938：请打这个。"]),
]  # fmt: skip

REFUSED = [
    Refused("speakers-lost.json", [{"dialogue_id": "1_0", "turns": [{"utterance": ASK}, {"utterance": TELL}]}],
            "read as Schema-Guided / MultiWOZ 2.2, and nobody is named in it"),
    Refused("blank-turns.json", [guided("1_0", "", " ")],
        "read as Schema-Guided / MultiWOZ 2.2, but nobody says anything"),
    Refused("blank-log.json", {"SNG1.json": logged("", " ")}, "read as MultiWOZ 2.1, but nobody says anything in it"),
    Refused("no-turns.json", [{"dialogue_id": "1_0", "turns": []}], "is of no known format of conversations; its JSON"),
]  # fmt: skip
