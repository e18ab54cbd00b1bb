"""Usable answers to the three kinds of question, as an endpoint gives them."""

import json

from tests.generation.vlm.endpoint_server import Behaviour

OBJECTS = [{"name": "cup", "kind": "kitchen"}, {"name": "person", "kind": "person"}]


def kind_of(request: dict) -> str:
    """`objects`, `prompt` or `score`."""
    return request["response_format"]["json_schema"]["name"]


def answer(request: dict, number: int = 0) -> Behaviour:
    """What a VLM that understands would say."""
    schema = request["response_format"]["json_schema"]["schema"]
    if kind_of(request) == "objects":
        return Behaviour(json.dumps({"objects": OBJECTS}))
    if kind_of(request) == "score":
        return Behaviour(json.dumps({"score": 4, "reason": "it looks natural"}))
    if "background" in schema["properties"]:
        return Behaviour(json.dumps({"prompt": "a small red balloon", "background": "a plain grey wall"}))
    return Behaviour(json.dumps({"prompt": "a plain grey wall of stone"}))
